"""The jobs process with toy kinds, on both databases: everything done once, whatever is killed, fails or waits."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from packistry.settings import Settings
from tests.jobs.toys import FOR_EVER, Playroom, Toys, opened_playroom, stop
from tests.processes import open_files

TOYS = Toys("toys")


@pytest.fixture
def playroom(settings: Settings) -> Iterator[Playroom]:
    """An empty playroom on each of the two databases."""
    with opened_playroom(settings) as opened:
        yield opened


def test_every_due_job_is_done_once(playroom: Playroom) -> None:
    playroom.add("toys", 30)
    playroom.start(TOYS)
    playroom.wait_until_done()

    playroom.add("toys", 10)
    playroom.wait_until_done()
    # Longer than it takes to do again what is still due.
    time.sleep(0.5)

    assert playroom.rows("SELECT state, runs, COUNT(*) FROM toys GROUP BY state, runs") == [("done", 1, 40)]


def test_what_a_killed_process_was_doing_is_done_by_the_next(playroom: Playroom) -> None:
    playroom.add("toys", 12, seconds=0.5)
    killed = playroom.start(TOYS)
    playroom.wait_until_begun(2)
    killed.kill()
    killed.wait(10)
    interrupted = playroom.rows("SELECT toy FROM runs WHERE ended IS NULL")

    playroom.start(TOYS)
    playroom.wait_until_done()

    assert interrupted
    again = playroom.rows("SELECT id FROM toys WHERE runs > 1")
    assert set(again) <= set(interrupted)
    assert playroom.rows("SELECT COUNT(*) FROM runs WHERE ended IS NOT NULL") == [(12,)]
    assert playroom.overlaps() == []


def test_kills_again_and_again_lose_nothing(playroom: Playroom) -> None:
    playroom.add("toys", 40, seconds=0.15)

    for _ in range(4):
        process = playroom.start(TOYS)
        playroom.wait_until_begun()
        time.sleep(0.3)
        process.kill()
        process.wait(10)
        playroom.database.dispose()
        with playroom.database.write() as session:
            session.connection().exec_driver_sql("DELETE FROM runs WHERE ended IS NULL")
    playroom.start(TOYS)
    playroom.wait_until_done()

    assert playroom.rows("SELECT COUNT(*) FROM runs WHERE ended IS NOT NULL") == [(40,)]
    assert playroom.overlaps() == []


def test_a_job_that_fails_is_tried_again_and_stops_no_other(playroom: Playroom) -> None:
    playroom.add("toys", failures=2)
    playroom.add("toys", 5)

    playroom.start(Toys("toys", concurrency=1))
    playroom.wait_until_done()

    assert playroom.rows("SELECT state, runs FROM toys ORDER BY id") == [("done", 3), *[("done", 1)] * 5]
    assert "It failed 1 times." in playroom.log
    assert "No such toy." in playroom.log


def test_a_job_that_always_fails_is_given_up_with_its_last_fault(playroom: Playroom) -> None:
    playroom.add("toys", failures=100)

    playroom.start(Toys("toys", tries=2))
    playroom.wait_until_done()

    assert playroom.rows("SELECT state, runs, said FROM toys") == [("given up", 2, "LookupError: No such toy.")]


def test_however_many_fail_the_others_are_looked_at(playroom: Playroom) -> None:
    # Three times as many as one look asks the engine about.
    playroom.add("toys", 60, failures=100)
    playroom.add("toys", 3)

    playroom.start(Toys("toys", concurrency=8, tries=1000), candidates=20, fault_seconds=60)
    playroom.wait_until(lambda: playroom.rows("SELECT COUNT(*) FROM toys WHERE state = 'done'") == [(3,)])


def test_a_kind_whose_rows_cannot_be_read_stops_no_other(playroom: Playroom) -> None:
    playroom.add("toys", 3)
    with playroom.database.write() as session:
        session.connection().exec_driver_sql("ALTER TABLE toys RENAME TO hidden")
    playroom.start(TOYS, schedule_seconds=0)
    playroom.wait_until(lambda: "jobs.look_failed" in playroom.log)

    with playroom.database.write() as session:
        session.connection().exec_driver_sql("ALTER TABLE hidden RENAME TO toys")

    playroom.wait_until_done()
    assert playroom.log.count("jobs.look_failed") < 5


def test_the_more_urgent_kind_comes_first(playroom: Playroom) -> None:
    playroom.add("rebuild", 6, seconds=0.4)
    playroom.start(Toys("rebuild", priority=100), Toys("push", priority=1), at_once=1)
    playroom.wait_until_begun()

    playroom.add("push", 2)
    playroom.wait_until_done()

    order = playroom.rows("SELECT kind FROM runs JOIN toys ON toy = toys.id ORDER BY runs.id")
    assert max(place for place, (kind,) in enumerate(order) if kind == "push") <= 3


def test_no_more_of_a_kind_run_at_once_than_it_says(playroom: Playroom) -> None:
    playroom.add("toys", 8, seconds=0.2)

    playroom.start(Toys("toys", concurrency=2))
    playroom.wait_until_done()

    at_once = playroom.rows(
        "SELECT a.id, COUNT(*) FROM runs a JOIN runs b ON b.began <= a.began AND b.ended > a.began GROUP BY a.id"
    )
    assert max(count for _, count in at_once) == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_stop_lets_running_work_end_and_begins_no_more(playroom: Playroom, number: signal.Signals) -> None:
    playroom.add("toys", 20, seconds=60.0)
    process = playroom.start(TOYS)
    playroom.wait_until_begun(4)

    code = stop(process, number)

    # These toys look whether they should stop, and stay due.
    assert code == 0
    assert playroom.rows("SELECT COUNT(*) FROM runs") == [(4,)]
    assert playroom.rows("SELECT COUNT(*) FROM runs WHERE ended IS NULL") == [(0,)]
    assert playroom.rows("SELECT COUNT(*) FROM toys WHERE state = 'due'") == [(20,)]


def test_work_that_does_not_end_in_time_is_left_for_the_next_process(playroom: Playroom) -> None:
    playroom.add("toys", seconds=FOR_EVER)
    process = playroom.start(TOYS, stop_seconds=0.5)
    playroom.wait_until_begun()

    began = time.monotonic()
    code = stop(process)
    seconds = time.monotonic() - began
    with playroom.database.write() as session:
        session.connection().exec_driver_sql("UPDATE toys SET seconds = 0")
    playroom.start(TOYS)
    playroom.wait_until_done()

    assert (code, seconds < 5) == (0, True)
    assert playroom.rows("SELECT state, runs FROM toys") == [("done", 2)]


def test_a_schedule_comes_round_once_in_each_interval(playroom: Playroom) -> None:
    playroom.start(schedule_seconds=2)
    if not playroom.database.is_sqlite:
        playroom.start(schedule_seconds=2)
    playroom.wait_until(lambda: len(playroom.rows("SELECT id FROM toys")) >= 1)
    began = time.time()
    first = len(playroom.rows("SELECT id FROM toys"))

    playroom.wait_until(lambda: len(playroom.rows("SELECT id FROM toys")) >= first + 2)
    came, rounds = len(playroom.rows("SELECT id FROM toys")) - first, time.time() // 2 - began // 2

    assert came <= rounds


def test_a_job_remembered_as_done_is_done_when_the_rows_say_due(playroom: Playroom) -> None:
    """As after a backup of the database was put back beside a newer memory of the engine."""
    playroom.add("toys")
    playroom.start(TOYS)
    playroom.wait_until_done()

    with playroom.database.write() as session:
        session.connection().exec_driver_sql("UPDATE toys SET state = 'due'")
    playroom.wait_until_done()

    assert playroom.rows("SELECT runs FROM toys") == [(2,)]


def test_nothing_but_our_own_lines_is_logged(playroom: Playroom) -> None:
    playroom.add("toys", 3)
    process = playroom.start(TOYS)
    playroom.wait_until_done()
    stop(process)

    events = [line.split('"event":"')[1].split('"')[0] for line in playroom.log.splitlines()]

    assert events == ["jobs.started", *["job.done"] * 3, "jobs.stopped"]


def test_it_listens_nowhere_and_talks_to_the_database_only(playroom: Playroom) -> None:
    process = playroom.start(TOYS)
    playroom.wait_until(lambda: "jobs.started" in playroom.log)
    time.sleep(0.5)

    files = open_files(process.pid)
    sockets = {name.removeprefix("socket:[").rstrip("]") for name in files if name.startswith("socket:")}
    rows = [line.split() for line in Path(f"/proc/{process.pid}/net/tcp").read_text().splitlines()[1:]]
    ours = [row for row in rows if row[9] in sockets]

    # The third column is the other end's address and port; 0A is a listening socket.
    assert [row for row in ours if row[3] == "0A"] == []
    assert len({row[2] for row in ours}) == (0 if playroom.database.is_sqlite else 1)
