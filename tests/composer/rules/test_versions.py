"""Versions: their normal form, stability and order, by the tables of Composer's own answers."""

import csv
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packistry.composer.versions import (
    MAX_VERSION_LENGTH,
    compare,
    is_branch,
    is_dev,
    normalise,
    normalise_branch,
    normalise_default_branch,
    numeric_alias_prefix,
    pretty_branch,
    sort_key,
    sort_versions,
    stability,
)
from packistry.errors import InvalidVersion

# What Composer's semver 3.6.0 made of each input; an empty second column means that it refused.
with Path(__file__).with_name("versions.csv").open(encoding="utf-8", newline="") as file:
    TABLE = [(row["input"], row["normalized"], row["stability"]) for row in csv.DictReader(file)]

NORMALISED = [
    ("1.0.0-STABLE", "1.0.0.0-stable", "only the lower-case word is dropped"),
    ("1.0.0-Stable.2-dev", "1.0.0.0-stable2-dev", "and then keeps what follows"),
    ("1.0.0-stable2", "1.0.0.0", "numbers after the word go with it"),
    ("1.0.0-PL.2", "1.0.0.0-patch2", "a patch by its short name"),
    ("1.0.0-A", "1.0.0.0-alpha", "an alpha by its letter"),
    ("1.0-beta.dev", "1.0.0.0-beta-dev", "dev behind a dot"),
    ("1.0-p-", None, "a separator needs a number behind it"),
    ("1.0_", "1.0.0.0", "but alone it is dropped"),
    ("1.0-RC-dev", "1.0.0.0-RC-dev", "a word without number before dev"),
    ("1-2", None, "a number needs a word before it"),
    ("12345.1", "12345.1.0.0", "five digits are a number"),
    ("123456.1", "123456.1", "six begin a date, which is not filled up"),
    ("1234567.1234", None, "and ends in at most two groups that are no pairs"),
    ("2010:01:02", "2010.01.02", "colons in dates"),
    ("2010:01:02_b", "2010.01.02-beta", "a date with a word"),
    ("2010:01:02.stable", "2010.01.02", "a date with a word that is dropped"),
    ("20240131-dev", "20240131-dev", "a date with dev"),
    ("2010.01.02.10.20.30", "2010.01.02.10.20.30", "dots in dates"),
    ("2010-01-02:5", "2010.01.02.5", "a short group behind a colon"),
    ("2010-1", None, "a year needs a pair behind it"),
    ("2" * 22, "2" * 22, "a year, six pairs and two groups of three are the most"),
    ("2" * 23, None, "one digit more"),
    ("2024013112001122-1-12", "2024013112001122.1.12", "two short groups at the end"),
    ("2024013112001122-1-1-1", None, "but not three"),
    ("1.2.3.4.x-dev", None, "five parts are none too many for a branch, but x is not dev"),
    ("1.2.3.4-dev", "1.2.3.4-dev", "four parts and dev"),
    ("1.2.X.dev", "1.2.9999999.9999999-dev", "a branch with a capital and a dot"),
    ("1.2.xdev", "1.2.9999999.9999999-dev", "a branch without separator"),
    ("123456.x-dev", "123456.9999999.9999999.9999999-dev", "a branch may have more digits"),
    ("foo.1.x-dev", None, "but no name"),
    ("foo\n1.x-dev", "1.9999999.9999999.9999999-dev", "PHP begins to look after the line feed"),
    ("1.x-dev\n@dev", "1.9999999.9999999.9999999-dev", "and ends before the last"),
    ("\0 1.0\x0b\t\r\n", "1.0.0.0", "what PHP trims"),
    ("1.0\f", None, "what it does not"),
    ("1.0\u00a0", None, "nor a blank that does not break"),
    ("\uff11.0", None, "digits of other alphabets are none"),
    ("1.0-\u017ftable", None, "nor are letters that fold to ours"),
    ("v.1", None, "nothing between the letter and the number"),
    ("vv1", None, "one letter"),
    ("1.0+", None, "build metadata is never empty"),
    ("+1.0", None, "nor is what stands before it"),
    ("1.0+a+b", "1.0.0.0", "it may hold another plus"),
    ("1,0+a", None, "a comma"),
    ("foo\n1.x-dev+a", None, "build metadata behind a line feed stays, and spoils the rest"),
    ("1.0 as  2.0", "1.0.0.0", "an alias with more blanks"),
    ("1.0  as 2.0", "1.0.0.0", "on either side"),
    ("1.0 as 2 0", None, "an alias of two words"),
    ("1.0 AS 2.0", None, "the word is lower case"),
    ("1.0as 2.0", None, "and stands alone"),
    ("dev-a,b as 1.0", "dev-a,b as 1.0", "no alias is behind a comma"),
    ("dev-a as 1,0", "dev-a as 1,0", "or has one"),
    ("1.0@Beta", "1.0.0.0", "a flag in any case"),
    ("1.0@stable", "1.0.0.0", "the flag that says nothing"),
    ("1.0@alpha", "1.0.0.0", "a flag"),
    ("1.0@dev@dev", None, "one flag"),
    ("@dev", None, "nothing but a flag"),
    ("dev-", "dev-", "Composer checks no branch, not even an empty one"),
    ("DEV-a b", "dev-a b", "nor one with a blank"),
    ("dev", None, "not a branch yet"),
    ("trunk@dev", "dev-trunk", "an old name and a flag"),
    ("master as 1.0", "dev-master", "an old name and an alias"),
    ("-dev", None, "no number"),
    ("9" * 19 + ".x-dev", f"{'9' * 19}.9999999.9999999.9999999-dev", "more than 64 bits"),
    ("1." + "2" * (MAX_VERSION_LENGTH - 2), f"1.{'2' * (MAX_VERSION_LENGTH - 2)}.0.0", "as long as we take"),
    ("1." + "2" * (MAX_VERSION_LENGTH - 1), None, "one more"),
]

