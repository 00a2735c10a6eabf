"""What is found by looking whether all is well: a sentence, and how bad it is. Knows nothing of what it is about."""

from dataclasses import dataclass, field
from enum import StrEnum

from packistry.errors import Refusal


class Finding(StrEnum):
    """How one thing that was looked at is."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One sentence: what works, or what is missing and the next step. `refusal` is what a host said, where one did."""

    finding: Finding
    sentence: str
    refusal: Refusal | None = field(default=None, compare=False)


def good(sentence: str) -> CheckLine:
    return CheckLine(Finding.GOOD, sentence)


def warning(sentence: str) -> CheckLine:
    return CheckLine(Finding.WARNING, sentence)


def bad(sentence: str) -> CheckLine:
    return CheckLine(Finding.BAD, sentence)


def refused(refusal: Refusal, hint: str = "") -> CheckLine:
    """What was refused is bad, in its own words."""
    return CheckLine(Finding.BAD, f"{refusal.sentence} {hint}".rstrip(), refusal)
