"""What is asked, and what is answered: sentences, each with a next step where there is one."""

from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    """What a sentence is about, for programs."""

    INSTALLABLE = "installable"
    PLATFORM = "platform"
    CREDENTIAL = "credential"
    ABILITY = "ability"
    CLIENT = "client"
    NO_PACKAGE = "no_package"
    DELETED = "deleted"
    NOT_VISIBLE = "not_visible"
    ELSEWHERE = "elsewhere"
    NO_VERSION = "no_version"
    NO_MATCH = "no_match"
    STABILITY = "stability"
    WITHHELD = "withheld"
    IMPORT = "import"


@dataclass(frozen=True, slots=True)
class Reason:
    """One sentence, and what to do about it; "" when nothing is to be done."""

    cause: Cause
    sentence: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether it can be installed, and the reasons, the decisive one first. `version` is what Composer would take."""

    may: bool
    whom: str
    package: str
    constraint: str
    reasons: tuple[Reason, ...]
    version: str | None = None
