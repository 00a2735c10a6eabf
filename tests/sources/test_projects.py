"""Projects that were added are changed, moved and deleted; what they published stays."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from packistry.access.actors import UserActor
from packistry.db.engine import ReadSession, WriteSession
from packistry.db.models import AuditEvent, ImportRun, Package, Project, Repository, Source, Version
from packistry.errors import AlreadyExists, Conflict, Forbidden, NotFound
from packistry.repositories.actions import delete_repository
from packistry.sources.actions import request_syncs, retry_run, update_source
from packistry.sources.projects import delete_project, move_project, update_project
from packistry.sources.queries import find_project, list_projects
from packistry.sources.rules import list_rules, save_rule
from packistry.sources.states import Cause
from tests import factories
from tests.fakes.git_projects import library
from tests.sources.conftest import Connected


@pytest.fixture
def imported(connected: Connected) -> Connected:
    """A project with two tags and a branch, all imported."""
    commit = connected.project.push_branch("main", library())
    connected.project.push_tags({"1.0.0": commit, "2.0.0": connected.project.push_branch("main", library(note="2"))})
    connected.run(Cause.FIRST)
    return connected


def test_fewer_refs_are_wanted_and_the_rest_leaves_the_metadata(imported: Connected) -> None:
    with imported.house.database.write() as session:
        project = session.get_one(Project, imported.project_id)
        run = update_project(session, factories.OPERATOR, project, tags=["2.*"], branches=["release"])

    assert run is not None
    assert set(imported.run()) == {"2.0.0", "main"}
    assert _live(imported, "acme") == {"2.0.0", "dev-main"}
    assert _events(imported, "project.updated") == [{"tags": ["2.*"], "branches": ["release"]}]


def test_what_changes_nothing_is_no_event_and_no_run(imported: Connected) -> None:
    with imported.house.database.write() as session:
        project = session.get_one(Project, imported.project_id)
        assert update_project(session, factories.OPERATOR, project, tags=[], hooked=True) is None

    assert _events(imported, "project.updated") == []


def test_a_hook_that_is_not_wanted_asks_for_no_import(imported: Connected) -> None:
    with imported.house.database.write() as session:
        project = session.get_one(Project, imported.project_id)
        assert update_project(session, factories.OPERATOR, project, hooked=False) is None

    assert _events(imported, "project.updated") == [{"hooked": False}]


def test_a_moved_project_is_imported_anew_and_the_old_package_stays(imported: Connected) -> None:
    factories.repository(imported.house, "internal")
    with imported.house.database.write() as session:
        project = session.get_one(Project, imported.project_id)
        project.tags = ["2.*"]
        moved = move_project(session, factories.OPERATOR, project, _repository(session, "internal"))
        imported.project_id, old = moved.id, project.id

    imported.run(Cause.FIRST)

    assert moved.id != old
    assert _live(imported, "internal") == {"2.0.0", "dev-main"}
    assert _live(imported, "acme") == {"1.0.0", "2.0.0", "dev-main"}
    assert _events(imported, "project.deleted") == [{"moved_to": "internal"}]


def test_moving_there_and_back_opens_the_first_project_again(imported: Connected) -> None:
    factories.repository(imported.house, "internal")
    with imported.house.database.write() as session:
        first = session.get_one(Project, imported.project_id)
        there = move_project(session, factories.OPERATOR, first, _repository(session, "internal"))
        back = move_project(session, factories.OPERATOR, there, _repository(session, "acme"))

    assert back.id == first.id
    assert {ref.state for ref in imported.run().values()} == {"unchanged"}


def test_a_project_does_not_move_onto_itself(imported: Connected) -> None:
    factories.repository(imported.house, "internal")
    with imported.house.database.write() as session:
        project = session.get_one(Project, imported.project_id)
        there = move_project(session, factories.OPERATOR, project, _repository(session, "internal"))
        project.deleted_at = None

    with imported.house.database.write() as session:
        again, acme = session.get_one(Project, there.id), _repository(session, "acme")
        with pytest.raises(AlreadyExists, match=f"as project {project.id}"):
            move_project(session, factories.OPERATOR, again, acme)


def test_a_deleted_project_keeps_its_versions_and_is_looked_at_no_more(imported: Connected) -> None:
    with imported.house.database.write() as session:
        delete_project(session, factories.OPERATOR, session.get_one(Project, imported.project_id))

    with imported.house.database.write() as session:
        assert list_projects(session, factories.OPERATOR) == []
        with pytest.raises(NotFound):
            find_project(session, factories.OPERATOR, str(imported.project_id))
        with pytest.raises(Conflict, match="followed no longer"):
            retry_run(session, factories.OPERATOR, session.scalars(select(ImportRun)).one())
    assert _live(imported, "acme") == {"1.0.0", "2.0.0", "dev-main"}
    assert _events(imported, "project.deleted") == [{}]


def test_a_name_is_found_in_any_case_and_a_number_too(connected: Connected) -> None:
    with connected.house.database.read() as session:
        for named in ("acme/widgets.git", "ACME/Widgets.git", str(connected.project_id)):
            assert find_project(session, factories.OPERATOR, named).id == connected.project_id


def test_a_name_of_several_projects_is_refused_with_their_numbers(connected: Connected) -> None:
    factories.repository(connected.house, "internal")
    with connected.house.database.write() as session:
        first = session.get_one(Project, connected.project_id)
        second = move_project(session, factories.OPERATOR, first, _repository(session, "internal"))
        first.deleted_at = None

    with connected.house.database.read() as session, pytest.raises(Conflict, match=f"{first.id}, {second.id}"):
        find_project(session, factories.OPERATOR, "acme/widgets.git")


def test_nothing_is_looked_for_that_would_go_to_a_deleted_repository(connected: Connected) -> None:
    with connected.house.database.write() as session:
        assert request_syncs(session) == 1
        delete_repository(session, factories.OPERATOR, _repository(session, "acme"), with_packages=True)
        assert request_syncs(session) == 0


CHANGES: dict[str, Callable[[WriteSession, UserActor, Project, Repository], object]] = {
    "settings": lambda session, actor, project, _: update_project(session, actor, project, tags=["v*"]),
    "moving": move_project,
    "deleting": lambda session, actor, project, _: delete_project(session, actor, project),
    "a rule": lambda session, actor, project, repository: save_rule(
        session,
        actor,
        session.get_one(Source, project.source_id),
        repository,
        owner="acme",
        projects=[],
        tags=[],
        branches=[],
        hooked=True,
        with_archived=False,
    ),
    "the list": lambda session, actor, _, __: list_projects(session, actor),
    "the rules": lambda session, actor, _, __: list_rules(session, actor),
    "a source": lambda session, actor, project, _: update_source(
        session, actor, session.get_one(Source, project.source_id), name="new"
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_only_administrators_see_and_change_what_is_followed(
    connected: Connected, change: Callable[[WriteSession, UserActor, Project, Repository], object]
) -> None:
    user = UserActor(user_id=1, name="Ada", is_administrator=False)
    with connected.house.database.write() as session:
        project, acme = session.get_one(Project, connected.project_id), _repository(session, "acme")
        with pytest.raises(Forbidden, match="source:manage"):
            change(session, user, project, acme)


def _repository(session: ReadSession, path: str) -> Repository:
    return session.scalars(select(Repository).where(Repository.path == path)).one()


def _live(connected: Connected, path: str) -> set[str]:
    """The versions in the metadata of a repository."""
    with connected.house.database.read() as session:
        return set(
            session.scalars(
                select(Version.version)
                .join(Package, Package.id == Version.package_id)
                .join(Repository, Repository.id == Package.repository_id)
                .where(Repository.path == path, Version.deleted_at.is_(None))
            )
        )


def _events(connected: Connected, event: str) -> list[dict[str, object]]:
    with connected.house.database.read() as session:
        return list(session.scalars(select(AuditEvent.details).where(AuditEvent.event == event)))
