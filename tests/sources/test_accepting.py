"""What an import does not take by itself an administrator takes on purpose, and that only."""

from typing import Any

import orjson
import pytest
from sqlalchemy import func, select

from packistry.composer.metadata import expand
from packistry.db.models import Archive, AuditEvent, Document, ImportRef, ImportRun, Package, Project
from packistry.errors import Conflict, NotFound
from packistry.sources.accepting import accept_moved, accept_rename, refuse_rename
from packistry.sources.states import Cause
from tests.factories import OPERATOR
from tests.fakes.git_projects import library
from tests.sources.conftest import Connected


def test_a_tag_that_moved_is_taken_once_it_was_accepted(connected: Connected) -> None:
    first, second = _moved(connected)
    _accept(connected)

    refs = connected.run()

    assert refs["1.0.0"].state == "imported"
    [stable] = _versions(connected)
    assert stable["dist"]["reference"] == stable["source"]["reference"] == second
    with connected.house.database.read() as session:
        # The lock files of the past name the first.
        assert set(session.scalars(select(Archive.reference))) == {first, second}


def test_only_the_commit_that_was_accepted_is_taken(connected: Connected) -> None:
    first, _ = _moved(connected)
    _accept(connected)
    connected.project.push_tag("1.0.0", connected.project.push_branch("main", library(note="moved on")))

    refs = connected.run()

    assert refs["1.0.0"].state == "kept"
    [stable] = _versions(connected)
    assert stable["dist"]["reference"] == first


def test_a_tag_that_moved_without_other_files_names_the_accepted_commit(connected: Connected) -> None:
    connected.project.push_tag("1.0.0", connected.project.push_branch("main", library()))
    connected.run()
    second = connected.project.push_branch("main", library())
    connected.project.push_tag("1.0.0", second)
    connected.run()
    _accept(connected)

    connected.run()

    [stable] = _versions(connected)
    assert stable["dist"]["reference"] == second


def test_the_reason_says_what_moved_and_how_to_take_it(connected: Connected) -> None:
    first, second = _moved(connected)

    reason = connected.run()["1.0.0"].reason or ""

    assert reason.startswith("moved: ")
    assert first[:12] in reason
    assert second[:12] in reason
    assert reason.endswith(f"packistry import accept {_last_run(connected)} 1.0.0")


def test_a_move_is_refused_in_the_log_once_for_each_commit(connected: Connected) -> None:
    _moved(connected)
    connected.run()
    connected.project.push_tag("1.0.0", connected.project.push_branch("main", library(note="moved on")))
    connected.run()
    connected.run()

    assert _events(connected, "version.moved_refused") == 2


def test_the_acceptance_is_in_the_log(connected: Connected) -> None:
    _moved(connected)

    _accept(connected)

    assert _events(connected, "version.moved_accepted") == 1


def test_looks_that_found_the_same_refusal_are_forgotten(connected: Connected) -> None:
    _moved(connected)

    for _ in range(3):
        connected.run()

    with connected.house.database.read() as session:
        # The one that imported, and the last look.
        assert session.scalar(select(func.count()).select_from(ImportRun)) == 2


@pytest.mark.parametrize(("ref", "refusal"), [("main", NotFound), ("2.0.0", NotFound), ("1.1.0", Conflict)])
def test_what_did_not_move_is_not_accepted(connected: Connected, ref: str, refusal: type[Exception]) -> None:
    connected.project.push_tag("1.1.0", connected.project.push_branch("main", library()))
    connected.run()

    with pytest.raises(refusal):
        _accept(connected, ref)


def test_another_name_is_reported_and_nothing_renamed(connected: Connected) -> None:
    run = _renamed(connected)

    assert {ref.state for ref in run.values()} == {"unchanged", "imported"}
    project = _project(connected)
    assert project.renamed_to == "acme/gizmos"
    assert (project.problem or "").startswith("renamed: composer.json of main now says acme/gizmos")
    with connected.house.database.read() as session:
        assert session.get_one(ImportRun, _last_run(connected)).reason == project.problem
        assert session.scalars(select(Package.name)).all() == ["acme/widgets"]
    assert _events(connected, "project.rename_found") == 1


def test_what_an_administrator_said_of_a_name_is_in_the_log(connected: Connected) -> None:
    _renamed(connected)
    with connected.house.database.write() as session:
        refuse_rename(session, OPERATOR, session.get_one(Project, connected.project_id))
    connected.project.push_branch("main", library(name="acme/gadgets"))
    connected.run()

    _accept_rename(connected)

    assert _events(connected, "project.rename_refused") == 1
    assert _events(connected, "project.rename_accepted") == 1


def test_another_name_is_in_the_log_once(connected: Connected) -> None:
    _renamed(connected)

    connected.run()

    assert _events(connected, "project.rename_found") == 1


