"""Constraints as Composer reads them ("^1.2 || dev-main"), and whether a version satisfies one. Knows no packages.

"self.version" is not a constraint but a word of composer.json: whoever reads the manifest replaces it first.
The rule is composer/semver 3.6.0; see versions.py for why expressions are ASCII and end in `$`.
"""

import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from packistry.composer.versions import (
    MAX_VERSION_LENGTH,
    MODIFIER,
    PHP_INT_MAX,
    WHITESPACE,
    compare,
    is_branch,
    normalise,
    stability,
)
from packistry.errors import InvalidConstraint, InvalidVersion

Operator = Literal["*", "==", "!=", "<", "<=", ">", ">="]

# roave/security-advisories, which lists every vulnerable range of a package, stays below 10,000 characters.
MAX_CONSTRAINT_LENGTH = 32_768
# The longest term is a range between two of the longest versions.
MAX_TERM_LENGTH = 2 * MAX_VERSION_LENGTH + len(" - ")

_FLAGS = re.ASCII | re.IGNORECASE
_OR = re.compile(r"\|\|?")
# What \s means to PHP; trimming the alternatives afterwards costs less than blanks in the expression that splits them.
_BLANKS = " \t\n\r\f\v"
_AND = re.compile(r"(?<!^)(?<!as)(?<![=>< ,]) *(?<!-)[, ](?!-) *(?!,|as|$)", re.ASCII)
_ALIAS = re.compile(r"([^,\s]++) ++as ++[^,\s]++$", re.ASCII)
_STABILITY_FLAG = re.compile(r"([^,\s]*?)@(stable|RC|beta|alpha|dev)$", _FLAGS)
_REFERENCE = re.compile(r"(dev-[^,\s@]+?|[^,\s@]+?\.x-dev)#.++$", _FLAGS)
_ANYTHING = re.compile(r"(v)?[x*](\.[x*])*$", _FLAGS)
# Groups: four numbers, the three of MODIFIER, and "x-dev" in the place of a number.
_VERSION = rf"v?(\d++)(?:\.(\d++))?(?:\.(\d++))?(?:\.(\d++))?(?:{MODIFIER}|\.([xX*][.-]?dev))(?:\+\S+)?"
_TILDE = re.compile(rf"~(>?){_VERSION}$", _FLAGS)
_CARET = re.compile(rf"\^{_VERSION}$", _FLAGS)
_WILDCARD = re.compile(r"v?(\d++)(?:\.(\d++))?(?:\.(\d++))?(?:\.[xX*])++$", re.ASCII)
_HYPHEN = re.compile(rf"({_VERSION}) +- +({_VERSION})$", _FLAGS)
_COMPARISON = re.compile(r"(<>|!=|>=?|<=?|==?)?\s*(.*)", re.ASCII)
_UNSTABLE_SUFFIX = re.compile(rf"-{MODIFIER}$", _FLAGS)
_MISPLACED_DEV = re.compile(r"([0-9a-zA-Z\-./]*)-dev\Z", re.ASCII)

