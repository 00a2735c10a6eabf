"""A run ends once: what is told of it later, by whoever still worked on it, changes nothing."""

import threading

import pytest

from packistry import clock
from packistry.db.models import ImportRun, Project
from packistry.errors import Conflict
from packistry.sources.actions import begin_run, cancel_run, finish_run, put_off_run, request_run
from packistry.sources.states import Cause, RunState
from tests.factories import OPERATOR
from tests.fakes.git_projects import library
from tests.sources.conftest import Connected


@pytest.fixture
def cancelled(connected: Connected) -> int:
    """A run that was begun and then cancelled."""
    with connected.house.database.write() as session:
        run = request_run(session, session.get_one(Project, connected.project_id), Cause.SYNC)
        begin_run(session, run)
        cancel_run(session, OPERATOR, run)
        return run.id


def test_a_cancelled_run_is_not_marked_as_failed(connected: Connected, cancelled: int) -> None:
    connected.importer.give_up(cancelled, "a fault")

    assert _state(connected, cancelled) == ("cancelled", None)


def test_a_cancelled_run_is_not_done_either(connected: Connected, cancelled: int) -> None:
    with connected.house.database.write() as session:
        finish_run(session, session.get_one(ImportRun, cancelled), RunState.DONE)

    assert _state(connected, cancelled) == ("cancelled", None)


def test_a_cancelled_run_is_not_put_off(connected: Connected, cancelled: int) -> None:
    with connected.house.database.write() as session:
        put_off_run(session, session.get_one(ImportRun, cancelled), clock.now(), "The host is away.")

    assert _state(connected, cancelled) == ("cancelled", None)


def test_a_cancelled_run_is_not_begun_again(connected: Connected, cancelled: int) -> None:
    connected.project.push_branch("main", library())

    connected.importer.work(cancelled, threading.Event())

    assert _state(connected, cancelled) == ("cancelled", None)


def test_a_run_is_cancelled_once(connected: Connected, cancelled: int) -> None:
    with (
        connected.house.database.write() as session,
        pytest.raises(Conflict, match=f"Import {cancelled} is cancelled already."),
    ):
        cancel_run(session, OPERATOR, session.get_one(ImportRun, cancelled))


def _state(connected: Connected, run_id: int) -> tuple[str, str | None]:
    with connected.house.database.read() as session:
        run = session.get_one(ImportRun, run_id)
        return run.state, run.reason