def test_an_accepted_name_is_a_new_package_and_the_old_one_stays(connected: Connected) -> None:
    _renamed(connected)
    old = _versions(connected)

    _accept_rename(connected)
    refs = connected.run()

    assert {ref.state for ref in refs.values()} == {"imported"}
    assert [version["version"] for version in _versions(connected, "acme/gizmos")] == ["1.0.0"]
    assert [(each["version"], each["dist"], each["abandoned"]) for each in _versions(connected)] == [
        (each["version"], each["dist"], "acme/gizmos") for each in old
    ]
    assert (_project(connected).renamed_to, _project(connected).problem) == (None, None)


def test_the_old_package_keeps_what_leaves_the_host_later(connected: Connected) -> None:
    _renamed(connected)
    _accept_rename(connected)
    connected.project.delete("refs/tags/1.0.0")

    connected.run()

    assert [version["version"] for version in _versions(connected)] == ["1.0.0"]


def test_a_name_that_changed_again_after_it_was_accepted_is_not_taken(connected: Connected) -> None:
    _renamed(connected)
    _accept_rename(connected)
    connected.project.push_branch("main", library(name="acme/gadgets"))

    connected.run()
    connected.run()

    with connected.house.database.read() as session:
        assert set(session.scalars(select(Package.name))) == {"acme/widgets", "acme/gizmos"}
    assert _project(connected).renamed_to == "acme/gadgets"


def test_a_refused_name_is_not_told_of_again_until_there_is_another(connected: Connected) -> None:
    _renamed(connected)
    with connected.house.database.write() as session:
        refuse_rename(session, OPERATOR, session.get_one(Project, connected.project_id))
    connected.run()
    silent = _project(connected).problem
    connected.project.push_branch("main", library(name="acme/gadgets"))

    connected.run()

    assert silent is None
    assert "acme/gadgets" in (_project(connected).problem or "")


def test_a_name_that_went_back_is_no_problem_any_more(connected: Connected) -> None:
    _renamed(connected)
    connected.project.push_branch("main", library())

    connected.run()

    assert (_project(connected).renamed_to, _project(connected).problem) == (None, None)


def test_names_may_go_there_and_back(connected: Connected) -> None:
    _renamed(connected)
    _accept_rename(connected)
    connected.run()
    connected.project.push_branch("main", library())
    connected.run()

    _accept_rename(connected)
    connected.run()

    assert {version.get("abandoned") for version in _versions(connected)} == {None}
    assert {version["abandoned"] for version in _versions(connected, "acme/gizmos")} == {"acme/widgets"}


def test_a_name_that_did_not_change_is_not_accepted(connected: Connected) -> None:
    connected.project.push_branch("main", library())
    connected.run()

    with pytest.raises(Conflict):
        _accept_rename(connected)


def _renamed(connected: Connected) -> dict[str, ImportRef]:
    """The last run of a project that was imported as acme/widgets, and calls itself acme/gizmos now."""
    connected.project.push_tag("1.0.0", connected.project.push_branch("main", library()))
    connected.run(Cause.FIRST)
    connected.project.push_branch("main", library(name="acme/gizmos"))
    return connected.run()


def _accept_rename(connected: Connected) -> None:
    with connected.house.database.write() as session:
        accept_rename(session, OPERATOR, session.get_one(Project, connected.project_id), None)


def _project(connected: Connected) -> Project:
    with connected.house.database.read() as session:
        return session.get_one(Project, connected.project_id)


def _moved(connected: Connected) -> tuple[str, str]:
    """The commit that the tag 1.0.0 was imported from, and the one it was found at later."""
    first = connected.project.push_branch("main", library())
    connected.project.push_tag("1.0.0", first)
    connected.run(Cause.FIRST)
    second = connected.project.push_branch("other", library(note="moved"))
    connected.project.delete("refs/heads/other")
    connected.project.push_tag("1.0.0", second)
    connected.run()
    return first, second


def _accept(connected: Connected, ref: str = "1.0.0") -> None:
    with connected.house.database.write() as session:
        accept_moved(session, OPERATOR, session.get_one(ImportRun, _last_run(connected)), ref)


def _last_run(connected: Connected) -> int:
    with connected.house.database.read() as session:
        return session.scalar(select(func.max(ImportRun.id))) or 0


def _events(connected: Connected, event: str) -> int:
    with connected.house.database.read() as session:
        return session.scalar(select(func.count()).where(AuditEvent.event == event)) or 0


def _versions(connected: Connected, name: str = "acme/widgets") -> list[dict[str, Any]]:
    """The tagged versions of a package, as clients are told of them."""
    with connected.house.database.read() as session:
        template = session.scalars(select(Document.template).where(Document.name == name)).one()
    return expand(orjson.loads(template.replace(b"\x01", b"https://p.test"))["packages"][name])
