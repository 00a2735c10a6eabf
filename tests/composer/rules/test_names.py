"""Package names: what Composer accepts, and what we refuse besides."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packistry.composer.names import MAX_NAME_LENGTH, is_platform_name, is_valid_name, normalise_name, vendor_of
from packistry.errors import InvalidName

VALID = [
    ("acme/lib", "two words"),
    ("a/b", "one letter each"),
    ("0/1", "digits alone"),
    ("acme_x/lib.y", "underscore and dot between words"),
    ("acme/lib--x", "two dashes, in the package only"),
    ("acme/lib-1.0", "like a version"),
    ("acme/json", "the word, not the ending"),
    ("acme/lib-json", "what we suggest instead of the ending"),
    ("acme/nul-x", "a reserved word within a longer one"),
    ("acme/com0", "ports count from one"),
    ("acme/com10", "and to nine"),
    ("ext-acme/lib", "a vendor that begins like an extension"),
    ("lib-abc.defghijklmnopqrst/x", "long, but in two words"),
    ("lib-abcdefghijklmnopqrs/x", "one letter less than aborts Composer"),
    ("lib-abc-d-efghijk-lmno-pqr-stuv-w-xyz/x", "998,796 steps"),
    ("php/php", "the platform has no vendor"),
    (f"a/{'b' * (MAX_NAME_LENGTH - 2)}", "as long as we take"),
]
INVALID = [
    ("", "nothing"),
    ("acme", "no vendor"),
    ("/lib", "empty vendor"),
    ("acme/", "empty package"),
    ("acme/lib/x", "three parts"),
    ("acme--x/lib", "two dashes in the vendor"),
    ("acme/lib---x", "three dashes"),
    ("acme/lib__x", "two underscores"),
    ("acme/lib..x", "two dots"),
    ("acme/lib._x", "two different separators"),
    ("acme/_lib", "starts with a separator"),
    ("acme/lib-", "ends with one"),
    ("-acme/lib", "could be read as an option"),
    ("../lib", "a path"),
    ("acme/lib.json", "the ending of our documents"),
    ("acme/LIB.JSON", "whatever the case"),
    ("nul/lib", "a device as vendor"),
    ("acme/COM1", "a device as package"),
    ("acme/lpt9", "the last device"),
    ("acme/lib~dev", "would be another document"),
    ("acme/lib+x", "a plus"),
    ("acme/lib x", "a blank"),
    ("acme/é", "not ASCII"),
    ("acme/\u212a", "the Kelvin sign, which folds to a k"),
    ("acme/lib\u0661", "a digit, but not ASCII"),
    ("__root__", "what Composer calls a project without a name"),
    ("acme/lib\n", "a line feed at the end"),
    ("acme/lib\0", "NUL"),
    (f"a/{'b' * (MAX_NAME_LENGTH - 1)}", "one more than we take"),
    ("php", "the platform"),
    ("ext-json", "an extension"),
    ("ext-abcdefghij-abcdefghij-abcdefghij/x", "aborts Composer: it looks long for a platform name"),
    ("lib-abcdefghijklmnopqrst/x", "aborts Composer with one long word"),
    ("ext-a-bcdefghijklmnopqrst/x", "aborts Composer though it begins with a short word"),
    ("lib-ab.cd_efghijklmno-pq-rstuv-wx/x", "1,001,481 steps"),
]
PLATFORM = [
    "php", "php-64bit", "php-ipv6", "php-zts", "php-debug", "hhvm", "ext-json", "ext-PDO", "lib-libxml", "lib-a_b.c-d",
    "composer", "composer-plugin-api", "composer-runtime-api", "Composer-Runtime-API",
]  # fmt: skip
NOT_PLATFORM = [
    "php-nts", "php8", "ext-", "ext--x", "ext-a_", "lib-a--b", "composer-api", "acme/lib", "ext-a/b", "php\n",
    "ext-\u212a", "",
]  # fmt: skip


@pytest.mark.parametrize(("name", "why"), VALID)
def test_valid_names_stay_as_they_are(name: str, why: str) -> None:
    assert normalise_name(name) == name, why
    assert is_valid_name(name), why


@pytest.mark.parametrize(("name", "why"), INVALID)
def test_invalid_names_are_refused(name: str, why: str) -> None:
    with pytest.raises(InvalidName) as refused:
        normalise_name(name)

    assert refused.value.field == "name"
    assert not is_valid_name(name), why


def test_upper_case_is_folded_but_not_valid_as_it_stands() -> None:
    assert normalise_name("Monolog/MonoLog.X") == "monolog/monolog.x"
    assert not is_valid_name("Monolog/monolog")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("acme/my lib", "joined by single '-', '.' or '_'. 'acme/my-lib' would do."),
        ("Acme Corp/fooBar_", "'_'. 'acme-corp/foo-bar' would do."),
        ("widgets", "each made of letters and digits joined by single '-', '.' or '_'."),
        ("acme/", "digits joined by single '-', '.' or '_'."),
        ("nul/a b", "digits joined by single '-', '.' or '_'."),
        ("a/lib.json", "'a/lib.json' ends in '.json', like the addresses of our documents: 'a/lib-json' would do."),
        ("Aux/lib", "'aux/lib' contains 'aux', which is the name of a device on Windows: choose another word."),
        ("ext-json", "'ext-json' is the name of a part of the platform, which no repository serves: publish it as "),
        (f"ext-{'a' * 20}/b", "its vendor is long and begins with 'ext-': shorten the vendor or let it begin"),
        (f"acme/{'b' * 295}", "bbbb… has 300 characters, the limit is 200: shorten it."),
    ],
)
def test_refusals_say_what_would_do(name: str, sentence: str) -> None:
    with pytest.raises(InvalidName) as refused:
        normalise_name(name)

    assert sentence in str(refused.value)
    # A name can be anything: the sentence shows it escaped and cut.
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("name", ["widgets", "nul/a b", "acme/", "é/é"])
def test_nothing_is_suggested_where_nothing_is_near(name: str) -> None:
    with pytest.raises(InvalidName) as refused:
        normalise_name(name)

    assert "would do" not in str(refused.value)


@pytest.mark.parametrize("name", PLATFORM)
def test_platform_names_are_known(name: str) -> None:
    assert is_platform_name(name)


@pytest.mark.parametrize("name", NOT_PLATFORM)
def test_names_near_the_platform_are_not_of_it(name: str) -> None:
    assert not is_platform_name(name)


def test_vendor_is_what_stands_before_the_slash() -> None:
    assert vendor_of("acme/lib") == "acme"
    assert vendor_of("php") == "php"


@given(st.text(string.ascii_letters + string.digits + "/-_.\n é", max_size=40))
def test_what_is_accepted_is_valid_and_stays(name: str) -> None:
    try:
        normalised = normalise_name(name)
    except InvalidName:
        return

    assert normalise_name(normalised) == normalised == name.lower()
    assert is_valid_name(normalised)
    assert normalised.startswith(f"{vendor_of(normalised)}/")
