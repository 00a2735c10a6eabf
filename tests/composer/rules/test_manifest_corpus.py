"""Real and random manifests mean the same to Composer after we published them."""

import pytest

from tests.composer.client import NAMES
from tests.composer.rules.corpus_manifests import SAMPLE, compare, different_keys, manifests_in, random_manifests

pytestmark = pytest.mark.client


@pytest.mark.parametrize("client", NAMES)
def test_real_manifests_mean_to_composer_what_they_meant_to_their_authors(client: str) -> None:
    report = compare(manifests_in(SAMPLE), client)

    assert report.differences == []
    assert report.read == 65
    assert report.refused.total() == 8


@pytest.mark.parametrize("client", NAMES)
def test_no_manifest_that_we_accept_is_a_fault_in_composer(client: str) -> None:
    report = compare(random_manifests(400, seed=7), client)

    assert report.differences == []
    # Neither all refused nor none: otherwise nothing was compared.
    assert 50 < report.refused.total() < 300


DIFFERENT: list[tuple[dict[str, object], dict[str, object], list[str], list[str]]] = [
    ({"type": "library"}, {"type": "plugin"}, [], ["type"]),
    ({"type": "library"}, {"type": "plugin"}, ["type: it is blank."], []),
    ({"autoload": {"a": 1, "b": 2}}, {"autoload": {"b": 2, "a": 1}}, [], ["autoload"]),
    ({"support": {"a": 1, "b": 2}}, {"support": {"b": 2, "a": 1}}, [], []),
    ({"extra": {"a": 1, "branch-alias": {}}}, {"extra": {"a": 1}}, ["extra.branch-alias: left out."], []),
    ({"extra": {"a": 1, "branch-alias": {}}}, {"extra": {"a": 1}}, [], ["extra"]),
]


@pytest.mark.parametrize(("left", "right", "warnings", "expected"), DIFFERENT)
def test_the_comparison_sees_differences(
    left: dict[str, object], right: dict[str, object], warnings: list[str], expected: list[str]
) -> None:
    theirs, ours = {"alias": None, "package": left}, {"alias": None, "package": right}

    assert different_keys(theirs, ours, warnings) == expected
