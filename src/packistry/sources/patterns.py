"""Patterns of names, as fnmatch reads them: of none, all names are taken; "!" before one leaves out."""

from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Final

from packistry.errors import InvalidInput

LEAVES_OUT: Final = "!"
# Longer than any name that a host gives; what is longer was pasted by mistake.
PATTERN_CHARACTERS: Final = 255


def valid_patterns(patterns: Iterable[str], *, field: str) -> list[str]:
    """The patterns without blanks around them. Refuses one that is empty, too long, or could be no name's."""
    trimmed = [pattern.strip() for pattern in patterns]
    for pattern in trimmed:
        name = pattern.removeprefix(LEAVES_OUT)
        if not name or name.startswith(LEAVES_OUT) or len(pattern) > PATTERN_CHARACTERS or not pattern.isprintable():
            raise InvalidInput(
                f"{pattern[:80]!r} is no pattern of names; write 'v*' or, to leave out, '!v0.*'.", field=field
            )
    return trimmed


def takes_ref(patterns: Sequence[str], name: str) -> bool:
    """Whether a branch or tag of this name is taken."""
    return _takes(patterns, lambda pattern: fnmatchcase(name, pattern))


def takes_project(patterns: Sequence[str], full_name: str) -> bool:
    """Whether a project is taken. A pattern without a slash is about the last part of its name, as people call it.

    Upper and lower case are the same, as they are at the hosts; "*" crosses slashes, so "acme/*" has all below acme.
    """
    full = full_name.casefold()
    last = full.rpartition("/")[2]
    return _takes(patterns, lambda pattern: fnmatchcase(full if "/" in pattern else last, pattern.casefold()))


def _takes(patterns: Sequence[str], matches: Callable[[str], bool]) -> bool:
    if any(matches(pattern[1:]) for pattern in patterns if pattern.startswith(LEAVES_OUT)):
        return False
    taken = [pattern for pattern in patterns if not pattern.startswith(LEAVES_OUT)]
    return not taken or any(matches(pattern) for pattern in taken)
