"""The job engine behind our verbs: what it begins, remembers, hands over and forgets, on both databases."""

import threading
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import timedelta

import pytest

from packistry import clock
from packistry.db.engine import Database
from packistry.jobs.engine import JobEngine, Order, State, Target, sqlite_target
from packistry.settings import Settings

ORDER = Order("toys", "toy:1", (1, 2))
# Fewer than an installation's: a resumed job is begun within a second, each time.
DEATHS = 3


class Worker:
    """Does orders as it is told, and keeps them."""

    def __init__(self) -> None:
        self.done: list[Order] = []
        self.fault = ""
        self.may_end = threading.Event()
        self.may_end.set()

    def __call__(self, order: Order) -> str:
        self.may_end.wait(30)
        self.done.append(order)
        return self.fault


@pytest.fixture
def worker() -> Worker:
    """What does the orders of the engine."""
    return Worker()


@pytest.fixture
def engine(settings: Settings, worker: Worker) -> Iterator[JobEngine]:
    """An engine with tables of its own; there is one in a process at a time."""
    database = Database(settings.sqlalchemy_url)
    target = sqlite_target(settings.data_dir / "jobs.sqlite3") if database.is_sqlite else Target(database.url)
    opened = JobEngine(target, "executor-1", 4, worker, "info", deaths=DEATHS)
    yield opened
    worker.may_end.set()
    opened.close()
    database.dispose()


def wait_until_ended(engine: JobEngine, key: str = ORDER.key) -> None:
    pause = threading.Event()
    for _ in range(500):
        memory = engine.memories([key]).get(key)
        if memory is not None and memory.state is not State.ACTIVE:
            return
        pause.wait(0.02)
    pytest.fail(f"{key} does not end")


def test_an_order_comes_back_as_it_was_given(engine: JobEngine, worker: Worker) -> None:
    began = engine.begin(ORDER)
    wait_until_ended(engine)

    assert began
    assert worker.done == [ORDER]


def test_a_key_that_is_remembered_is_not_begun_again(engine: JobEngine, worker: Worker) -> None:
    worker.may_end.clear()
    engine.begin(ORDER)

    while_running = engine.begin(ORDER)
    worker.may_end.set()
    wait_until_ended(engine)
    afterwards = engine.begin(ORDER)

    assert (while_running, afterwards, len(worker.done)) == (False, False, 1)


def test_it_remembers_how_a_job_ended(engine: JobEngine, worker: Worker) -> None:
    engine.begin(ORDER)
    wait_until_ended(engine)
    worker.fault = "LookupError: no such toy"
    engine.begin(Order("toys", "toy:2", (), faults=2))
    wait_until_ended(engine, "toy:2")

    good, bad = (engine.memories([key])[key] for key in ("toy:1", "toy:2"))

    assert (good.state, good.faults, good.fault) == (State.DONE, 0, "")
    assert (bad.state, bad.faults, bad.fault) == (State.FAILED, 3, "LookupError: no such toy")
    assert good.ended_at is not None
    assert abs(clock.now() - good.ended_at) < timedelta(minutes=1)
    assert engine.memories([]) == {}


def test_a_job_that_ended_may_begin_again(engine: JobEngine, worker: Worker) -> None:
    engine.begin(ORDER)
    wait_until_ended(engine)
    again = Order("toys", "toy:1", (1, 2), faults=1, fault="it fell")

    began = engine.begin_again(again, nullcontext(enter_result=True))
    wait_until_ended(engine)

    assert began
    assert worker.done == [ORDER, again]


def test_one_that_runs_is_not_taken_away_from_under_it(engine: JobEngine, worker: Worker) -> None:
    worker.may_end.clear()
    engine.begin(ORDER)

    began = engine.begin_again(ORDER, nullcontext(enter_result=True))

    assert not began


def test_nothing_begins_again_where_another_process_is(engine: JobEngine, worker: Worker) -> None:
    engine.begin(ORDER)
    wait_until_ended(engine)

    began = engine.begin_again(ORDER, nullcontext(enter_result=False))

    assert not began
    assert len(worker.done) == 1


def test_what_ended_long_ago_is_forgotten_and_what_runs_is_not(engine: JobEngine, worker: Worker) -> None:
    engine.begin(ORDER)
    wait_until_ended(engine)
    worker.may_end.clear()
    engine.begin(Order("toys", "toy:2", ()))

    too_early = engine.forget(clock.now() - timedelta(hours=1))
    forgotten = engine.forget(clock.now() + timedelta(hours=1))

    assert (too_early, forgotten) == (0, 1)
    assert set(engine.memories(["toy:1", "toy:2"])) == {"toy:2"}


def test_a_job_whose_processes_end_again_and_again_is_a_failed_one(engine: JobEngine, worker: Worker) -> None:
    worker.may_end.clear()
    engine.begin(ORDER)

    # As its own successor would, if it had ended; here it takes the job up again by itself.
    for _ in range(DEATHS + 1):
        for _ in range(200):
            if engine.take_over("executor-1"):
                break
            threading.Event().wait(0.02)
    memory = engine.memories([ORDER.key])[ORDER.key]

    assert memory.state is State.FAILED
    assert memory.faults == 1
    assert "again and again" in memory.fault