STABILITIES = [
    ("1.0.0.0", "stable", "a number"),
    ("1.0.0.0-patch1", "stable", "a patch comes after"),
    ("1.0.0.0-stable", "stable", "the word itself"),
    ("1.0.0.0-RC1", "RC", "upper case as Composer writes it"),
    ("1.0.0.0-rc1", "RC", "and lower"),
    ("1.0.0.0-beta3-4", "beta", "several numbers"),
    ("1.0-b", "beta", "one letter"),
    ("1.0.0.0-alpha", "alpha", "no number"),
    ("1.0A2", "alpha", "one letter in upper case"),
    ("1.0.0.0-RC1-dev", "dev", "dev wins"),
    ("1.0.DEV", "dev", "dev in upper case"),
    ("dev-1.0", "dev", "a branch"),
    ("dev-main", "dev", "a branch"),
    ("DEV-main", "stable", "Composer looks for lower case here"),
    ("1.0.0.0-dev#abc", "dev", "a reference is left out"),
    ("1.0-beta#1.0-dev", "beta", "whatever it says"),
    ("1.0-beta#", "stable", "an empty one is none"),
    ("1.0-beta#a\n", "beta", "the line feed after it stays"),
    ("1.0-beta#x\n#y", "stable", "one that does not reach the end is kept"),
    ("1.0-RC1+build", "RC", "build metadata is left out"),
    ("1.0+meta-dev", "dev", "unless it ends like this: ask of the normalised form"),
    ("1.0-beta+a\nx", "stable", "and does not go over lines"),
    ("1.0-beta\n", "beta", "a line feed at the end does not matter"),
    ("", "stable", "nothing"),
    ("1.0-\u212abeta", "beta", "only the end counts"),
]

