"""What may not be taken away or over by an import: another project's package, and everything at once."""

import threading

from sqlalchemy import select

from packistry.db.models import ImportRun, Project, Repository, Source, Version
from packistry.sources.actions import add_project, request_run
from packistry.sources.states import NOTHING_AT_HOST, Cause
from tests.factories import OPERATOR
from tests.fakes.git_projects import library, make_project
from tests.sources.conftest import Connected


def live(connected: Connected) -> set[str]:
    with connected.house.database.read() as session:
        return set(session.scalars(select(Version.version).where(Version.deleted_at.is_(None))))


def added(connected: Connected, name: str) -> int:
    """Adds another project of the same host, into the same repository; its first run."""
    with connected.house.database.write() as session:
        first = session.get_one(Project, connected.project_id)
        source, repository = session.get_one(Source, first.source_id), session.get_one(Repository, first.repository_id)
        with connected.importer.connector.connect(source) as (provider, connection):
            found = provider.project_named(connection, name)
        return request_run(session, add_project(session, OPERATOR, source, repository, found), Cause.FIRST).id


def test_a_second_project_publishes_nothing_under_the_name_of_the_first(connected: Connected) -> None:
    connected.project.push_tag("1.0.0", connected.project.push_branch("main", library()))
    connected.run(Cause.FIRST)
    other = make_project(connected.project.path.parent, "evil.git")
    other.push_tag("9.9.9", other.push_branch("main", library(note="evil")))
    run_id = added(connected, "acme/evil.git")

    connected.importer.work(run_id, threading.Event())

    assert live(connected) == {"1.0.0", "dev-main"}
    with connected.house.database.read() as session:
        run = session.get_one(ImportRun, run_id)
    assert run.state == "failed"
    assert "is imported from" in (run.reason or "")


def test_a_host_that_lists_nothing_any_more_takes_nothing_away(connected: Connected) -> None:
    connected.project.push_tag("1.0.0", connected.project.push_branch("main", library()))
    connected.run(Cause.FIRST)
    connected.project.git("update-ref", "-d", "refs/heads/main")
    connected.project.git("update-ref", "-d", "refs/tags/1.0.0")

    connected.run()
    emptied = live(connected)
    with connected.house.database.read() as session:
        problem = session.get_one(Project, connected.project_id).problem
    connected.project.push_branch("main", library(note="again"))
    connected.run()

    assert emptied == {"1.0.0", "dev-main"}
    assert problem == NOTHING_AT_HOST
    assert live(connected) == {"dev-main"}
    with connected.house.database.read() as session:
        assert session.get_one(Project, connected.project_id).problem is None
