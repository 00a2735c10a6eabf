"""The `php-ext` key: sorted, and refused where the wrong extension would be built."""

from typing import Any

import pytest

from tests.composer.rules.manifest_of import manifest_of, published, refusal_of

WHOLE: dict[str, Any] = {
    "support-zts": True,
    "support-nts": False,
    "priority": 80,
    "extension-name": "acme",
    "download-url-method": ["pre-packaged-source", "composer-default"],
    "os-families": ["linux", "bsd"],
    "os-families-exclude": None,
    "configure-options": [{"needs-value": True, "name": "with-x", "description": "why"}, {"name": "y"}],
    "build-path": "src",
    "future": {"z": 1},
}


def test_an_extension_is_published_with_sorted_keys() -> None:
    manifest = manifest_of(type="php-ext", php_ext=WHOLE)

    found = manifest.published["php-ext"]
    assert list(found) == sorted(WHOLE)
    assert found == WHOLE
    assert list(found["configure-options"][0]) == ["description", "name", "needs-value"]
    assert manifest.warnings == ()


def test_one_way_to_download_may_stand_alone() -> None:
    assert published(type="php-ext-zend", php_ext={"download-url-method": "composer-default"}) is not None


def test_without_content_nothing_is_published() -> None:
    assert published(type="php-ext", php_ext={}) is None


def test_other_packages_lose_the_key() -> None:
    manifest = manifest_of(php_ext={"extension-name": "acme"})

    assert "php-ext" not in manifest.published
    assert manifest.warnings == ("php-ext: left out: only packages of type php-ext or php-ext-zend may have it.",)


REFUSED: list[Any] = [
    "acme",
    {"extension-name": 5},
    {"priority": 1.5},
    {"priority": True},
    {"support-zts": "yes"},
    {"support-nts": 1},
    {"build-path": []},
    {"download-url-method": []},
    {"download-url-method": 5},
    {"download-url-method": ["torrent"]},
    {"download-url-method": [["composer-default"]]},
    {"os-families": "linux"},
    {"os-families": ["plan9"]},
    {"os-families-exclude": {}},
    {"os-families": ["linux"], "os-families-exclude": ["windows"]},
    {"configure-options": {"name": "x"}},
    {"configure-options": ["x"]},
    {"configure-options": [{}]},
    {"configure-options": [{"name": 5}]},
    {"configure-options": [{"name": "x", "needs-value": "yes"}]},
    {"configure-options": [{"name": "x", "description": 5}]},
]


@pytest.mark.parametrize("value", REFUSED)
def test_what_would_build_the_wrong_extension_is_refused(value: Any) -> None:
    assert refusal_of(type="php-ext", php_ext=value).field == "php-ext"