# Branch, pretty version of an import, normalised branch.
BRANCHES = [
    ("main", "dev-main", "dev-main", "no number"),
    ("feature/foo", "dev-feature/foo", "dev-feature/foo", "a slash"),
    ("Feature", "dev-Feature", "dev-Feature", "upper case is kept"),
    ("fix#12", "dev-fix+12", "dev-fix#12", "a # would start a reference"),
    ("1", "1.x-dev", "1.9999999.9999999.9999999-dev", "one number"),
    ("1.x", "1.x-dev", "1.9999999.9999999.9999999-dev", "with x"),
    ("1.X", "1.x-dev", "1.9999999.9999999.9999999-dev", "with X"),
    ("1.*", "1.x-dev", "1.9999999.9999999.9999999-dev", "with a star"),
    ("1.0", "1.0.x-dev", "1.0.9999999.9999999-dev", "two numbers"),
    ("1.x.2", "1.x.2.x-dev", "1.9999999.2.9999999-dev", "x in the middle"),
    ("1.*.2", "1.x.2.x-dev", "1.9999999.2.9999999-dev", "a star in the middle"),
    ("1.2.x.4", "1.2.x.4-dev", "1.2.9999999.4-dev", "x before the last"),
    ("1.2.*.4", "1.2.x.4-dev", "1.2.9999999.4-dev", "a star before the last"),
    ("1.2.3.*", "1.2.3.x-dev", "1.2.3.9999999-dev", "a star at the end"),
    ("1-2", "dev-1-2", "dev-1-2", "no dot after the first"),
    ("1.2-3", "dev-1.2-3", "dev-1.2-3", "none after the second"),
    ("1.2.3-4", "dev-1.2.3-4", "dev-1.2.3-4", "none after the third"),
    ("1.2.3", "1.2.3.x-dev", "1.2.3.9999999-dev", "three numbers"),
    ("1.2.3.4", "1.2.3.4-dev", "1.2.3.4-dev", "four"),
    ("1.2.3.4.5", "dev-1.2.3.4.5", "dev-1.2.3.4.5", "five are a name"),
    ("v1", "v1.x-dev", "1.9999999.9999999.9999999-dev", "a v is kept"),
    ("v4.1", "v4.1.x-dev", "4.1.9999999.9999999-dev", "a v is kept"),
    ("V2.0", "2.0.x-dev", "2.0.9999999.9999999-dev", "a V is not"),
    ("version", "dev-version", "dev-version", "a v that is no prefix"),
    ("10", "10.x-dev", "10.9999999.9999999.9999999-dev", "two digits"),
    ("9999999", "9999999.x-dev", "9999999.9999999.9999999.9999999-dev", "the number that stands for x"),
    ("1.19999999", "1.19999999.x-dev", "1.19999999.9999999.9999999-dev", "ends in the number that stands for x"),
    ("5.x-dev", "dev-5.x-dev", "dev-5.x-dev", "no number any more"),
    ("release/1.0", "dev-release/1.0", "dev-release/1.0", "a number in a name"),
    ("1.0-beta", "dev-1.0-beta", "dev-1.0-beta", "a version is a name"),
    ("2010-01-02", "dev-2010-01-02", "dev-2010-01-02", "a date is a name"),
    (" 1.0\n", "1.0.x-dev", "1.0.9999999.9999999-dev", "blanks are trimmed"),
    ("\0001.0\0", "1.0.x-dev", "1.0.9999999.9999999-dev", "for PHP, NUL is one"),
    ("1.0\f", "dev-1.0\f", "dev-1.0\f", "and a form feed is none"),
    (" main", "dev- main", "dev-main", "in the normalised form"),
    ("\u0661", "dev-\u0661", "dev-\u0661", "a digit of another alphabet"),
]

PREFIXES = [
    ("2.1.x-dev", "2.1.", "what a branch alias looks like"),
    ("2.X-DEV", "2.", "in any case"),
    ("2-dev", "2.", "without x"),
    ("1.2.3.4.5.x-dev", "1.2.3.4.5.", "any number of parts"),
    ("2.1.x", None, "not without dev"),
    ("v2.x-dev", None, "nor with v"),
    ("dev-main", None, "nor a branch"),
    ("2.x.x-dev", None, "one x"),
    ("2-1.x-dev", None, "dots between the numbers"),
    ("2-x-dev", None, "and before the x"),
    (" 2.x-dev", None, "nothing before"),
    ("2.x-dev ", None, "nothing behind"),
    ("2.x-dev\n", "2.", "but a line feed, for PHP"),
    ("\u0661.x-dev", None, "digits of other alphabets are none"),
]

# Each is lower than the next.
ASCENDING = [
    "dev-foo", "dev-main", "0.9.0.0", "1", "1.0", "1.0.0", "1.0.0.0-stable", "1.0.0.0-dev", "1.0.0.0-alpha",
    "1.0.0.0-alpha1", "1.0.0.0-alpha2.1", "1.0.0.0-beta", "1.0.0.0-beta2", "1.0.0.0-beta2-1", "1.0.0.0-beta10",
    "1.0.0.0-RC1-dev", "1.0.0.0-RC1", "1.0.0.0-RC2", "1.0.0.0", "1.0.0.0.0", "1.0.0.0-patch-dev", "1.0.0.0-patch",
    "1.0.0.0-patch1", "1.0.1.0", "1.0.9999999.9999999-dev", "1.9999999.9999999.9999999-dev", "2.0.0.0-dev",
    "10.0.0.0", "2024.01.02", "9999999-dev", "20240102", "9223372036854775806", "9223372036854775807",
]  # fmt: skip

