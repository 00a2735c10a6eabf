"""What a manifest says of its own version: number, type, time, aliases, whether it is given up."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.composer.rules.manifest_of import manifest_of, published, refusal_of

VERSIONS = [
    ("1.2.3", "1.2.3", "as written"),
    ("v1.2-RC1", "v1.2-RC1", "pretty"),
    (" 1.0\n", "1.0", "blanks around it"),
    ("dev-main", "dev-main", "a branch"),
    (1.2, "1.2", "a number, as Composer casts it"),
    (1.10, "1.1", "which loses its zero"),
    (3, "3", "a whole number"),
]


@pytest.mark.parametrize(("value", "expected"), [case[:2] for case in VERSIONS], ids=[case[2] for case in VERSIONS])
def test_the_own_version_is_kept_as_written(value: Any, expected: str) -> None:
    assert manifest_of(version=value).version == expected


@pytest.mark.parametrize("value", ["main", "", "1.2.3.4.5", True, ["1.0"], {"a": 1}])
def test_a_version_composer_cannot_normalise_is_refused(value: Any) -> None:
    assert refusal_of(version=value).field == "version"


TYPES = [
    ("Library", "library", False, "clients lower it too"),
    ("", "library", True, "blank"),
    ("acme_module", "acme_module", True, "odd, but some plugin may know it"),
    ("composer-plugin", "composer-plugin", False, "a plugin"),
]


@pytest.mark.parametrize(("value", "expected", "warned"), [case[:3] for case in TYPES], ids=[case[3] for case in TYPES])
def test_the_type_is_published_in_lower_case(value: str, expected: str, warned: bool) -> None:
    manifest = manifest_of(type=value)

    assert manifest.type == manifest.published["type"] == expected
    assert bool(manifest.warnings) == warned


def test_a_type_longer_than_its_column_is_refused() -> None:
    assert manifest_of(type="é" * 255).type == "é" * 255
    # In lower case it is two characters.
    assert "it has 256 characters" in refusal_of(type="İ" * 128).sentence


@pytest.mark.parametrize("value", [5, ["library"], False])
def test_a_type_that_is_no_text_is_refused(value: Any) -> None:
    assert refusal_of(type=value).field == "type"


TIMES: list[tuple[Any, datetime | None, str]] = [
    ("2012-09-23", datetime(2012, 9, 23, tzinfo=UTC), "a day"),
    (" 2012-04-24 23:52:45 ", datetime(2012, 4, 24, 23, 52, 45, tzinfo=UTC), "without zone"),
    ("2026-01-02T03:04:05.678Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "to the second"),
    ("2026-01-02T03:04:05+02:00", datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC), "in UTC"),
    ("0001-01-01T00:00:00+14:00", None, "before all time"),
    ("1969-12-31T23:59:59Z", None, "before there were releases"),
    ("1970-01-01", datetime(1970, 1, 1, tzinfo=UTC), "the first second"),
    ("2100-12-31", datetime(2100, 12, 31, tzinfo=UTC), "the last year"),
    ("2101-01-01", None, "nobody means it"),
    ("tomorrow", None, "PHP would take it, and mean another day each day"),
    (1700000000, None, "a number crashes clients before 2.11"),
    (["2026-01-02"], None, "no text"),
]


@pytest.mark.parametrize(("value", "expected"), [case[:2] for case in TIMES], ids=[case[2] for case in TIMES])
def test_the_own_time_is_kept_if_it_is_one(value: Any, expected: datetime | None) -> None:
    manifest = manifest_of(time=value)

    assert manifest.time == expected
    assert bool(manifest.warnings) == (expected is None)
    assert "time" not in manifest.published


ABANDONED: list[tuple[Any, bool | str, bool]] = [
    (True, True, False),
    (False, False, False),
    ("acme/better", "acme/better", False),
    (" ", False, False),
    (1, False, True),
    ({"by": "acme/better"}, False, True),
]


@pytest.mark.parametrize(("value", "expected", "warned"), ABANDONED)
def test_abandoned_is_kept_with_its_replacement(value: Any, expected: bool | str, warned: bool) -> None:
    manifest = manifest_of(abandoned=value)

    assert manifest.abandoned is expected or manifest.abandoned == expected
    assert bool(manifest.warnings) == warned
    assert "abandoned" not in manifest.published


@pytest.mark.parametrize(("value", "expected"), [(True, True), (False, False), (1, False), ("true", False)])
def test_only_true_asks_to_be_the_default_branch(value: Any, expected: bool) -> None:
    manifest = manifest_of(default_branch=value)

    assert manifest.default_branch is expected
    assert "default-branch" not in manifest.published


EXTRA: list[Any] = [
    {"z": 1, "a": {"c": [], "b": {}}},
    ["a", "b"],
    {"branch-alias": {"dev-main": "2.x-dev", "1.x-dev": "1.0.x-dev", "dev-old": "9999999-dev"}, "x": 1},
    {"branch-alias": None},
    {"branch-alias": {}},
]


@pytest.mark.parametrize("value", EXTRA)
def test_extra_is_published_as_it_is_in_its_order(value: Any) -> None:
    manifest = manifest_of(extra=value)

    assert repr(manifest.published["extra"]) == repr(value)
    assert manifest.warnings == ()


def test_extra_of_another_kind_is_left_out() -> None:
    manifest = manifest_of(extra="x")

    assert "extra" not in manifest.published
    assert manifest.warnings == ("extra: left out: it must be an object, not a text.",)


ALIASES: list[tuple[str, Any, str]] = [
    ("dev-main", "1.9", "does not end in -dev"),
    ("dev-main", 2, "no text: clients end with a fault"),
    ("dev-main", "feature-dev", "no number"),
    ("1.x-dev", "2.0-dev", "not within 1.x"),
]


@pytest.mark.parametrize(("branch", "target"), [case[:2] for case in ALIASES], ids=[case[2] for case in ALIASES])
def test_an_alias_no_client_would_take_is_left_out(branch: str, target: Any) -> None:
    manifest = manifest_of(extra={"branch-alias": {branch: target, "dev-good": "3.x-dev"}, "x": 1})

    assert manifest.published["extra"] == {"branch-alias": {"dev-good": "3.x-dev"}, "x": 1}
    assert manifest.warnings[0].startswith(f"extra.branch-alias.{branch}: {target!r} left out: ")


def test_aliases_that_are_no_object_are_left_out() -> None:
    assert published(extra={"branch-alias": ["2.x-dev"], "x": 1}) == {"x": 1}
