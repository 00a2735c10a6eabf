"""Versions as Composer reads them: normal form, stability, branches, order. Strings in, strings out; no constraints.

The rule is composer/semver 3.6.0. Expressions are ASCII because PHP's work on bytes, and they end in `$` and not in
`\\Z` on purpose: like PHP's it also matches before a last line feed.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

from packistry.errors import InvalidVersion

Stability = Literal["stable", "RC", "beta", "alpha", "dev"]

# A git branch is a file name of at most 255 bytes, so no version that stems from a repository is longer. The limit also
# keeps hostile input from the few expressions whose cost grows with the square of the length.
MAX_VERSION_LENGTH = 255

# What PHP's trim() takes off.
WHITESPACE = " \t\n\r\0\x0b"

# Three groups: a word of stability, its numbers, "dev". Each may be missing, a lone separator is taken.
MODIFIER = r"[._-]?(?:(stable|beta|b|RC|alpha|a|patch|pl|p)((?:[.-]?\d+)*+))?([.-]?dev)?"

_FLAGS = re.ASCII | re.IGNORECASE
_ALIAS = re.compile(r"([^,\s]++) ++as ++[^,\s]++$", re.ASCII)
_STABILITY_FLAG = re.compile(r"@(?:stable|RC|beta|alpha|dev)$", _FLAGS)
_BUILD = re.compile(r"([^\s+]++)\+\S++$", re.ASCII)
_CLASSICAL = re.compile(rf"v?(\d{{1,5}}+)(\.\d++)?(\.\d++)?(\.\d++)?{MODIFIER}$", _FLAGS)
_DATE = re.compile(rf"v?(\d{{4}}(?:[.:-]?\d{{2}}){{1,6}}(?:[.:-]?\d{{1,3}}){{0,2}}){MODIFIER}$", _FLAGS)
_DEV_BRANCH = re.compile(r"(.*?)[.-]?dev$", _FLAGS)
_NUMERIC_BRANCH = re.compile(r"v?(\d++)(\.(?:\d++|[x*]))?(\.(?:\d++|[x*]))?(\.(?:\d++|[x*]))?$", _FLAGS)
_NUMERIC_ALIAS = re.compile(r"((?:\d++\.)*\d++)(?:\.x)?-dev$", _FLAGS)
_REFERENCE = re.compile(r"#.+$")
_STABILITY = re.compile(rf"{MODIFIER}(?:\+.*)?$", _FLAGS)
_WILDCARDS = re.compile(r"(?:\.9{7})+")
_PARTS = re.compile(r"\d+|[A-Za-z]+")

# The only bare branch names Composer still reads as branches, from the time when they were constraints.
_DEFAULT_BRANCHES = ("master", "trunk", "default")
_FULL_WORDS = {"a": "alpha", "b": "beta", "p": "patch", "pl": "patch", "rc": "RC"}
_STABILITIES: dict[str, Stability] = {"a": "alpha", "alpha": "alpha", "b": "beta", "beta": "beta", "rc": "RC"}

# PHP reads numbers into 64 bits and stops at the largest.
PHP_INT_MAX = 2**63 - 1

# Order of the parts of a version at one position, as PHP's version_compare has it. A word counts by how it begins; an
# unknown one is lowest. The end of a version stands where a number would, but below every number.
_WORD_RANKS = (("dev", 1), ("a", 2), ("b", 3), ("RC", 4), ("rc", 4), ("p", 7))
_END_RANK = 5
_NUMBER_RANK = 6

SortKey = tuple[bool, str, tuple[tuple[int, int], ...]]


def normalise(version: str) -> str:
    """The form Composer compares: four numbers and a suffix of stability, or "dev-" and the name of a branch.

    "v1.2" → "1.2.0.0"; "1.0-RC1" → "1.0.0.0-RC1"; "1.x-dev" → "1.9999999.9999999.9999999-dev"; "dev-main" stays;
    dates keep their number of parts. An alias ("dev-main as 1.0"), a flag ("@dev") and build metadata are dropped.
    Refuses with InvalidVersion. Source: composer/semver VersionParser::normalize.
    """
    if len(version) > MAX_VERSION_LENGTH:
        raise InvalidVersion(
            f"The version {version!r:.60}… has {len(version)} characters, of {MAX_VERSION_LENGTH} allowed: shorten it.",
            field="version",
        )
    bare = without_decoration(version)
    if bare in _DEFAULT_BRANCHES:
        return f"dev-{bare}"
    if bare[:4].lower() == "dev-":
        return f"dev-{bare[4:]}"
    if build := _BUILD.match(bare):
        bare = build[1]
    normalised = _normalise_numbers(bare) or _normalise_numeric_branch(bare)
    if normalised is None:
        raise InvalidVersion(_refusal(version), field="version")
    return normalised


def stability(version: str) -> Stability:
    """How finished a version is. Ask it of the normalised form, as Composer does: a raw "1.0+a-dev" reads as dev."""
    text = _REFERENCE.sub("", version)
    if is_dev(text):
        return "dev"
    modifier = _STABILITY.search(text)
    assert modifier is not None  # each of its parts may be missing, so at the latest the end of the text matches
    if modifier[3]:
        return "dev"
    return _STABILITIES.get((modifier[1] or "").lower(), "stable")


def is_dev(normalised: str) -> bool:
    """Whether a normalised version is a branch or ends in "-dev": those belong to the `~dev` document."""
    return is_branch(normalised) or normalised.endswith("-dev")


def is_branch(normalised: str) -> bool:
    """Whether it names a branch without number; such versions have no place among the numbers."""
    return normalised.startswith("dev-")


def normalise_branch(branch: str) -> str:
    """The normalised version of a branch: "2.x" → "2.9999999.9999999.9999999-dev", "main" → "dev-main"; never refuses.

    Source: composer/semver VersionParser::normalizeBranch.
    """
    name = branch.strip(WHITESPACE)
    numeric = _NUMERIC_BRANCH.match(name)
    if numeric is None:
        return f"dev-{name}"
    parts = (part if part and part[1:] not in ("x", "X", "*") else ".9999999" for part in numeric.groups()[1:])
    return f"{numeric[1]}{''.join(parts)}-dev"


def pretty_branch(branch: str) -> str:
    """The version an import gives to a branch: "2.0" → "2.0.x-dev", "v1" → "v1.x-dev", "fix#1" → "dev-fix+1".

    A "#" would start a commit reference in a constraint. Source: Composer's VcsRepository since 2.7.8.
    """
    normalised = normalise_branch(branch)
    if is_branch(normalised):
        return f"dev-{branch.replace('#', '+')}"
    prefix = "v" if branch.startswith("v") else ""
    return prefix + _WILDCARDS.sub(".x", normalised)


def numeric_alias_prefix(branch: str) -> str | None:
    """The numbers every version behind a numeric branch begins with: "2.1.x-dev" → "2.1."; None for others.

    Source: composer/semver VersionParser::parseNumericAliasPrefix, with which the target of a branch alias is checked.
    """
    match = _NUMERIC_ALIAS.match(branch)
    return f"{match[1]}." if match else None


def normalise_default_branch(normalised: str) -> str:
    """ "9999999-dev" for dev-master, dev-trunk and dev-default, so that they sort last; anything else stays."""
    return "9999999-dev" if normalised.removeprefix("dev-") in _DEFAULT_BRANCHES else normalised


def compare(left: str, right: str) -> int:
    """-1, 0 or 1 for two normalised versions, as PHP's version_compare.

    "1.02.0.0" and "1.2.0.0" are equal. A branch is lower than any number; two branches, which Composer never orders,
    go by name.
    """
    left_key, right_key = sort_key(left), sort_key(right)
    return (left_key > right_key) - (left_key < right_key)


def sort_key(normalised: str) -> SortKey:
    """A key that orders normalised versions as `compare` does: branches first, by name, then the numbers."""
    if is_branch(normalised):
        return False, normalised, ()
    parts = [_rank(part) for part in _PARTS.findall(normalised)]
    return True, "", (*parts, (_END_RANK, 0))


# Publishing orders all versions of a package, which are mostly those of the last time: 15 % of the work of a large one.
# By a name of its own, because the mutation run leaves decorated functions out.
remembered_sort_key = lru_cache(maxsize=4096)(sort_key)


def sort_versions(versions: Iterable[str]) -> list[str]:
    """Versions as they were written, lowest first, equal ones in the order given; dev-master, -trunk, -default last.

    Refuses with InvalidVersion. Source: composer/semver Semver::sort.
    """
    return sorted(versions, key=lambda version: sort_key(normalise_default_branch(normalise(version))))


def without_decoration(version: str) -> str:
    """Without blanks around, the alias after "as" and the stability after "@", which belong to a request."""
    text = version.strip(WHITESPACE)
    if alias := _ALIAS.match(text):
        text = alias[1]
    return _STABILITY_FLAG.sub("", text)


def _normalise_numbers(text: str) -> str | None:
    """Of "1.2-beta3" or a date; None for anything else."""
    if classical := _CLASSICAL.match(text):
        major, *others, word, digits, dev = classical.groups()
        numbers = major + "".join(part or ".0" for part in others)
    elif date := _DATE.match(text):
        written, word, digits, dev = date.groups()
        numbers = re.sub("[^0-9]", ".", written)
    else:
        return None
    return numbers + _suffix(word, digits, dev)


def _suffix(word: str | None, digits: str | None, dev: str | None) -> str:
    # Only the lower-case word is dropped, and a "dev" after it is lost: "1.0-stable-dev" is 1.0, "1.0-STABLE" is not.
    if word == "stable":
        return ""
    text = "-dev" if dev else ""
    if word:
        lowered = word.lower()
        text = f"-{_FULL_WORDS.get(lowered, lowered)}{(digits or '').lstrip('.-')}{text}"
    return text


def _normalise_numeric_branch(text: str) -> str | None:
    """Of "1.2.x-dev"; None if what stands before "dev" is no number: other branches are written "dev-name"."""
    match = _DEV_BRANCH.search(text)
    if match is None:
        return None
    normalised = normalise_branch(match[1])
    return None if is_branch(normalised) else normalised


def _refusal(version: str) -> str:
    bare = without_decoration(version)
    if not bare:
        return "The version is empty: write one like '1.2.3', or 'dev-main' for a branch."
    branch = pretty_branch(bare)
    return f"{version!r} is not a version: write one like '1.2.3' or '1.2.3-beta1', or {branch!r} for a branch."


def _rank(part: str) -> tuple[int, int]:
    if part[0].isdigit():
        # Longer than any 64-bit number: not worth the conversion, which Python refuses past 4,300 digits.
        digits = part.lstrip("0")
        return _NUMBER_RANK, min(int(digits or "0"), PHP_INT_MAX) if len(digits) < 20 else PHP_INT_MAX
    return next((rank for start, rank in _WORD_RANKS if part.startswith(start)), 0), 0