EQUAL = [
    ("1.02.0.0", "1.2.0.0", "leading zeros"),
    ("1.0.0.0-RC1", "1.0.0.0-rc1", "RC is known in two spellings"),
    ("1.0.0.0-a1", "1.0.0.0-alpha1", "words count by how they begin"),
    ("1.0.0.0-BETA", "1.0.0.0-stable", "unknown words are all alike"),
    ("1.0.0.0-delta", "1.0.0.0-stable", "dev needs three letters to be known"),
    ("1.0.0.0-Release", "1.0.0.0-stable", "RC needs both"),
    ("1.0.0.0-release", "1.0.0.0-stable", "in either case"),
    ("1.0.0.0-beta.2", "1.0.0.0-beta2", "any separator"),
    ("9223372036854775807", "9223372036854775808", "PHP's largest number"),
    ("9223372036854775807", "9" * 5000, "is the largest of all"),
    ("7", "0" * 5000 + "7", "zeros do not make a number long"),
]


@pytest.mark.parametrize(("version", "normalised", "unused"), TABLE)
def test_the_table_is_normalised_as_composer_does(version: str, normalised: str, unused: str) -> None:
    assert _normalised(version) == (normalised or None)


@pytest.mark.parametrize(("normalised", "expected"), [(row[1], row[2]) for row in TABLE if row[1]])
def test_the_table_has_composers_stability(normalised: str, expected: str) -> None:
    assert stability(normalised) == expected
    assert is_dev(normalised) == (expected == "dev")


@pytest.mark.parametrize(("version", "normalised", "why"), NORMALISED)
def test_versions_are_normalised_as_composer_does(version: str, normalised: str | None, why: str) -> None:
    assert _normalised(version) == normalised, why


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        ("main", "'main' is not a version: write one like '1.2.3' or '1.2.3-beta1', or 'dev-main' for a branch."),
        (" 1.x@dev ", "' 1.x@dev ' is not a version: write one like '1.2.3' or '1.2.3-beta1', or '1.x-dev' for"),
        (" ", "The version is empty: write one like '1.2.3', or 'dev-main' for a branch."),
        ("1" * 300, f"The version '{'1' * 59}… has 300 characters, of 255 allowed: shorten it."),
        ("a\n\0", r"'a\n\x00' is not a version"),
    ],
)
def test_refused_versions_say_what_to_write(version: str, sentence: str) -> None:
    with pytest.raises(InvalidVersion) as refused:
        normalise(version)

    assert str(refused.value).startswith(sentence)
    assert refused.value.field == "version"


@pytest.mark.parametrize(("version", "expected", "why"), STABILITIES)
def test_stability_is_read_from_the_end(version: str, expected: str, why: str) -> None:
    assert stability(version) == expected, why


@pytest.mark.parametrize(
    ("normalised", "dev", "branch"),
    [
        ("dev-main", True, True),
        ("1.0.0.0-dev", True, False),
        ("1.0.0.0-beta-dev", True, False),
        ("1.0.0.0-beta", False, False),
        ("1.0.0.0", False, False),
    ],
)
def test_dev_versions_are_branches_and_what_ends_in_dev(normalised: str, dev: bool, branch: bool) -> None:
    assert is_dev(normalised) is dev
    assert is_branch(normalised) is branch


@pytest.mark.parametrize(("branch", "pretty", "normalised", "why"), BRANCHES)
def test_branches_become_versions(branch: str, pretty: str, normalised: str, why: str) -> None:
    assert pretty_branch(branch) == pretty, why
    assert normalise_branch(branch) == normalised, why
    # What an import publishes must be read back as the same version.
    assert normalise(pretty_branch(branch).replace("dev- ", "dev-")) == normalised.replace("#", "+"), why


def test_a_slip_of_composers_is_kept() -> None:
    # It looks for seven nines and finds them in eight too, so the pretty version cannot be read back.
    assert pretty_branch("1.99999999") == "1.x9.x-dev"
    assert normalise_branch("1.99999999") == "1.99999999.9999999.9999999-dev"


