"""A small slice of `make corpus`: real manifests as the versions of one package, and the rules of its refs."""

import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest

from packistry.settings import Settings
from tests.composer.rules.corpus_manifests import SAMPLE, manifests_in
from tests.proofs.corpus.expectation import Published, Served, differences, same
from tests.proofs.corpus.projects import Project, Ref, crawl
from tests.proofs.corpus.proof import Report, prove
from tests.proofs.corpus.registry import opened

SEED = 20261124


def sample() -> Project:
    """Manifests of many packages under one name: neighbours differ in every key, the hardest case to minify."""
    written = [(one.origin, json.loads(one.raw)) for one in manifests_in(SAMPLE) if is_json(one.raw)]
    random.Random(SEED).shuffle(written)
    main = Ref("main", "branch", {"name": "acme/everything", "type": "library", "extra": {"branch-alias": {}}})
    branches = [Ref(f"feature/{number}", "branch", manifest) for number, (_, manifest) in enumerate(written[:8])]
    tags = [Ref(f"v1.{number}", "tag", undated(manifest)) for number, (_, manifest) in enumerate(written)]
    return Project("sample", [main, *branches, *tags])


def is_json(raw: bytes) -> bool:
    try:
        json.loads(raw)
    except ValueError:
        return False
    return True


def undated(manifest: dict[str, Any]) -> dict[str, Any]:
    """Without the version of its own, which would contradict the tag."""
    return {key: value for key, value in manifest.items() if key != "version"}


@pytest.mark.client
def test_clients_get_of_real_manifests_what_their_authors_wrote(settings: Settings) -> None:
    with opened(settings) as registry:
        report = prove(registry, [sample()], with_composer=True)
        report.measure(registry)

    assert report.differences == []
    assert report.published == report.judged
    # Some are refused, and their reasons stand in the report.
    assert 60 < report.published < report.refs
    assert "composer.json" in str(report)


REFS: list[tuple[str, dict[str, Any], str | None, str]] = [
    ("1.0.0", {}, "1.0.0", "as it is"),
    ("release-1.3.0", {}, "1.3.0", "the word is taken out"),
    ("V1.2.0", {}, "V1.2.0", "the spelling stays"),
    ("nonsense", {}, None, "no version"),
    ("1.2.3.4.5", {}, None, "too many numbers"),
    ("1.4.0-dev", {}, None, "a branch's"),
    ("1.5.x-dev", {}, None, "a branch's"),
    ("3.0.1", {"version": "3.0.0"}, None, "a contradiction"),
    ("5.0.0", {"version": "5.0.0-dev"}, "5.0.0", "dev of the same number"),
    ("v2.0", {"version": "2.0.0"}, "2.0.0", "the manifest's spelling counts"),
]


@pytest.mark.parametrize(("tag", "manifest", "version", "why"), REFS, ids=str)
def test_a_tag_becomes_the_version(tag: str, manifest: dict[str, Any], version: str | None, why: str) -> None:
    main = Ref("main", "branch", {"name": "acme/lib"})

    found = crawl(Project("acme", [main, Ref(tag, "tag", {"name": "acme/lib", **manifest})]))

    assert [offer.version for offer in found.offers[1:]] == ([] if version is None else [version]), why
    assert found.refused.total() == (version is None)


def test_the_first_of_equal_versions_wins_and_the_default_branch_names_them_all() -> None:
    main, branch = Ref("main", "branch", {"name": "acme/new"}), Ref("2.x", "branch", {"version": "9.9"})
    tags = [Ref(name, "tag", {"name": "acme/old"}) for name in ("v1.0.1.0", "v1.0.1", "1.7.0+build5", "1.7.0")]

    found = crawl(Project("acme", [main, branch, *tags]))

    assert [offer.version for offer in found.offers] == ["dev-main", "2.x-dev", "1.7.0", "v1.0.1"]
    assert {offer.manifest["name"] for offer in found.offers} == {"acme/new"}
    assert [offer.default_branch for offer in found.offers] == [True, False, False, False]
    assert "version" not in found.offers[1].manifest


MEANINGS: list[tuple[str, Any, Any, bool, str]] = [
    ("require", {"Acme/LIB": "^1"}, {"acme/lib": "^1"}, True, "names are read in lower case"),
    ("require", {"a/b": "1", "c/d": "1"}, {"c/d": "1", "a/b": "1"}, False, "the order counts"),
    ("require", [], None, True, "an empty list is an empty object"),
    ("require", {"a/b": "^1"}, {"a/b": "^1 "}, False, "constraints stay as written"),
    ("license", "MIT", ["MIT"], True, "one text is a list of one"),
    ("support", {"a": "x", "b": ""}, {"a": "x"}, True, "blanks are left out"),
    ("authors", [{"name": "A", "role": "B"}], [{"role": "B", "name": "A"}], True, "sorted inside"),
    ("extra", {"a": 1}, {"a": True}, False, "1 is not true"),
    ("extra", {"a": 1}, {"a": 1.0}, False, "1 is not 1.0"),
    ("autoload", {"psr-4": {"A\\": "a"}}, None, False, "lost"),
]


@pytest.mark.parametrize(("key", "written", "read", "expected", "why"), MEANINGS, ids=lambda value: str(value)[:20])
def test_a_value_means_what_was_written(key: str, written: Any, read: Any, expected: bool, why: str) -> None:
    assert same(key, written, read) is expected, why


def test_the_comparison_sees_a_key_that_was_lost_added_or_changed() -> None:
    [offer] = crawl(Project("acme", [Ref("main", "branch", {"name": "acme/lib", "bin": ["a"]})])).offers
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    version = {
        "name": "acme/lib",
        "version": "dev-main",
        "version_normalized": "dev-main",
        "type": "plugin",
        "default-branch": True,
        "dist": {"type": "zip", "url": "https://example.test/ab.zip", "reference": "ab", "shasum": "cd"},
        "time": moment.isoformat(),
        "published-time": moment.isoformat(),
        "config": {},
    }
    published = Published(offer, (), "cd", moment, moment)

    found = differences(published, Served("acme/lib", {"dev-main": version}, None), Report().explained)

    assert found == [f"acme/lib dev-main: {key}" for key in ("type", "bin", "config (should not be there)")]
