"""Refs that stand for one version, and refs that give none: each says why, and is looked at again when that is over."""

import pytest
from sqlalchemy import select

from packistry.access.actors import System
from packistry.db.models import Package, Version
from packistry.packages.actions import delete_package
from packistry.packages.documents import Address
from packistry.sources.states import TAKEN
from tests import factories
from tests.fakes.git_projects import library
from tests.sources.conftest import Connected

HERE = Address(None, "acme")


def test_the_first_of_two_tags_has_the_version_and_the_other_says_so(connected: Connected) -> None:
    first = connected.project.push_branch("main", library())
    connected.project.push_tags({"1.0.0": first, "v1.0": first, "release-1.0": first})

    refs = connected.run()

    assert {name: ref.state for name, ref in refs.items()} == {
        "main": "imported",
        "1.0.0": "imported",
        "release-1.0": "skipped",
        "v1.0": "skipped",
    }
    assert refs["v1.0"].reason == refs["release-1.0"].reason == "The tag '1.0.0' gives the same version already."


def test_a_tag_whose_version_another_had_is_taken_once_the_other_is_gone(connected: Connected) -> None:
    first = connected.project.push_branch("main", library())
    connected.project.push_tags({"1.0.0": first, "v1.0": first})
    before = connected.run()
    connected.project.delete("refs/tags/1.0.0")

    after = connected.run()

    assert (before["v1.0"].reason or "").endswith(TAKEN)
    assert after["v1.0"].state == "unchanged"
    with connected.house.database.read() as session:
        assert session.scalars(select(Version.deleted_at).where(Version.normalised == "1.0.0.0")).one() is None


def test_branches_that_differ_in_case_only_are_one_version(connected: Connected) -> None:
    connected.project.push_branches({name: library() for name in ("main", "Fix", "fix")})

    refs = connected.run()

    assert (refs["Fix"].state, refs["fix"].state) == ("imported", "skipped")


def test_a_name_that_is_no_utf_8_is_skipped(connected: Connected) -> None:
    commit = connected.project.push_branch("main", library())
    # Newer git refuses to make one; old repositories have them.
    packed = b"# pack-refs with: peeled fully-peeled sorted \n%b refs/heads/caf\xe9\n" % commit.encode()
    (connected.project.path / "packed-refs").write_bytes(packed)

    refs = connected.run()

    assert {name: ref.state for name, ref in refs.items()} == {"main": "imported", "caf\\xe9": "skipped"}
    assert "is not UTF-8" in (refs["caf\\xe9"].reason or "")


@pytest.mark.parametrize("size_bytes", [1024**2, 5 * 1024**2])
def test_a_composer_json_that_is_too_large_is_said_to_be(connected: Connected, size_bytes: int) -> None:
    connected.project.push_branch("main", library())
    connected.project.push_branch("huge", library(description="x" * size_bytes))

    refs = connected.run()

    assert (refs["main"].state, refs["huge"].state) == ("imported", "skipped")
    assert "is larger than 1 MiB" in (refs["huge"].reason or "")


def test_a_ref_that_is_refused_does_not_bring_a_deleted_package_back(connected: Connected) -> None:
    factories.publish(connected.house, "acme/widgets", "1.0.0")
    with connected.house.database.write() as session:
        package = session.scalars(select(Package)).one()
        delete_package(session, System(), package, HERE)
    first = connected.project.push_branch("main", {"README.md": b"no package here any more"})
    tagged = connected.project.push_branch("release", library())
    connected.project.push_tag("1.0.0", tagged)
    connected.project.delete("refs/heads/release")

    refs = connected.run()

    assert first != tagged
    assert refs["1.0.0"].state == "kept"
    with connected.house.database.read() as session:
        assert session.scalars(select(Package.deleted_at)).one() is not None