@pytest.mark.parametrize(("branch", "prefix", "why"), PREFIXES)
def test_only_numeric_branches_have_a_prefix(branch: str, prefix: str | None, why: str) -> None:
    assert numeric_alias_prefix(branch) == prefix, why


@pytest.mark.parametrize(("lower", "higher"), list(pairwise(ASCENDING)))
def test_each_version_is_lower_than_the_next(lower: str, higher: str) -> None:
    assert compare(lower, higher) == -1
    assert compare(higher, lower) == 1


@pytest.mark.parametrize(("left", "right", "why"), EQUAL)
def test_some_versions_are_equal_though_written_otherwise(left: str, right: str, why: str) -> None:
    assert compare(left, right) == 0, why
    assert compare(right, left) == 0, why


def test_lists_are_sorted_as_written_with_old_default_branches_last() -> None:
    written = ["dev-trunk", "2.x-dev", "v1.0", "dev-a", "1.0.0-RC1", "1.0", "master", "0.9", "2024.01.02", "1.0-p1"]

    ordered = sort_versions(written)

    assert ordered == [
        "dev-a", "0.9", "1.0.0-RC1", "v1.0", "1.0", "1.0-p1", "2.x-dev", "2024.01.02", "dev-trunk", "master",
    ]  # fmt: skip


def test_a_list_with_something_that_is_no_version_is_refused() -> None:
    with pytest.raises(InvalidVersion):
        sort_versions(["1.0", "main"])


@pytest.mark.parametrize(
    ("normalised", "expected"),
    [
        ("dev-master", "9999999-dev"),
        ("dev-trunk", "9999999-dev"),
        ("dev-default", "9999999-dev"),
        ("dev-main", "dev-main"),
        ("1.0.0.0", "1.0.0.0"),
        ("dev-dev-master", "dev-dev-master"),
    ],
)
def test_old_default_branches_sort_as_the_highest_number(normalised: str, expected: str) -> None:
    assert normalise_default_branch(normalised) == expected


numbers = st.lists(st.integers(0, 99_999), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
suffixes = st.from_regex(r"([._-]?(beta|b|RC|rc|alpha|ALPHA|a|patch|pl|p)([.-]?[0-9]{1,4})*)?(-dev)?", fullmatch=True)
written_versions = st.builds("{}{}{}".format, st.sampled_from(["", "v", "V"]), numbers, suffixes)
branch_names = st.from_regex(r"[A-Za-z0-9_./#-]{1,30}", fullmatch=True)
normalised_versions = st.one_of(written_versions.map(normalise), branch_names.map(normalise_branch))


@given(written_versions)
def test_normal_forms_are_their_own_normal_form(written: str) -> None:
    # Not so: dates of two or three parts ("2010-01-02"), "-stable" from a capital spelling, and branches that end in a
    # flag or a blank ("dev-a@dev@dev"): Composer itself reads those again otherwise.
    normalised = normalise(written)

    assert normalise(normalised) == normalised
    assert len(normalised.partition("-")[0].split(".")) == 4


@given(branch_names)
def test_imported_branches_are_read_back(branch: str) -> None:
    assert normalise(pretty_branch(branch)) == normalise_branch(branch).replace("#", "+")
    assert is_dev(normalise_branch(branch))


@given(normalised_versions, normalised_versions, normalised_versions)
def test_order_is_total(one: str, two: str, three: str) -> None:
    low, middle, high = sorted([one, two, three], key=sort_key)

    assert compare(one, one) == 0
    assert compare(one, two) == -compare(two, one)
    assert compare(low, middle) <= 0
    assert compare(middle, high) <= 0
    assert compare(low, high) <= 0


@given(numbers)
def test_the_ladder_of_stabilities_holds_at_every_number(number: str) -> None:
    ladder = [normalise(number + suffix) for suffix in ("-dev", "-alpha", "-beta", "-RC", "", "-patch")]

    assert [compare(low, high) for low, high in pairwise(ladder)] == [-1] * 5
    assert [stability(rung) for rung in ladder] == ["dev", "alpha", "beta", "RC", "stable", "stable"]


@given(st.text(max_size=20))
def test_any_text_is_normalised_or_refused(text: str) -> None:
    normalised = _normalised(text)

    assert normalised is None or is_branch(normalised) or normalised[0].isdigit()


def _normalised(version: str) -> str | None:
    try:
        return normalise(version)
    except InvalidVersion:
        return None
