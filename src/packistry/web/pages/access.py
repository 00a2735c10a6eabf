"""What a form gives a user or a token: whole repositories by boxes to tick, single packages by lines of text."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from packistry import clock
from packistry.access.actors import Actor
from packistry.access.grants import Grant
from packistry.access.permissions import Ability
from packistry.composer.names import normalise_name
from packistry.db.engine import ReadSession
from packistry.errors import InvalidInput
from packistry.repositories.queries import RepositorySummary, list_repositories
from packistry.web.pages.forms import Form

READ, WRITE = "read", "write"
# What a token's end may be chosen from, in days; "never" is the other choice, "" leaves it as it is.
TERMS: Final = ("30", "90", "365")
NEVER: Final = "never"
ROOT: Final = "/"


@dataclass(frozen=True, slots=True)
class Choice:
    """A repository that can be given, and what is given of it: "", "read" or "write"."""

    repository: RepositorySummary
    given: str

    @property
    def path(self) -> str:
        """As it is shown and sent; the root is "/"."""
        return self.repository.path or ROOT


def choices(session: ReadSession, actor: Actor, grants: Iterable[Grant]) -> list[Choice]:
    """Every repository, with what the grants give of it."""
    given = {grant.repository: WRITE if grant.write else READ for grant in grants if grant.package is None}
    return [Choice(each, given.get(each.path, "")) for each in list_repositories(session, actor)]


def package_lines(grants: Iterable[Grant]) -> str:
    """The single packages as they are typed: "customers acme/lib write", one on a line."""
    return "\n".join(
        f"{grant.repository or ROOT} {grant.package}{' write' if grant.write else ''}"
        for grant in grants
        if grant.package is not None
    )


def grants_in(form: Form) -> list[Grant]:
    """What the form gives. Refuses with InvalidInput a line that names no package."""
    whole = [
        Grant(_path(name.partition(":")[2]), write=form.text(name) == WRITE)
        for name in form.values
        if name.startswith("repository:") and form.text(name) in {READ, WRITE}
    ]
    return [*whole, *(_single(line) for line in form.text("packages").splitlines() if line.strip())]


def abilities_in(form: Form) -> frozenset[Ability]:
    """The abilities that are ticked."""
    return frozenset(ability for ability in Ability if ability.word in form.all("ability"))


def end_in(form: Form) -> datetime | None:
    """When the token ends; None for never, and where nothing was chosen. Refuses with InvalidInput any other word."""
    chosen = form.text("expires")
    if chosen in TERMS:
        return clock.now() + timedelta(days=int(chosen))
    if chosen not in {NEVER, ""}:
        raise InvalidInput("Choose one of the ends that are offered.", field="expires_at")
    return None


def _path(text: str) -> str:
    return "" if text == ROOT else text


def _single(line: str) -> Grant:
    words: Sequence[str] = line.split()
    if len(words) not in {2, 3} or (len(words) == 3 and words[2] != WRITE):
        raise InvalidInput(
            f"“{line.strip()}” is no repository and package: write “customers acme/lib”, or “/ acme/lib” in the root.",
            field="packages",
        )
    return Grant(_path(words[0].strip("/") or ROOT), normalise_name(words[1]), write=len(words) == 3)
