"""Runs of pushes: only the refs that were told of, and what the host says of them when they are worked off."""

import threading
from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from packistry.composer.metadata import expand
from packistry.db.models import Document, ImportRef, ImportRun, Project
from packistry.providers.base import RefKind
from packistry.sources.actions import put_off_run, request_run
from packistry.sources.due import due_runs
from packistry.sources.pushes import request_push
from packistry.sources.queries import known_skips, refs_of
from packistry.sources.states import Cause
from tests.fakes.git_projects import library
from tests.sources.conftest import Connected

MAIN = (RefKind.BRANCH, "main")


def push(connected: Connected, *told: tuple[RefKind, str]) -> dict[str, ImportRef]:
    """Works off the run of a push that told of these refs; its refs by name."""
    work(connected, ask(connected, *told))
    with connected.house.database.read() as session:
        run = session.scalars(select(ImportRun).order_by(ImportRun.id.desc()).limit(1)).one()
        assert run.state == "done", run.reason
        return {row.name: row for row in refs_of(session, run)}


def ask(connected: Connected, *told: tuple[RefKind, str]) -> int:
    with connected.house.database.write() as session:
        return request_push(session, session.get_one(Project, connected.project_id), told).id


def work(connected: Connected, run_id: int) -> None:
    connected.importer.work(run_id, threading.Event())


def versions(connected: Connected, document: str = "acme/widgets~dev") -> Sequence[dict[str, Any]]:
    with connected.house.database.read() as session:
        template = session.scalars(select(Document.template).where(Document.name == document)).one()
    packages = orjson.loads(template.replace(b"\x01", b"https://p.test"))["packages"]
    return expand(packages[document.removesuffix("~dev")])


@pytest.fixture
def imported(connected: Connected) -> Connected:
    """With a first import: main, 7.3, a tag and a branch that gives no version."""
    first = connected.project.push_branch("main", library())
    connected.project.push_branch("7.3", library(note="7.3"))
    connected.project.push_branch("empty", {"README.md": b"nothing"})
    connected.project.push_tag("v1.0.0", first)
    connected.run(Cause.FIRST)
    return connected


def test_a_pushed_branch_comes_in_alone(imported: Connected) -> None:
    second = imported.project.push_branch("main", library(note="moved"))
    imported.project.push_branch("other", library(note="untold"))

    refs = push(imported, MAIN)

    assert {name: ref.state for name, ref in refs.items()} == {"main": "imported"}
    found = {version["version"]: version["dist"]["reference"] for version in versions(imported)}
    assert found["dev-main"] == second
    # What nobody told of is neither taken nor taken away.
    assert set(found) == {"dev-main", "7.3.x-dev"}


def test_a_delivery_that_is_late_brings_no_old_commit_back(imported: Connected) -> None:
    imported.project.push_branch("main", library(note="moved"))
    newest = imported.project.push_branch("main", library(note="moved again"))
    push(imported, MAIN)

    refs = push(imported, MAIN)

    assert (refs["main"].state, refs["main"].commit) == ("unchanged", newest)


@pytest.mark.parametrize(
    ("full_name", "told", "document", "left"),
    [
        ("refs/heads/7.3", (RefKind.BRANCH, "7.3"), "acme/widgets~dev", ["dev-main"]),
        ("refs/tags/v1.0.0", (RefKind.TAG, "v1.0.0"), "acme/widgets", []),
    ],
)
def test_a_deleted_ref_leaves_the_metadata(
    imported: Connected, full_name: str, told: tuple[RefKind, str], document: str, left: list[str]
) -> None:
    imported.project.delete(full_name)

    refs = push(imported, told)

    assert refs[told[1]].state == "deleted"
    assert [version["version"] for version in versions(imported, document)] == left


def test_a_version_stays_while_another_ref_gives_it(imported: Connected) -> None:
    imported.project.push_tag("1.0.0", imported.project.commit_of("refs/heads/main"))
    imported.project.delete("refs/tags/v1.0.0")

    push(imported, (RefKind.TAG, "v1.0.0"))

    assert [version["version"] for version in versions(imported, "acme/widgets")] == ["v1.0.0"]


