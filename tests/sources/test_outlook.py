"""What is to be expected of a run is told from its rows: when it is tried again, and about when it is over."""

from datetime import timedelta

import pytest

from packistry import clock
from packistry.db.models import ImportRef, ImportRun, Project, Source
from packistry.sources.actions import begin_run, finish_run, put_off_run, request_run
from packistry.sources.outlook import Outlook, outlook_of
from packistry.sources.states import Cause, RefState, RunState
from tests.sources.conftest import Connected

MOMENT = clock.now().replace(microsecond=0)


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: MOMENT)


@pytest.fixture
def run_id(connected: Connected) -> int:
    with connected.house.database.write() as session:
        return request_run(session, session.get_one(Project, connected.project_id), Cause.SYNC).id


def _outlook(connected: Connected, run_id: int) -> Outlook:
    with connected.house.database.read() as session:
        return outlook_of(session, session.get_one(ImportRun, run_id), session.get_one(Source, 1))


def test_a_run_that_was_put_off_tells_until_when(connected: Connected, run_id: int) -> None:
    until = MOMENT + timedelta(minutes=5)
    with connected.house.database.write() as session:
        put_off_run(session, session.get_one(ImportRun, run_id), until, "It is down.")

    assert _outlook(connected, run_id) == Outlook(until)


def test_a_run_behind_the_limit_of_its_host_tells_so(connected: Connected, run_id: int) -> None:
    until = MOMENT + timedelta(hours=1)
    with connected.house.database.write() as session:
        session.get_one(Source, 1).waits_until = until

    assert _outlook(connected, run_id) == Outlook(until, "the limit of local: its host listens again then")


def test_a_run_that_is_due_waits_for_nothing(connected: Connected, run_id: int) -> None:
    with connected.house.database.write() as session:
        session.get_one(Source, 1).waits_until = MOMENT - timedelta(seconds=1)

    assert _outlook(connected, run_id) == Outlook()


@pytest.mark.parametrize(("seconds", "left"), [(10, 20), (1, None)], ids=["a pace", "too early to tell"])
def test_the_rest_is_estimated_by_the_pace_so_far(
    connected: Connected, run_id: int, seconds: int, left: int | None
) -> None:
    with connected.house.database.write() as session:
        begin_run(session, session.get_one(ImportRun, run_id))
        for position in range(15):
            done = position < 5
            session.add(
                ImportRef(
                    run_id=run_id,
                    kind="tag",
                    name=str(position),
                    commit="",
                    position=position,
                    state=RefState.IMPORTED if done else RefState.WAITING,
                    finished_at=MOMENT - timedelta(seconds=seconds * (4 - position) / 4) if done else None,
                )
            )

    expected = None if left is None else MOMENT + timedelta(seconds=left)
    assert _outlook(connected, run_id) == Outlook(ends_at=expected)


def test_of_a_run_that_is_over_nothing_is_expected(connected: Connected, run_id: int) -> None:
    with connected.house.database.write() as session:
        finish_run(session, session.get_one(ImportRun, run_id), RunState.DONE)

    assert _outlook(connected, run_id) == Outlook()
