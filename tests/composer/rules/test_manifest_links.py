"""Links to other packages: as written, and refused where a client would abort."""

from typing import Any

import pytest

from tests.composer.rules.manifest_of import manifest_of, published, refusal_of

LINKS = ["require", "require_dev", "conflict", "provide", "replace"]


@pytest.mark.parametrize("key", LINKS)
def test_links_are_published_in_lower_case_in_their_order_and_as_written(key: str) -> None:
    links = {
        "php": ">=8.1",
        "ext-PDO": "*",
        "Other/Lib": " ^1.0 || dev-main#abc as 1.1",
        "a/b": "self.version",
        "0/1": "1@beta",
    }

    found = published(**{key: links})

    assert list(found.items()) == [
        ("php", ">=8.1"),
        ("ext-pdo", "*"),
        ("other/lib", " ^1.0 || dev-main#abc as 1.1"),
        ("a/b", "self.version"),
        ("0/1", "1@beta"),
    ]
    assert manifest_of(**{key: links}).warnings == ()


def test_of_two_spellings_of_a_name_the_last_counts_as_for_composer() -> None:
    assert published(require={"a/B": "1.0", "a/b": "2.0"}) == {"a/b": "2.0"}


@pytest.mark.parametrize("key", LINKS)
def test_a_link_to_itself_is_left_out_with_a_warning(key: str) -> None:
    manifest = manifest_of(**{key: {"Acme/Lib": "*", "other/lib": "*"}})

    assert manifest.published[key.replace("_", "-")] == {"other/lib": "*"}
    assert manifest.warnings == (f"{key.replace('_', '-')}: the link to acme/lib itself was left out.",)


@pytest.mark.parametrize("name", ["core", "pear-pear.php.net/a__b", "nul/lib", "-/ext-a"])
def test_a_link_to_a_name_no_package_can_have_is_kept_with_a_warning(name: str) -> None:
    manifest = manifest_of(replace={name: "*"})

    assert manifest.published["replace"] == {name: "*"}
    assert manifest.warnings == (f"replace: {name!r} is no name a package can have; kept as it is.",)


REFUSED: list[tuple[Any, str, str]] = [
    ("acme/other", "not a text", "a text"),
    (["acme/other"], "not a list", "a list, whose keys PHP makes integers"),
    (True, "not true or false", "a boolean"),
    ({"12": "*"}, "'12' is not a package name", "a key PHP makes an integer"),
    ({"-3": "*"}, "'-3' is not a package name", "another"),
    ({"a b/c": "*"}, "'a b/c' is not a package name", "a space"),
    ({"a/é": "*"}, "'a/é' is not a package name", "another alphabet"),
    ({"a/b\n": "*"}, "is not a package name", "a line break"),
    ({"": "*"}, "'' is not a package name", "empty"),
    ({"ext-": "*"}, "begins like a part of the platform", "half a name"),
    ({f"lib-{'a' * 20}/x": "*"}, "begins like a part of the platform", "on which Composer gives up"),
    ({f"ext-{'a' * 30}_": "*"}, "begins like a part of the platform", "and on this"),
    ({f"other/{'a' * 195}": "*"}, "has 201 characters, of 200 allowed", "longer than a name can be"),
    ({"other/lib": 1}, "not a number", "a number"),
    ({"other/lib": None}, "not null", "null"),
    ({"other/lib": ["^1.0"]}, "not a list", "a list of constraints"),
    ({"other/lib": "^"}, "other/lib: ", "no constraint"),
    ({"other/lib": "main"}, "other/lib: ", "a branch without dev-"),
    ({"other/lib": " self.version"}, "other/lib: ", "only these letters mean the version itself"),
    ({"other/lib": ""}, "other/lib: ", "empty"),
]


@pytest.mark.parametrize("key", LINKS)
@pytest.mark.parametrize(("links", "why"), [case[:2] for case in REFUSED], ids=[case[2] for case in REFUSED])
def test_links_that_would_abort_a_client_are_refused(key: str, links: Any, why: str) -> None:
    refusal = refusal_of(**{key: links})

    assert refusal.field == key.replace("_", "-")
    assert why in refusal.sentence


def test_suggestions_are_published_as_they_are() -> None:
    assert published(suggest={"ext-PDO": "for MySQL", "a thing": ""}) == {"ext-PDO": "for MySQL", "a thing": ""}


SUGGESTIONS: list[tuple[Any, Any, str]] = [
    ({"a/b": None, "c/d": "why"}, {"c/d": "why"}, "suggest.a/b: left out: the reason must be a text, not null."),
    ([5], None, "suggest: left out: it must be an object of package names and reasons, not a list."),
    ("a/b", None, "suggest: left out: it must be an object of package names and reasons, not a text."),
]


@pytest.mark.parametrize(("value", "expected", "warning"), SUGGESTIONS)
def test_suggestions_nobody_could_read_are_left_out(value: Any, expected: Any, warning: str) -> None:
    manifest = manifest_of(suggest=value)

    assert manifest.published.get("suggest") == expected
    assert manifest.warnings == (warning,)