_OPERATORS: dict[str, Operator] = {
    "": "==", "=": "==", "==": "==", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">=",
}  # fmt: skip
_TESTS: dict[Operator, Callable[[int, int], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Comparison:
    """One bound: an operator and a normalised version. The operator "*" has no version and matches everything."""

    operator: Operator
    version: str = ""

    def matches(self, version: str) -> bool:
        """Whether a normalised version fits. Branches equal themselves and nothing else; no range contains them."""
        if self.operator == "*":
            return True
        if is_branch(version) or is_branch(self.version):
            is_same = version == self.version
            return is_same if self.operator == "==" else self.operator == "!=" and not is_same
        return _TESTS[self.operator](compare(version, self.version), 0)


@dataclass(frozen=True, slots=True)
class Constraint:
    """A version fits if it fits every comparison of one of the alternatives. `pretty` is the constraint as written."""

    pretty: str
    alternatives: tuple[tuple[Comparison, ...], ...]

    def matches(self, version: str) -> bool:
        """Whether a normalised version fits."""
        return any(all(part.matches(version) for part in alternative) for alternative in self.alternatives)


def satisfies(version: str, constraint: str) -> bool:
    """Whether a version, normalised or not, fits a constraint.

    Refuses with InvalidVersion or InvalidConstraint. Source: composer/semver Semver::satisfies.
    """
    normalised = normalise(version)
    return parse(constraint).matches(normalised)


def parse(constraint: str) -> Constraint:
    """What a constraint asks for; aliases ("as 1.0"), references ("#abc") and flags ("@dev") ask for nothing.

    Refuses with InvalidConstraint. Source: composer/semver VersionParser::parseConstraints.
    """
    if len(constraint) > MAX_CONSTRAINT_LENGTH:
        raise InvalidConstraint(
            f"The constraint {constraint!r:.60}… has {len(constraint)} characters, of {MAX_CONSTRAINT_LENGTH} allowed: "
            "shorten it.",
            field="constraint",
        )
    alternatives = [
        tuple(chain.from_iterable(_parse_term(term, constraint) for term in _AND.split(alternative)))
        for alternative in _alternatives(constraint)
    ]
    return Constraint(constraint, tuple(_merge_adjacent(alternatives)))


def _alternatives(constraint: str) -> Iterator[str]:
    """The parts between "||", without the blanks next to it (those around the whole are PHP's trim)."""
    parts = _OR.split(constraint.strip(WHITESPACE))
    for position, part in enumerate(parts):
        left = part.lstrip(_BLANKS) if position > 0 else part
        yield left.rstrip(_BLANKS) if position < len(parts) - 1 else left


def _merge_adjacent(alternatives: list[tuple[Comparison, ...]]) -> Iterator[tuple[Comparison, ...]]:
    """Join ">=1 <2" and ">=2 <3" to ">=1 <3".

    Composer does it for speed. We must, because it shows when a range is empty: ">=3 <2 || >=2 <5" matches nothing.
    """
    merged = alternatives[0]
    for following in alternatives[1:]:
        if _is_range(merged) and _is_range(following) and merged[1] == Comparison("<", following[0].version):
            merged = (merged[0], following[1])
        else:
            yield merged
            merged = following
    yield merged


def _is_range(alternative: tuple[Comparison, ...]) -> bool:
    return [part.operator for part in alternative] in ([">=", "<"], [">=", "<="])


def _parse_term(term: str, constraint: str) -> tuple[Comparison, ...]:
    """The bounds of one term, which has no comma, blank or bar that separates."""
    if len(term) > MAX_TERM_LENGTH:
        raise InvalidConstraint(
            f"The constraint {term!r:.60}… names a version of more than {MAX_VERSION_LENGTH} characters: shorten it.",
            field="constraint",
        )
    bare, flag = _without_decoration(term)
    try:
        return (
            _parse_anything(bare)
            or _parse_tilde(bare)
            or _parse_caret(bare)
            or _parse_wildcard(bare)
            or _parse_hyphen(bare)
            or _parse_comparison(bare, flag)
        )
    except InvalidVersion as cause:
        place = "" if term == constraint else f" in {constraint!r:.120}"
        raise InvalidConstraint(
            f"{term!r} is no constraint{place}: write one like '^1.2', '>=1.2 <3' or 'dev-main'.", field="constraint"
        ) from cause


def _without_decoration(term: str) -> tuple[str, str]:
    """The term without alias and reference, and the flag that stood behind "@" ("" if none, or if it was "stable")."""
    flag = ""
    if alias := _ALIAS.match(term):
        term = alias[1]
    if flagged := _STABILITY_FLAG.match(term):
        term = flagged[1] or "*"
        # As it was written: "@RC" and "@rc" give different versions below, and so they do in Composer.
        flag = flagged[2] if flagged[2] != "stable" else ""
    if referenced := _REFERENCE.match(term):
        term = referenced[1]
    return term, flag


def _parse_anything(term: str) -> tuple[Comparison, ...] | None:
    """ "*" takes branches too, "v*" and "*.*" take numbers only."""
    match = _ANYTHING.match(term)
    if match is None:
        return None
    if match[1] or match[2]:
        return (Comparison(">=", "0.0.0.0-dev"),)
    return (Comparison("*"),)


def _parse_tilde(term: str) -> tuple[Comparison, ...] | None:
    """ "~1.2" is >=1.2 <2, "~1.2.3" is >=1.2.3 <1.3: the last number may rise."""
    match = _TILDE.match(term)
    if match is None:
        return None
    if match[1]:
        raise InvalidConstraint(
            f"{term!r} has an operator of Ruby's: write '~' where it says '~>'.", field="constraint"
        )
    numbers = _numbers(match, first=2)
    position = len(numbers)
    # In "~1.2.x-dev" the "x" is the last number, though no group caught it.
    if match[9]:
        position += 1
    return _range(_low(term, match, first=2), _next(numbers, max(1, position - 1)))


def _parse_caret(term: str) -> tuple[Comparison, ...] | None:
    """ "^1.2" is >=1.2 <2, "^0.3" is >=0.3 <0.4: everything right of the first number that is not 0 may rise."""
    match = _CARET.match(term)
    if match is None:
        return None
    numbers = _numbers(match, first=1)
    # Only a plain "0" counts as zero, "00" does not; and of zeros only, the last of at most three numbers rises.
    leading_zeros = next((count for count, number in enumerate(numbers) if number != "0"), len(numbers))
    position = min(leading_zeros + 1, len(numbers), 3)
    return _range(_low(term, match, first=1), _next(numbers, position))


def _parse_wildcard(term: str) -> tuple[Comparison, ...] | None:
    """ "1.2.*" is >=1.2 <1.3."""
    match = _WILDCARD.match(term)
    if match is None:
        return None
    numbers = [number for number in match.groups() if number]
    low = ".".join(_padded(numbers)) + "-dev"
    high = _next(numbers, len(numbers))
    if low == "0.0.0.0-dev":
        return (Comparison("<", high),)
    return _range(low, high)


def _parse_hyphen(term: str) -> tuple[Comparison, ...] | None:
    """ "1.2 - 2.3.4" is >=1.2 <=2.3.4; "1.2 - 2.3" is >=1.2 <2.4: what is left out at the end may be anything."""
    match = _HYPHEN.match(term)
    if match is None:
        return None
    low = normalise(match[1]) + ("" if _has_suffix(match, first=2) else "-dev")
    high = normalise(match[10])
    numbers = _numbers(match, first=11)
    if len(numbers) > 2 or _has_suffix(match, first=11):
        return Comparison(">=", low), Comparison("<=", high)
    return _range(low, _next(numbers, len(numbers)))


def _parse_comparison(term: str, flag: str) -> tuple[Comparison, ...]:
    match = _COMPARISON.match(term)
    assert match is not None  # each of its parts may be missing
    sign, written = _OPERATORS[match[1] or ""], match[2]
    version = _normalise_operand(written)
    if sign != "==" and flag and stability(version) == "stable":
        version = f"{version}-{flag}"
    # A bound without a suffix of its own is moved below the unstable versions of the same number.
    elif sign in ("<", ">=") and not _UNSTABLE_SUFFIX.search(written) and not is_branch(written):
        version += "-dev"
    return (Comparison(sign, version),)


def _normalise_operand(written: str) -> str:
    try:
        return normalise(written)
    except InvalidVersion:
        # People write "feature-dev" for the branch "feature": Composer puts it right.
        misplaced = _MISPLACED_DEV.match(written)
        if misplaced is None:
            raise
        return normalise(f"dev-{misplaced[1]}")


def _numbers(match: re.Match[str], *, first: int) -> list[str]:
    """The numbers of a _VERSION whose first group has the given index."""
    return [number for number in match.group(first, first + 1, first + 2, first + 3) if number]


def _has_suffix(match: re.Match[str], *, first: int) -> bool:
    """Whether a _VERSION names a stability, "dev" or "x-dev"."""
    return any(match.group(first + 4, first + 6, first + 7))


def _low(term: str, match: re.Match[str], *, first: int) -> str:
    """The lower bound of "~" and "^": the version itself, or the first unstable version of its number."""
    suffix = "" if _has_suffix(match, first=first) else "-dev"
    return normalise(term[1:] + suffix)


def _range(low: str, high: str) -> tuple[Comparison, ...]:
    return Comparison(">=", low), Comparison("<", high)


def _next(numbers: list[str], position: int) -> str:
    """The first version behind those that share the numbers before `position` and the number there."""
    raised = [*numbers[: position - 1], _plus_one(numbers[position - 1])]
    return ".".join(_padded(raised)) + "-dev"


def _padded(numbers: list[str]) -> list[str]:
    return [*numbers, *["0"] * (4 - len(numbers))]


def _plus_one(number: str) -> str:
    """One more, as PHP counts: past 64 bits it goes on in floating point and prints 14 digits ("1.0E+25")."""
    digits = number.lstrip("0")
    if len(digits) < 20 and int(digits or "0") < PHP_INT_MAX:
        return str(int(digits or "0") + 1)
    mantissa, _, exponent = f"{float(number):.13E}".partition("E")
    if not exponent:
        return "INF"
    mantissa = mantissa.rstrip("0")
    return f"{mantissa}0E{exponent}" if mantissa.endswith(".") else f"{mantissa}E{exponent}"
