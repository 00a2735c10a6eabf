"""Refs of a real git project become versions, and what moves or goes is treated as locks need it."""

from typing import Any
from zipfile import ZipFile

import orjson
from sqlalchemy import func, select

from packistry.composer.metadata import expand
from packistry.db.models import Archive, Document, ImportRun, Project
from packistry.storage.keys import archive_key
from tests.fakes.git_projects import library
from tests.sources.conftest import Connected


def test_tags_and_branches_become_versions(connected: Connected) -> None:
    first = connected.project.push_branch("main", library())
    connected.project.push_tags({"v1.0.0": first, "nightly": first}, annotated=True)

    refs = connected.run()

    assert {name: ref.state for name, ref in refs.items()} == {
        "main": "imported",
        "v1.0.0": "imported",
        "nightly": "skipped",
    }
    assert "'nightly' is no version" in (refs["nightly"].reason or "")
    [stable] = _versions(connected, "acme/widgets")
    [branch] = _versions(connected, "acme/widgets~dev")
    assert (stable["version"], stable["dist"]["reference"], stable["source"]["reference"]) == ("v1.0.0", first, first)
    assert (branch["version"], branch["default-branch"], branch["dist"]["reference"]) == ("dev-main", True, first)


def test_a_second_run_downloads_nothing(connected: Connected) -> None:
    connected.project.push_tag("1.0.0", connected.project.push_branch("main", library()))
    connected.run()

    refs = connected.run()

    assert {ref.state for ref in refs.values()} == {"unchanged"}


def test_looks_that_found_nothing_are_forgotten(connected: Connected) -> None:
    connected.project.push_branch("main", library())
    connected.run()

    for _ in range(3):
        connected.run()

    with connected.house.database.read() as session:
        # The one that imported, and the last look.
        assert session.scalar(select(func.count()).select_from(ImportRun)) == 2


def test_a_ref_that_was_skipped_keeps_its_reason(connected: Connected) -> None:
    connected.project.push_branch("main", library())
    connected.project.push_branch("empty", {"README.md": b"nothing"})
    first = connected.run()

    again = connected.run()

    assert (again["empty"].state, again["empty"].reason) == ("skipped", first["empty"].reason)


def test_a_branch_moves_and_its_old_archive_stays(connected: Connected) -> None:
    first = connected.project.push_branch("main", library())
    connected.run()
    second = connected.project.push_branch("main", library(note="moved"))

    refs = connected.run()

    assert refs["main"].state == "imported"
    [branch] = _versions(connected, "acme/widgets~dev")
    assert branch["dist"]["reference"] == second
    with connected.house.database.read() as session:
        assert set(session.scalars(select(Archive.reference))) == {first, second}


def test_a_branch_that_moved_without_other_files_names_the_new_commit(connected: Connected) -> None:
    connected.project.push_branch("main", library())
    connected.run()
    second = connected.project.push_branch("main", library())

    connected.run()

    [branch] = _versions(connected, "acme/widgets~dev")
    assert branch["dist"]["reference"] == branch["source"]["reference"] == second


def test_a_stable_tag_that_moved_keeps_its_commit(connected: Connected) -> None:
    first = connected.project.push_branch("main", library())
    connected.project.push_tag("1.0.0", first)
    connected.run()
    second = connected.project.push_branch("main", library(note="moved"))
    connected.project.push_tag("1.0.0", second)

    refs = connected.run()

    assert refs["1.0.0"].state == "kept"
    assert refs["1.0.0"].reason is not None
    assert "moved" in refs["1.0.0"].reason
    assert first[:12] in refs["1.0.0"].reason
    assert second[:12] in refs["1.0.0"].reason
    [stable] = _versions(connected, "acme/widgets")
    assert stable["dist"]["reference"] == first


def test_a_ref_that_is_gone_leaves_the_metadata_and_comes_back(connected: Connected) -> None:
    first = connected.project.push_branch("main", library())
    connected.project.push_tag("1.0.0", first)
    connected.run()
    connected.project.delete("refs/tags/1.0.0")
    connected.run()
    assert _versions(connected, "acme/widgets") == []

    connected.project.push_tag("1.0.0", first)
    refs = connected.run()

    assert refs["1.0.0"].state == "imported"
    assert [version["version"] for version in _versions(connected, "acme/widgets")] == ["1.0.0"]
    with connected.house.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Archive)) == 2


def test_one_bad_ref_does_not_stop_the_rest(connected: Connected) -> None:
    connected.project.push_branch("main", library())
    bad = connected.project.push_branch("broken", {"composer.json": b"{"})
    connected.project.push_branch("empty", {"README.md": b"nothing"})
    connected.project.push_tag("2.0.0", bad)

    refs = connected.run()

    assert {name: ref.state for name, ref in refs.items()} == {
        "main": "imported",
        "broken": "skipped",
        "empty": "skipped",
        "2.0.0": "skipped",
    }
    assert all(ref.reason for name, ref in refs.items() if name != "main")


def test_hundreds_of_refs_come_in(connected: Connected) -> None:
    first = connected.project.push_branch("main", library())
    connected.project.push_tags({f"1.{minor}.0": first for minor in range(300)})

    refs = connected.run()

    assert {ref.state for ref in refs.values()} == {"imported"}
    assert len(_versions(connected, "acme/widgets")) == 300


def test_what_composer_json_excludes_is_not_in_the_archive(connected: Connected) -> None:
    files = {**library(archive={"exclude": ["/src"]}), "lib/kept.php": b"<?php"}
    connected.project.push_branch("main", files)

    connected.run()

    names = _files(connected)
    tops = {name.partition("/")[0] for name in names}
    assert len(tops) == 1
    # Tests are export-ignored, the sources excluded.
    assert {name.partition("/")[2] for name in names} == {"composer.json", "README.md", "lib/kept.php"}


def test_one_project_gives_several_packages(connected: Connected) -> None:
    core = {f"packages/core/{name}": content for name, content in library(name="acme/core").items()}
    connected.project.push_branch("main", {**library(), **core})
    with connected.house.database.write() as session:
        session.get_one(Project, connected.project_id).directory = "packages/core"

    refs = connected.run()

    assert refs["main"].state == "imported"
    [branch] = _versions(connected, "acme/core~dev")
    # A checkout would give the whole project.
    assert "source" not in branch
    assert {name.partition("/")[2] for name in _files(connected)} >= {"composer.json", "src/Widget.php"}


def _files(connected: Connected) -> list[str]:
    """What the only archive holds."""
    with connected.house.database.read() as session:
        sha256 = session.scalars(select(Archive.sha256)).one()
    with connected.house.storage.open(archive_key(sha256)) as file, ZipFile(file) as archive:
        return archive.namelist()


def _versions(connected: Connected, document: str) -> list[dict[str, Any]]:
    with connected.house.database.read() as session:
        template = session.scalars(select(Document.template).where(Document.name == document)).one()
    packages = orjson.loads(template.replace(b"\x01", b"https://p.test"))["packages"]
    return expand(packages[document.removesuffix("~dev")])
