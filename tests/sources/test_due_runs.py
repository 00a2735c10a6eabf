"""Which imports are to be worked off now: no source takes all places, and a silent one takes a single one."""

from datetime import timedelta

from sqlalchemy import select

from packistry import clock
from packistry.db.engine import WriteSession
from packistry.db.models import ImportRun, Repository, Source
from packistry.house import House
from packistry.providers.base import Project as HostProject
from packistry.sources.actions import add_project, add_source, begin_run, put_off_run, request_run
from packistry.sources.due import RUNS_OF_A_SOURCE, due_runs
from packistry.sources.states import Cause
from tests import factories


def _runs(session: WriteSession, source_name: str, count: int, cause: Cause = Cause.SYNC) -> list[ImportRun]:
    """Runs of as many projects of a new source."""
    source = add_source(
        session, factories.OPERATOR, name=source_name, provider="git", address="https://git.test", credential=b"",
        settings={},
    )  # fmt: skip
    repository = session.scalars(select(Repository)).one()  # the root
    found = (HostProject(str(number), f"acme/{number}", "", "", "main") for number in range(count))
    projects = [add_project(session, factories.OPERATOR, source, repository, each) for each in found]
    return [request_run(session, project, cause) for project in projects]


def test_a_source_with_many_projects_leaves_a_place_for_others(house: House) -> None:
    with house.database.write() as session:
        many = [run.id for run in _runs(session, "many", 10)]
        other = [run.id for run in _runs(session, "other", 1)]

    with house.database.read() as session:
        assert due_runs(session) == [*many[:RUNS_OF_A_SOURCE], *other]


def test_runs_that_are_worked_on_count(house: House) -> None:
    with house.database.write() as session:
        runs = _runs(session, "many", 10)
        for run in runs[5:7]:
            begin_run(session, run)
        ids = [run.id for run in runs]

    with house.database.read() as session:
        assert sorted(due_runs(session)) == [ids[0], ids[5], ids[6]]


def test_a_silent_source_is_asked_by_one_run_and_after_others(house: House) -> None:
    with house.database.write() as session:
        silent = _runs(session, "silent", 10)
        put_off_run(session, silent[0], clock.now() + timedelta(hours=1), "It does not answer.")
        other = [run.id for run in _runs(session, "other", 1)]
        first = silent[1].id

    with house.database.read() as session:
        assert due_runs(session) == [*other, first]


def test_a_source_that_was_heard_of_lately_is_not_silent(house: House) -> None:
    with house.database.write() as session:
        runs = _runs(session, "well", 10)
        put_off_run(session, runs[0], clock.now() + timedelta(hours=1), "This project is broken there.")
        session.scalars(select(Source)).one().last_contact_at = clock.now()
        ids = [run.id for run in runs]

    with house.database.read() as session:
        assert due_runs(session) == ids[1 : 1 + RUNS_OF_A_SOURCE]


def test_a_push_goes_before_what_came_earlier(house: House) -> None:
    with house.database.write() as session:
        sync = [run.id for run in _runs(session, "sync", 2)]
        push = [run.id for run in _runs(session, "push", 1, Cause.PUSH)]

    with house.database.read() as session:
        assert due_runs(session) == [*push, *sync]