def test_a_ref_that_was_never_there_changes_nothing(imported: Connected) -> None:
    before = versions(imported)

    refs = push(imported, (RefKind.BRANCH, "../../main"), (RefKind.TAG, "größe"), (RefKind.BRANCH, "-x"))

    assert {ref.state for ref in refs.values()} == {"deleted"}
    assert versions(imported) == before


def test_the_first_push_of_all_finds_the_name_at_the_default_branch(connected: Connected) -> None:
    connected.project.push_branch("main", library())
    other = connected.project.push_branch("next", library(name="acme/other"))

    push(connected, (RefKind.BRANCH, "next"))

    [version] = versions(connected)
    assert (version["version"], version["dist"]["reference"]) == ("dev-next", other)


def test_what_was_skipped_before_a_push_and_by_it_is_not_looked_at_again(imported: Connected) -> None:
    bare = imported.project.push_branch("bare", {"README.md": b"nothing"})
    empty = imported.project.commit_of("refs/heads/empty")

    push(imported, (RefKind.BRANCH, "bare"))

    with imported.house.database.read() as session:
        known = known_skips(session, imported.project_id)
    assert set(known) == {("branch", "empty", empty), ("branch", "bare", bare)}


def test_a_push_forgets_no_look_at_all(imported: Connected) -> None:
    imported.run(Cause.SYNC)
    push(imported, MAIN)

    with imported.house.database.read() as session:
        causes = [run.cause for run in session.scalars(select(ImportRun).order_by(ImportRun.id))]
    assert causes == ["first", "sync", "push"]


def test_what_another_ref_takes_is_taken_in_a_push_too(imported: Connected) -> None:
    imported.project.push_branch("7.3.x", library(note="twin"))
    skipped = [row.name for row in imported.run(Cause.SYNC).values() if row.state == "skipped"]
    [taken] = [name for name in skipped if name.startswith("7.3")]
    imported.project.push_branch(taken, library(note="moved"))

    refs = push(imported, (RefKind.BRANCH, taken))

    assert refs[taken].state == "skipped"
    assert "gives the same version already" in (refs[taken].reason or "")


def test_pushes_are_added_to_a_run_that_waits_and_not_to_one_that_runs(imported: Connected) -> None:
    first = ask(imported, MAIN)
    assert ask(imported, (RefKind.TAG, "v2")) == first

    with imported.house.database.write() as session:
        session.get_one(ImportRun, first).state = "running"

    assert ask(imported, MAIN) != first


def test_a_run_that_was_put_off_asks_again_what_a_ref_stands_for(imported: Connected) -> None:
    imported.project.push_branch("main", library(note="moved"))
    run_id = ask(imported, MAIN)
    with imported.house.database.write() as session:
        run = session.get_one(ImportRun, run_id)
        refs_of(session, run)[0].commit = "1" * 40
        put_off_run(session, run, run.due_at, "The host did not answer.")
    newest = imported.project.commit_of("refs/heads/main")

    work(imported, run_id)

    with imported.house.database.read() as session:
        [row] = refs_of(session, session.get_one(ImportRun, run_id))
    assert (row.state, row.commit) == ("imported", newest)


def test_a_look_at_all_takes_a_waiting_run_of_pushes_over(imported: Connected) -> None:
    run_id = ask(imported, MAIN)

    with imported.house.database.write() as session:
        run = request_run(session, session.get_one(Project, imported.project_id), Cause.REBUILD)

    assert (run.id, run.partial, run.priority, run.cause) == (run_id, False, 10, "rebuild")
    work(imported, run_id)
    with imported.house.database.read() as session:
        assert {row.name for row in refs_of(session, run)} == {"main", "7.3", "empty", "v1.0.0"}


def test_a_push_goes_before_a_rebuild_that_was_not_begun_and_after_one_that_was(imported: Connected) -> None:
    with imported.house.database.write() as session:
        project = session.get_one(Project, imported.project_id)
        rebuild = request_run(session, project, Cause.REBUILD)
        # It listed its refs before: it is not to be told of any.
        rebuild.listed = True
        session.flush()
        pushed = request_push(session, project, [MAIN])
    assert pushed.id != rebuild.id
    with imported.house.database.read() as session:
        assert due_runs(session) == [pushed.id]

    with imported.house.database.write() as session:
        session.get_one(ImportRun, rebuild.id).started_at = rebuild.created_at

    with imported.house.database.read() as session:
        assert due_runs(session) == [rebuild.id]
