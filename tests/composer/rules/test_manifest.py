"""composer.json as a whole: the fields, what is dropped, what is told, and how much of it a hostile one can cost."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from packistry.composer.manifest import read_manifest
from packistry.composer.manifest_reading import MAX_WARNINGS
from packistry.composer.metadata import VERSION_KEYS
from packistry.errors import InvalidManifest
from tests.composer.rules.manifest_of import manifest_of, published, refusal_of


def test_a_manifest_is_read_in_full() -> None:
    manifest = manifest_of(
        name="Acme/Lib",
        version=" v1.2.0 ",
        time="2026-01-02 03:04:05",
        type="Library",
        description="Does things.",
        abandoned="acme/better",
        default_branch=True,
        provide={"Acme/Api": "1.0"},
        require={"php": ">=8.1"},
        config={"sort-packages": True},
    )

    assert manifest.name == "acme/lib"
    assert manifest.version == "v1.2.0"
    assert manifest.time == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert manifest.type == "library"
    assert manifest.description == "Does things."
    assert manifest.abandoned == "acme/better"
    assert manifest.default_branch
    assert manifest.provides == ("acme/api",)
    assert manifest.published == {
        "description": "Does things.",
        "type": "library",
        "require": {"php": ">=8.1"},
        "provide": {"acme/api": "1.0"},
    }
    assert manifest.warnings == ("name: 'Acme/Lib' was written in lower case.",)


def test_the_smallest_manifest_has_a_name() -> None:
    manifest = read_manifest(b'{"name": "acme/lib"}')

    assert (manifest.version, manifest.time, manifest.type) == (None, None, "library")
    assert (manifest.description, manifest.abandoned, manifest.default_branch) == (None, False, False)
    assert (manifest.provides, manifest.published, manifest.warnings) == ((), {"type": "library"}, ())


def test_what_is_published_stands_in_the_order_of_the_metadata() -> None:
    keys: dict[str, Any] = {
        "replace": {"acme/old": "*"},
        "autoload": {"files": ["a.php"]},
        "homepage": "https://example.test",
    }

    manifest = manifest_of(**keys)

    order = [VERSION_KEYS.index(key) for key in manifest.published]
    assert order == sorted(order)


NAMES = [
    (None, "there is none", "null is missing"),
    ("", "is not a package name", "empty"),
    ("monolog", "is not a package name", "no vendor"),
    ("nul/lib", "device", "a name Windows keeps"),
    (5, "not a number", "no text"),
    (["acme/lib"], "not a list", "no text"),
    ("php", "platform", "the platform's"),
]


@pytest.mark.parametrize(("name", "why"), [case[:2] for case in NAMES], ids=[case[2] for case in NAMES])
def test_a_name_no_package_can_have_is_refused(name: Any, why: str) -> None:
    refusal = refusal_of(name=name)

    assert refusal.field == "name"
    assert why in refusal.sentence


def test_a_manifest_without_name_is_refused() -> None:
    with pytest.raises(InvalidManifest, match="there is none") as caught:
        read_manifest(b'{"description": "x"}')

    assert caught.value.field == "name"


def test_null_is_read_like_a_missing_key() -> None:
    manifest = manifest_of(version=None, time=None, type=None, abandoned=None, require=None, nonsense=None)

    assert (manifest.version, manifest.time, manifest.abandoned) == (None, None, False)
    assert manifest.published == {"type": "library"}
    assert manifest.warnings == ()


@pytest.mark.parametrize("key", ["require", "require_dev", "extra", "autoload", "support"])
def test_an_empty_object_stays_an_object(key: str) -> None:
    assert published(**{key: {}}) == {}
    assert published(**{key: []}) == {}, "PHP writes an empty object so"


@pytest.mark.parametrize("key", ["keywords", "authors", "funding", "license", "bin", "include_path"])
def test_an_empty_list_stays_a_list(key: str) -> None:
    assert published(**{key: []}) == []


def test_what_was_changed_to_read_the_file_is_said_as_well() -> None:
    manifest = read_manifest(rb'{"name": "acme/lib", "name": "acme/lib", "description": "a\u0007b"}')

    assert manifest.description == "ab"
    assert manifest.warnings == (
        "name: written twice in one object; the last value counts.",
        "description: control characters were taken out.",
    )


HOSTILE: list[tuple[str, Any]] = [
    ("description", " " * 1_000_000),
    ("description", "\n " * 300_000),
    ("homepage", "https://" + "[" * 1_000_000),
    ("type", "é" * 255),
    ("keywords", ["+" * 500_000] * 2),
    ("authors", [{"email": "a@" + "." * 500_000 + "@"}]),
    ("authors", [{str(number): 1 for number in range(50_000)}]),
    ("support", {f"irc{number}": "x" for number in range(50_000)}),
    ("replace", {f"acme/lib{number}": "self.version" for number in range(30_000)}),
    ("replace", {f"acme{number}": "^1.2 || ^2.0" for number in range(30_000)}),
    ("suggest", {str(number): None for number in range(50_000)}),
    ("bin", ["." * 1_000 + "/x"] * 900),
    ("extra", {"branch-alias": {f"dev-{number}": "x-dev" for number in range(40_000)}}),
    ("time", "2" * 1_000_000),
]


@pytest.mark.parametrize(("key", "value"), HOSTILE, ids=[f"{number}-{case[0]}" for number, case in enumerate(HOSTILE)])
def test_a_megabyte_of_anything_is_read_without_hanging(key: str, value: Any) -> None:
    manifest = manifest_of(**{key: value})

    assert len(manifest.warnings) <= MAX_WARNINGS + 1
    assert sum(map(len, manifest.warnings)) < 20_000


UNSET = [
    ("description", "__unset"),
    ("homepage", "__unset"),
    ("target_dir", "__unset"),
    ("extra", "__unset"),
]


@pytest.mark.parametrize(("key", "value"), UNSET)
def test_a_value_that_means_unset_in_the_metadata_is_not_published(key: str, value: Any) -> None:
    manifest = manifest_of(**{key: value})

    assert manifest.published == {"type": "library"}
    assert len(manifest.warnings) == 1


def test_a_type_that_means_unset_in_the_metadata_is_refused() -> None:
    assert refusal_of(type="__UNSET").field == "type"


def test_unset_inside_a_value_is_harmless() -> None:
    assert published(extra={"__unset": "__unset"}) == {"__unset": "__unset"}


UNKNOWN = [
    ("suggests", 'suggests: dropped: Composer knows no such key. Was "suggest" meant?'),
    ("flex-require", "flex-require: dropped: Composer knows no such key."),
    ("x" * 90, f"{'x' * 80}: dropped: Composer knows no such key."),
    ("dist", "dist: dropped: the repository writes its own, for the archive it serves."),
    ("published-time", "published-time: dropped: the repository writes its own; the cooldown policy relies on it."),
]


@pytest.mark.parametrize(("key", "warning"), UNKNOWN)
def test_a_key_we_do_not_publish_leaves_a_warning(key: str, warning: str) -> None:
    manifest = manifest_of(**{key: {"url": "x"}})

    assert manifest.published == {"type": "library"}
    assert manifest.warnings == (warning,)


@pytest.mark.parametrize(
    "key", ["config", "repositories", "minimum-stability", "scripts-aliases", "_comment", "$schema"]
)
def test_what_only_the_root_project_uses_and_comments_go_in_silence(key: str) -> None:
    # Read from bytes: the helper would take the underscore for a dash.
    manifest = read_manifest(b'{"name": "acme/lib", "%b": {"a": 1}}' % key.encode())

    assert manifest.published == {"type": "library"}
    assert manifest.warnings == ()


def test_warnings_past_the_limit_are_only_counted() -> None:
    manifest = manifest_of(**{f"suggest{number}": 1 for number in range(5_000)})

    assert len(manifest.warnings) == MAX_WARNINGS + 1
    assert manifest.warnings[-1] == "And 4950 more of the same kind."


def test_a_refusal_names_key_and_field() -> None:
    refusal = refusal_of(autoload={"psr-4": {"Acme": "src"}})

    assert refusal.field == "autoload"
    assert re.match(r"composer\.json, autoload\.psr-4: the namespace 'Acme' must end", refusal.sentence)


def test_target_dir_and_psr_4_exclude_each_other() -> None:
    assert refusal_of(target_dir="Acme", autoload={"psr-4": {"Acme\\": ""}}).field == "target-dir"
    assert published(autoload={"psr-0": {"Acme": ""}}, target_dir="Acme") == "Acme"
    assert published(autoload={"psr-4": {}}, target_dir="Acme") == "Acme", "nothing to autoload"
