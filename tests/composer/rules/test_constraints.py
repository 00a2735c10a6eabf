"""Constraints: which versions they let through, by tables and by properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packistry.composer.constraints import (
    MAX_CONSTRAINT_LENGTH,
    MAX_TERM_LENGTH,
    Comparison,
    Constraint,
    parse,
    satisfies,
)
from packistry.composer.versions import MAX_VERSION_LENGTH, compare, normalise
from packistry.errors import InvalidConstraint, InvalidVersion

# A constraint, what it means (alternatives by " | "), and why it is here.
MEANINGS = [
    ("1.2", "== 1.2.0.0", "a version alone"),
    ("=1.2", "== 1.2.0.0", "with the sign"),
    ("== 1.2", "== 1.2.0.0", "with two and a blank"),
    ("!=1.2", "!= 1.2.0.0", "not that one"),
    ("<>1.2", "!= 1.2.0.0", "the same in another spelling"),
    (">1.2", "> 1.2.0.0", "above: nothing is moved"),
    ("<=1.2", "<= 1.2.0.0", "at most: nothing is moved"),
    (">=1.2", ">= 1.2.0.0-dev", "from the first unstable version on"),
    ("<1.2", "< 1.2.0.0-dev", "below the first unstable version"),
    (">=1.2-beta", ">= 1.2.0.0-beta", "a suffix of its own stays"),
    ("<1.2-RC1", "< 1.2.0.0-RC1", "also an RC, since semver 3.5"),
    ("<1.2-rC1", "< 1.2.0.0-RC1", "in any case"),
    (">=1.2beta", ">= 1.2.0.0-beta-dev", "but only behind a dash"),
    (">=1.2.x-dev", ">= 1.2.9999999.9999999-dev", "a branch is unstable already"),
    (">=dev-main", ">= dev-main", "a branch has no unstable version"),
    (">=DEV-main", ">= dev-main-dev", "Composer only knows branches in lower case here"),
    ("dev-main", "== dev-main", "a branch"),
    ("dev-main#0123abc", "== dev-main", "at a commit"),
    ("1.x-dev#0123abc", "== 1.9999999.9999999.9999999-dev", "a numeric branch at a commit"),
    ("1.0#abc", None, "a version has no commit"),
    ("1.2.x-DEV#a#b", "== 1.2.9999999.9999999-dev", "any case, up to the first #"),
    ("dev-main#", "== dev-main#", "no commit after it"),
    ("dev-a@b#c", "== dev-a@b#c", "nor after an @"),
    ("foo-dev", "== dev-foo", "dev at the wrong end"),
    ("foo/bar-1.x-dev", "== dev-foo/bar-1.x", "dev at the wrong end of anything"),
    ("foo_bar-dev", None, "if it is made of letters, digits, dash, dot and slash"),
    ("!=foo-dev", "!= dev-foo", "behind a sign too"),
    ("-dev", "== dev-", "even behind nothing"),
    ("1.0 as 2.0", "== 1.0.0.0", "an alias"),
    ("dev-main as 2.0, >1", "== dev-main, > 1.0.0.0", "an alias in a list"),
    ("dev-main  as 2.0", None, "one blank before it"),
    ("dev-main as  2.0", "== dev-main", "any number behind"),
    ("^1.0 as 2.0", ">= 1.0.0.0-dev, < 2.0.0.0-dev", "an alias of a range"),
    ("*", "*", "anything"),
    ("x", "*", "anything"),
    ("X", "*", "anything"),
    ("v*", ">= 0.0.0.0-dev", "any number"),
    ("*.x", ">= 0.0.0.0-dev", "any number"),
    ("*.", None, "not a number"),
    ("@dev", "*", "any stability"),
    ("@", None, "none named"),
    (">=1.0@beta", ">= 1.0.0.0-beta", "a flag becomes the suffix"),
    (">1.0@beta", "> 1.0.0.0-beta", "with any sign"),
    ("!=1.0@RC", "!= 1.0.0.0-RC", "with any sign"),
    (">=1.0@rc", ">= 1.0.0.0-rc", "as it is written"),
    (">=1.0@stable", ">= 1.0.0.0-dev", "unless it says nothing"),
    (">=1.0@Stable", ">= 1.0.0.0-Stable", "in lower case"),
    (">=1.0-alpha@beta", ">= 1.0.0.0-alpha", "a suffix of its own stays"),
    (">=1.0alpha@beta", ">= 1.0.0.0-alpha-dev", "and may be moved"),
    ("1.0@beta", "== 1.0.0.0", "but not when equal"),
    ("==1.0@beta", "== 1.0.0.0", "in either spelling"),
    ("^1.0@beta", ">= 1.0.0.0-dev, < 2.0.0.0-dev", "nor in a range"),
    ("1.0@foo", None, "no such stability"),
    ("~1", ">= 1.0.0.0-dev, < 2.0.0.0-dev", "one number: the next"),
    ("~1.2", ">= 1.2.0.0-dev, < 2.0.0.0-dev", "two: the first may not rise"),
    ("~1.2.3", ">= 1.2.3.0-dev, < 1.3.0.0-dev", "three: the second may not"),
    ("~1.2.3.4", ">= 1.2.3.4-dev, < 1.2.4.0-dev", "four: the third may not"),
    ("~v1.2-beta2", ">= 1.2.0.0-beta2, < 2.0.0.0-dev", "a suffix"),
    ("~1.2.dev", ">= 1.2.0.0-dev, < 2.0.0.0-dev", "dev"),
    ("~1.x-dev", ">= 1.9999999.9999999.9999999-dev, < 2.0.0.0-dev", "x counts as a number"),
    ("~1.2.x-dev", ">= 1.2.9999999.9999999-dev, < 1.3.0.0-dev", "x counts as a number"),
    ("~1.2.3.*-dev", ">= 1.2.3.9999999-dev, < 1.2.4.0-dev", "a star too"),
    ("~1.2.3.4.x-dev", None, "but not as the fifth"),
    ("~1.2.3.4.5", None, "nor any other"),
    ("~0", ">= 0.0.0.0-dev, < 1.0.0.0-dev", "zero"),
    ("~1.0+build", ">= 1.0.0.0, < 2.0.0.0-dev", "build metadata swallows what Composer appends"),
    ("~>1.2", None, "Ruby's sign"),
    ("~ 1.2", None, "a blank behind it separates"),
    ("~master", None, "no number"),
    ("~1.2.*", None, "one kind of range at a time"),
    ("^1", ">= 1.0.0.0-dev, < 2.0.0.0-dev", "one number"),
    ("^1.2.3", ">= 1.2.3.0-dev, < 2.0.0.0-dev", "the first is not zero"),
    ("^1.2.3.4-RC1", ">= 1.2.3.4-RC1, < 2.0.0.0-dev", "a suffix"),
    ("^0", ">= 0.0.0.0-dev, < 1.0.0.0-dev", "zero alone"),
    ("^0.0", ">= 0.0.0.0-dev, < 0.1.0.0-dev", "two zeros"),
    ("^0.0.0", ">= 0.0.0.0-dev, < 0.0.1.0-dev", "three"),
    ("^0.0.0.5", ">= 0.0.0.5-dev, < 0.0.1.0-dev", "the fourth never counts"),
    ("^0.2", ">= 0.2.0.0-dev, < 0.3.0.0-dev", "the second is the first that is not zero"),
    ("^0.2.3", ">= 0.2.3.0-dev, < 0.3.0.0-dev", "and what follows it may rise"),
    ("^0.0.3", ">= 0.0.3.0-dev, < 0.0.4.0-dev", "the third is"),
    ("^00.1", ">= 00.1.0.0-dev, < 1.0.0.0-dev", "two digits are not zero"),
    ("^0.x-dev", ">= 0.9999999.9999999.9999999-dev, < 1.0.0.0-dev", "a branch"),
    ("^20240131", ">= 20240131-dev, < 20240132.0.0.0-dev", "a date"),
    ("^123456.1.1.1-beta", None, "a date that is none"),
    ("^123456.1.1.1", ">= 123456.1.1.1-dev, < 123457.0.0.0-dev", "unless it can be a branch"),
    ("^ 1.0", None, "a blank behind it separates"),
    ("^", None, "nothing behind it"),
    ("1.*", ">= 1.0.0.0-dev, < 2.0.0.0-dev", "one number and a star"),
    ("v1.2.x", ">= 1.2.0.0-dev, < 1.3.0.0-dev", "two and an x"),
    ("1.2.3.X", ">= 1.2.3.0-dev, < 1.2.4.0-dev", "three and an X"),
    ("1.2.3.4.*", None, "four are complete"),
    ("1.*.*.x.*", ">= 1.0.0.0-dev, < 2.0.0.0-dev", "any number of stars"),
    ("0.*", "< 1.0.0.0-dev", "nothing is below zero"),
    ("0.0.x", "< 0.1.0.0-dev", "nothing is below zero"),
    ("00.*", ">= 00.0.0.0-dev, < 1.0.0.0-dev", "as long as it is written with one digit"),
    ("007.08.*", ">= 007.08.0.0-dev, < 007.9.0.0-dev", "a number that rises loses its zeros"),
    ("V1.*", None, "upper case, here only"),
    (">=1.*", None, "no sign before a star"),
    ("1.0 - 2.0", ">= 1.0.0.0-dev, < 2.1.0.0-dev", "two numbers at the end: the third is free"),
    ("1 - 2", ">= 1.0.0.0-dev, < 3.0.0.0-dev", "one number: the second is free"),
    ("1.0 - 2.0.0", ">= 1.0.0.0-dev, <= 2.0.0.0", "three: included"),
    ("1.0 - 2.0.0.0", ">= 1.0.0.0-dev, <= 2.0.0.0", "four: included"),
    ("1.0 - 0.0", ">= 1.0.0.0-dev, < 0.1.0.0-dev", "a zero is a number"),
    ("1.0-beta - 2-RC1", ">= 1.0.0.0-beta, <= 2.0.0.0-RC1", "suffixes"),
    ("1.0-dev - 2.x-dev", ">= 1.0.0.0-dev, <= 2.9999999.9999999.9999999-dev", "dev and a branch"),
    ("1.x-dev - 2-dev", ">= 1.9999999.9999999.9999999-dev, <= 2.0.0.0-dev", "a branch and dev"),
    ("1.0+a - 2+b", ">= 1.0.0.0-dev, < 3.0.0.0-dev", "build metadata"),
    ("v1 - V2.1.0", ">= 1.0.0.0-dev, <= 2.1.0.0", "a v"),
    ("1 - 123456.1.1.1", None, "a date that is none, at the end"),
    ("123456.1.1.1 - 2", None, "or at the beginning"),
    ("1.0 -2.0", None, "a blank on either side"),
    ("1-2", None, "no blank"),
    ("^1.0 - 2.0", None, "a sign"),
    (">1 <2", "> 1.0.0.0, < 2.0.0.0-dev", "a blank is and"),
    (">1,<2", "> 1.0.0.0, < 2.0.0.0-dev", "a comma is"),
    (">1 , <2", "> 1.0.0.0, < 2.0.0.0-dev", "both are"),
    (">1 != 1.2 <2", "> 1.0.0.0, != 1.2.0.0, < 2.0.0.0-dev", "a blank behind a sign is not"),
    (">1,,<2", None, "two commas"),
    (">1,", None, "a comma at the end"),
    (",>1", None, "or at the beginning"),
    (">1 - <2", None, "a dash with blanks"),
    ("*, >1", "*, > 1.0.0.0", "anything, and more"),
    ("1 || 2", "== 1.0.0.0 | == 2.0.0.0", "two bars are or"),
    ("1|2", "== 1.0.0.0 | == 2.0.0.0", "one is"),
    ("1\n|\f2", "== 1.0.0.0 | == 2.0.0.0", "with any blanks around"),
    ("1 ||| 2", None, "three are not"),
    ("1 ||", None, "nothing behind"),
    ("|| 1", None, "or before"),
    (" \t^1.0\n ", ">= 1.0.0.0-dev, < 2.0.0.0-dev", "blanks around everything"),
    ("\f1.0", "== 1.0.0.0", "a form feed where a blank may follow a sign"),
    ("\f^1.0", None, "it is not trimmed"),
    ("^1.0\f", None, "on either side"),
    ("1.0\nfoo", "== 1.0.0.0", "PHP stops reading at a line feed"),
    ("^1.0\n|2", ">= 1.0.0.0-dev, < 2.0.0.0-dev | == 2.0.0.0", "a line feed before a bar"),
    ("^1.0\n,2", None, "but not before a comma"),
    ("^1 || ^2", ">= 1.0.0.0-dev, < 3.0.0.0-dev", "ranges that meet are joined"),
    ("^1 || ^2 || ^3.1", ">= 1.0.0.0-dev, < 3.0.0.0-dev | >= 3.1.0.0-dev, < 4.0.0.0-dev", "others are not"),
    ("^1 || ^2 || >=3 <=4", ">= 1.0.0.0-dev, <= 4.0.0.0", "the last may be included"),
    (">=1 <=2 || >=2 <3", ">= 1.0.0.0-dev, <= 2.0.0.0 | >= 2.0.0.0-dev, < 3.0.0.0-dev", "but not the first"),
    (">1 <2 || ^2", "> 1.0.0.0, < 2.0.0.0-dev | >= 2.0.0.0-dev, < 3.0.0.0-dev", "nor do other signs count"),
    ("^1 || >=2 >=3", ">= 1.0.0.0-dev, < 2.0.0.0-dev | >= 2.0.0.0-dev, >= 3.0.0.0-dev", "in either of them"),
    ("^1 || >=2", ">= 1.0.0.0-dev, < 2.0.0.0-dev | >= 2.0.0.0-dev", "both must be ranges"),
    (">=3 <2 || >=2 <5", ">= 3.0.0.0-dev, < 5.0.0.0-dev", "even when the first is empty"),
    ("*, ^1 || ^2", "*, >= 1.0.0.0-dev, < 2.0.0.0-dev | >= 2.0.0.0-dev, < 3.0.0.0-dev", "a star keeps them apart"),
    ("", None, "nothing"),
    ("self.version", None, "a word of composer.json"),
    ("main", None, "a bare branch"),
    ("master", "== dev-master", "unless it is an old name"),
    ("===1", None, "three signs"),
    ("=>1", None, "the wrong way round"),
    ("\uff11.0", None, "digits of other alphabets are none"),
    ("^1.\u0661", None, "digits of other alphabets are none"),
    ("1\u00a0|2", None, "nor is a blank that does not break"),
    ("1|\u00a02", None, "on either side"),
    ("1.9223372036854775806.*", ">= 1.9223372036854775806.0.0-dev, < 1.9223372036854775807.0.0-dev", "64 bits"),
    ("1.9223372036854775807.*", ">= 1.9223372036854775807.0.0-dev, < 1.9.2233720368548E+18.0.0-dev", "and more"),
    (f"1.{'9' * 24}.*", f">= 1.{'9' * 24}.0.0-dev, < 1.1.0E+24.0.0-dev", "PHP goes on in floating point"),
    (f"1{'0' * 99}5.*", f">= 1{'0' * 99}5.0.0.0-dev, < 1.0E+100.0.0.0-dev", "with three digits of exponent"),
    (f"{'9' * 310}.*", f">= {'9' * 310}.0.0.0-dev, < INF.0.0.0-dev", "up to infinity"),
    (f"1.{'0' * 30}.*", f">= 1.{'0' * 30}.0.0-dev, < 1.1.0.0-dev", "zeros do not make a number long"),
]

MATCHES = [
    ("1.0.0-dev", "^1.0", True, "unstable versions of the first number"),
    ("1.0.0-RC1", "^1.0", True, "unstable versions of the first number"),
    ("1.2.x-dev", "^1.0", True, "numeric branches"),
    ("2.0.0-beta1", "^1.0", False, "unstable versions of the next number"),
    ("2.0.0-dev", "<2.0", False, "unstable versions of the bound"),
    ("1.9.9", "<2.0", True, "below"),
    ("1.0.0+b1", "1.0.0", True, "build metadata"),
    ("1.0", "1.0.0.0", True, "missing numbers"),
    ("1.02", "1.2", True, "leading zeros"),
    ("1.0.0-p1", "~1.0.0", True, "a patch is above"),
    ("1.0.0-p1", "<=1.0.0", False, "a patch is above"),
    ("1.0.0-p1", ">1.0.0", True, "a patch is above"),
    ("1.0.0", ">1.0.0", False, "not the bound itself"),
    ("1.0.0-beta", ">=1.0-RC1", False, "below the suffix"),
    ("1.0.0-RC1-dev", ">=1.0-RC1", False, "since semver 3.5"),
    ("1.2", "!=1.2", False, "not itself"),
    ("1.3", "!=1.2", True, "but others"),
    ("1.2", ">=1 !=1.2 <2", False, "all must fit"),
    ("2.1", "^1 || ^2", True, "one of them must"),
    ("3.0", "^1 || ^2", False, "and none does"),
    ("2.5", ">=3 <2 || >=2 <5", False, "joined with an empty range"),
    ("1.0", "*", True, "anything"),
    ("dev-main", "*", True, "anything, branches too"),
    ("dev-main", "v*", False, "any number"),
    ("1.0", "dev-main", False, "a branch is no number"),
    ("dev-main", "dev-main", True, "itself"),
    ("dev-main", "dev-Main", False, "case counts"),
    ("dev-main", "dev-main#abc", True, "whatever the commit"),
    ("dev-main", "dev-main as 1.0", True, "whatever the alias"),
    ("1.0", "dev-main as 1.0", False, "which is no version of its own"),
    ("dev-main", ">=1.0", False, "in no range"),
    ("dev-main", "<1.0", False, "in no range"),
    ("dev-main", ">=dev-main", False, "nor in its own"),
    ("dev-main", "<=dev-main", False, "nor in its own"),
    ("dev-main", "!=1.0", True, "but it is not a number"),
    ("dev-main", "!=dev-main", False, "but itself"),
    ("dev-main", "!=dev-foo", True, "and not another"),
    ("1.0", "!=dev-main", True, "nor is a number a branch"),
    ("dev-main", "*, !=dev-foo", True, "anything, and more"),
    ("master", "dev-master", True, "an old name"),
    ("dev-master", "9999999-dev", False, "which counts as the highest number in lists only"),
]


@pytest.mark.parametrize(("constraint", "meaning", "why"), MEANINGS)
def test_constraints_mean_what_composer_says(constraint: str, meaning: str | None, why: str) -> None:
    assert _meaning(constraint) == meaning, why


@pytest.mark.parametrize(("version", "constraint", "expected", "why"), MATCHES)
def test_versions_satisfy_what_they_should(version: str, constraint: str, expected: bool, why: str) -> None:
    assert satisfies(version, constraint) is expected, why


@pytest.mark.parametrize(
    ("constraint", "sentence"),
    [
        ("main", "'main' is no constraint: write one like '^1.2', '>=1.2 <3' or 'dev-main'."),
        ("^1 || foo bar", "'foo' is no constraint in '^1 || foo bar': write one like"),
        ("^1 || ~>1.2", "'~>1.2' has an operator of Ruby's: write '~' where it says '~>'."),
        ("1" * (MAX_TERM_LENGTH + 1), f"'{'1' * 59}… names a version of more than 255 characters: shorten it."),
        ("1 " * MAX_CONSTRAINT_LENGTH, " has 65536 characters, of 32768 allowed: shorten it."),
    ],
)
def test_refused_constraints_say_what_to_write(constraint: str, sentence: str) -> None:
    with pytest.raises(InvalidConstraint) as refused:
        parse(constraint)

    assert sentence in str(refused.value)
    assert refused.value.field == "constraint"
    assert len(str(refused.value)) < 300


def test_the_longest_constraints_are_read() -> None:
    term = f"1.{'2' * 250} - {'0' * 252}.{'1'}.{'1'}"
    longest = "1" + " ||1" * ((MAX_CONSTRAINT_LENGTH - 1) // 4)
    padded = longest + " " * (MAX_CONSTRAINT_LENGTH - len(longest))

    assert len(parse(padded).alternatives) == 8192
    assert _meaning(f"{'1' * MAX_TERM_LENGTH}.*") is None
    assert len(term) <= MAX_TERM_LENGTH
    assert _meaning(f"{'1' * (MAX_TERM_LENGTH - 2)}.*") is not None


def test_a_version_that_is_none_satisfies_nothing_and_is_refused() -> None:
    with pytest.raises(InvalidVersion):
        satisfies("main", "*")
    with pytest.raises(InvalidConstraint):
        satisfies("1.0", "main")
    with pytest.raises(InvalidVersion):
        satisfies("1" * (MAX_VERSION_LENGTH + 1), "*")


def test_a_constraint_keeps_how_it_was_written() -> None:
    constraint = parse(" ^1.2@beta ")

    assert constraint.pretty == " ^1.2@beta "
    assert constraint == Constraint(" ^1.2@beta ", ((Comparison(">=", "1.2.0.0-dev"), Comparison("<", "2.0.0.0-dev")),))


numbers = st.lists(st.integers(0, 12), min_size=1, max_size=4)
versions = st.builds(
    "{}{}".format,
    numbers.map(lambda parts: ".".join(map(str, parts))),
    st.sampled_from(["", "", "-dev", "-alpha2", "-beta", "-RC1", "-p1"]),
).map(normalise)
constraints = st.recursive(
    st.builds("{}{}".format, st.sampled_from(["", "^", "~", ">=", "<", "!=", ">", "<="]), versions),
    lambda parts: st.builds("{}{}{}".format, parts, st.sampled_from([" || ", ", "]), parts),
    max_leaves=4,
)


@given(numbers, versions)
def test_caret_allows_all_that_keeps_the_first_number_that_is_not_zero(parts: list[int], version: str) -> None:
    low = normalise(".".join(map(str, parts)) + "-dev")
    first = next((place for place, part in enumerate(parts[:3]) if part), min(len(parts), 3) - 1)
    high = normalise(".".join(map(str, [*parts[:first], parts[first] + 1])) + "-dev")

    assert satisfies(version, f"^{'.'.join(map(str, parts))}") == _lies_between(low, version, high)


@given(numbers, versions)
def test_tilde_allows_the_last_number_to_rise(parts: list[int], version: str) -> None:
    low = normalise(".".join(map(str, parts)) + "-dev")
    kept = parts[: max(1, len(parts) - 1)]
    high = normalise(".".join(map(str, [*kept[:-1], kept[-1] + 1])) + "-dev")

    assert satisfies(version, f"~{'.'.join(map(str, parts))}") == _lies_between(low, version, high)


@given(numbers.map(lambda parts: parts[:3]), versions)
def test_a_star_allows_all_that_begin_so(parts: list[int], version: str) -> None:
    written = ".".join(map(str, parts))

    begins_so = version.partition("-")[0].split(".")[: len(parts)] == [str(part) for part in parts]
    assert satisfies(version, f"{written}.*") == begins_so


@given(versions, versions)
def test_every_sign_agrees_with_the_order(left: str, right: str) -> None:
    order = compare(left, right)

    assert parse(f"=={right}").matches(left) == (order == 0)
    assert parse(f"!={right}").matches(left) == (order != 0)
    assert parse(f">{right}").matches(left) == (order > 0)
    assert parse(f"<={right}").matches(left) == (order <= 0)


@given(constraints, constraints, versions)
def test_bars_are_or_and_blanks_are_and(one: str, two: str, version: str) -> None:
    either = satisfies(version, one) or satisfies(version, two)

    # Joined alternatives may lose what lies between, but only if one of them was empty: see _merge_adjacent.
    assert satisfies(version, f"{one} || {two}") == either or not _are_ranges_filled(one, two)
    if "||" not in one + two:
        assert satisfies(version, f"{one} {two}") == (satisfies(version, one) and satisfies(version, two))


@given(st.text("0123456789.^~*xv|, -@#<>=!devas\n", max_size=20))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        constraint = parse(text)
    except InvalidConstraint:
        return

    assert all(constraint.alternatives)
    assert constraint.matches("1.0.0.0") in (True, False)


def _meaning(constraint: str) -> str | None:
    try:
        parsed = parse(constraint)
    except InvalidConstraint:
        return None
    return " | ".join(
        ", ".join(f"{part.operator} {part.version}".strip() for part in alternative)
        for alternative in parsed.alternatives
    )


def _lies_between(low: str, version: str, high: str) -> bool:
    return compare(low, version) <= 0 and compare(version, high) < 0


def _are_ranges_filled(*written: str) -> bool:
    """Whether no alternative is a range whose end lies below its beginning."""
    ranges = [part for one in written for part in parse(one).alternatives if len(part) == 2]
    return all(compare(low.version, high.version) < 0 for low, high in ranges)
