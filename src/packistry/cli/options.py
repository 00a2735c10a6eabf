"""Flags that several commands share, and what their values mean."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer

from packistry import clock
from packistry.errors import InvalidInput

if TYPE_CHECKING:
    from packistry.access.grants import Grant
    from packistry.access.permissions import Ability


READ: Final = "read"


AsJSON = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Expires = Annotated[
    str | None,
    typer.Option(
        metavar="DATE|DURATION|never",
        help="When it ends: a date in UTC such as 2027-01-31, refused from that day on; or a time from now: 90d, 12h.",
    ),
]
Abilities = Annotated[
    list[str] | None, typer.Option("--ability", metavar="read|write", help="What it may do; may be repeated.")
]
PersonalAbilities = Annotated[
    list[str] | None,
    typer.Option(
        "--ability",
        metavar="ABILITY",
        help="What it may do: read, write, or by the API admin:read, packages:write, ...; may be repeated.",
    ),
]
UserGrantRepositories = Annotated[
    list[str] | None,
    typer.Option("--repository", metavar="PATH[:write]", help="Give a repository, `/` is the root; may be repeated."),
]
UserGrantPackages = Annotated[
    list[str] | None,
    typer.Option("--package", metavar="PATH:NAME[:write]", help="Give one package; may be repeated."),
]
TokenRepositories = Annotated[
    list[str] | None,
    typer.Option("--repository", metavar="PATH", help="Tie it to a repository, `/` is the root; may be repeated."),
]
TokenPackages = Annotated[
    list[str] | None,
    typer.Option("--package", metavar="PATH:NAME", help="Tie it to one package; may be repeated."),
]

WRITE: Final = "write"
_UNITS: Final = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_DURATION: Final = re.compile(r"(\d{1,4})([mhdw])", re.ASCII)


def repository_path(text: str) -> str:
    """The path as it is kept: "" for the root. "/", "acme", "/acme", "r/acme" and "/r/acme" are all understood."""
    path = text.strip().strip("/")
    return path.removeprefix("r/")


def user_grants(repositories: Iterable[str] | None, packages: Iterable[str] | None) -> "list[Grant]":
    """What PATH[:write] and PATH:NAME[:write] give."""
    from packistry.access.grants import Grant

    whole = [_split_write(text) for text in repositories or ()]
    single = [_split_write(text) for text in packages or ()]
    return [
        *(Grant(repository_path(path), write=write) for path, write in whole),
        *(_package_grant(text, write=write) for text, write in single),
    ]


def token_grants(repositories: Iterable[str] | None, packages: Iterable[str] | None) -> "list[Grant]":
    """What PATH and PATH:NAME tie a token to. What it may do there is said by its abilities."""
    grants = user_grants(repositories, packages)
    if any(grant.write for grant in grants):
        raise InvalidInput("A token writes by its abilities: say --ability write, without :write.", field="ability")
    return grants


def abilities_of(words: Sequence[str]) -> "frozenset[Ability]":
    """The abilities of these words. Refuses with InvalidInput a word that is none."""
    from packistry.access.permissions import Ability

    known = {ability.word: ability for ability in Ability}
    for word in words:
        if word not in known:
            raise InvalidInput(f"{word!r} is no ability; there are {', '.join(known)}.", field="ability")
    return frozenset(known[word] for word in words)


def end_of(text: str | None) -> datetime | None:
    """The moment from which on a token is refused; None for never."""
    if text is None or text == "never":
        return None
    if _DURATION.fullmatch(text):
        return clock.now() + duration(text)
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(
            f"{text!r} is no date such as 2027-01-31 and no time from now such as 90d or 12h.", field="expires"
        ) from error


def duration(text: str) -> timedelta:
    """A length of time: a number with m, h, d or w, or 0."""
    if text == "0":
        return timedelta()
    match = _DURATION.fullmatch(text)
    if match is None:
        raise InvalidInput(f"{text!r} is no length of time such as 30m, 24h, 90d or 2w, or 0.", field="duration")
    return int(match[1]) * _UNITS[match[2]]


def _split_write(text: str) -> tuple[str, bool]:
    rest, colon, last = text.rpartition(":")
    return (rest, True) if colon and last == WRITE else (text, False)


def _package_grant(text: str, *, write: bool) -> "Grant":
    from packistry.access.grants import Grant
    from packistry.composer.names import normalise_name

    path, colon, name = text.partition(":")
    if not colon:
        raise InvalidInput(
            f"{text!r} names no repository: write PATH:VENDOR/NAME, such as acme:acme/lib, or /:acme/lib in the root.",
            field="package",
        )
    return Grant(repository_path(path), normalise_name(name), write)
