"""Several jobs processes in one house: on SQLite the second waits, on PostgreSQL they share the work."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url, text

from packistry.jobs.life import LIVES
from packistry.settings import Settings
from tests.jobs.toys import FOR_EVER, Playroom, Toys, opened_playroom, stop
from tests.server import Installation

TOYS = Toys("toys", concurrency=2)


@pytest.fixture
def file_room(tmp_path: Path) -> Iterator[Playroom]:
    """A playroom on SQLite."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    with opened_playroom(Settings(data_dir=data_dir)) as opened:
        yield opened


@pytest.fixture
def server_room(settings: Settings) -> Iterator[Playroom]:
    """A playroom on PostgreSQL."""
    with opened_playroom(settings) as opened:
        yield opened


only_postgresql = pytest.mark.parametrize(
    "settings", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True
)


def test_on_sqlite_a_second_one_says_so_and_waits(file_room: Playroom) -> None:
    first = file_room.start(TOYS)
    file_room.wait_until(lambda: "jobs.started" in file_room.log)
    second = file_room.start(TOYS)
    file_room.wait_until(lambda: "jobs.waiting" in file_room.log)

    file_room.add("toys", 10, seconds=0.1)
    file_room.wait_until_done()

    assert f"Another jobs process (pid {first.pid}) works in this data folder; waiting" in file_room.log
    assert file_room.log.count("jobs.waiting") == 1
    assert file_room.rows("SELECT DISTINCT process FROM runs") == [(first.pid,)]
    assert second.poll() is None


def test_on_sqlite_the_second_goes_on_when_the_first_was_killed(file_room: Playroom) -> None:
    file_room.add("toys", 6, seconds=FOR_EVER)
    first = file_room.start(TOYS)
    file_room.wait_until_begun(2)
    second = file_room.start(TOYS)
    file_room.wait_until(lambda: "jobs.waiting" in file_room.log)
    with file_room.database.write() as session:
        session.connection().exec_driver_sql("UPDATE toys SET seconds = 0")

    first.kill()
    file_room.wait_until_done()

    ended = file_room.rows("SELECT DISTINCT process FROM runs WHERE ended IS NOT NULL")
    assert ended == [(second.pid,)]
    assert file_room.rows("SELECT COUNT(*) FROM runs") == [(8,)]


def test_one_that_waits_stops_when_it_is_told(file_room: Playroom) -> None:
    file_room.start(TOYS)
    file_room.wait_until(lambda: "jobs.started" in file_room.log)
    second = file_room.start(TOYS)
    file_room.wait_until(lambda: "jobs.waiting" in file_room.log)

    assert stop(second) == 0


@only_postgresql
def test_on_postgresql_they_share_the_work(server_room: Playroom) -> None:
    processes = [server_room.start(TOYS) for _ in range(2)]
    server_room.wait_until(lambda: server_room.log.count("jobs.started") == 2)

    server_room.add("toys", 40, seconds=0.1)
    server_room.wait_until_done()

    workers = server_room.rows("SELECT process, COUNT(*) FROM runs GROUP BY process")
    assert {pid for pid, _ in workers} == {process.pid for process in processes}
    assert min(count for _, count in workers) >= 10
    assert server_room.rows("SELECT COUNT(*) FROM toys WHERE runs = 1") == [(40,)]


@only_postgresql
def test_on_postgresql_short_work_is_done_once_however_many_reach_for_it(server_room: Playroom) -> None:
    for _ in range(3):
        server_room.start(Toys("toys", concurrency=8))
    server_room.wait_until(lambda: server_room.log.count("jobs.started") == 3)

    for _ in range(10):
        server_room.add("toys", 10)
        time.sleep(0.05)
    server_room.wait_until_done()

    assert server_room.rows("SELECT COUNT(*) FROM toys WHERE runs = 1") == [(100,)]
    assert server_room.overlaps() == []


@only_postgresql
def test_on_postgresql_the_others_take_over_what_a_dead_one_was_doing(server_room: Playroom) -> None:
    server_room.add("toys", 2, seconds=FOR_EVER)
    dead = server_room.start(TOYS)
    server_room.wait_until_begun(2)
    alive = server_room.start(TOYS)
    server_room.wait_until(lambda: server_room.log.count("jobs.started") == 2)
    time.sleep(1.5)
    taken_from_the_living = server_room.rows("SELECT COUNT(*) FROM runs")
    with server_room.database.write() as session:
        session.connection().exec_driver_sql("UPDATE toys SET seconds = 0")

    dead.send_signal(signal.SIGKILL)
    server_room.wait_until_done()

    assert taken_from_the_living == [(2,)]
    assert server_room.rows("SELECT process FROM runs ORDER BY id") == [(dead.pid,)] * 2 + [(alive.pid,)] * 2
    assert "jobs.taken_over" in server_room.log


@only_postgresql
def test_on_postgresql_one_that_lost_its_sign_of_life_ends_before_its_work_is_taken(server_room: Playroom) -> None:
    server_room.add("toys", 2, seconds=20.0)
    lost = server_room.start(TOYS)
    server_room.wait_until_begun(2)
    with server_room.database.write() as session:
        session.connection().exec_driver_sql("UPDATE toys SET seconds = 0")
    server_room.start(TOYS)
    server_room.wait_until(lambda: server_room.log.count("jobs.started") == 2)

    assert server_room.settings.database_url is not None
    with psycopg.connect(server_room.settings.database_url.replace("+psycopg", ""), autocommit=True) as connection:
        # The first of the two, by its place in the log of locks: it holds the number that its jobs are known by.
        connection.execute(
            "SELECT pg_terminate_backend(l.pid) FROM pg_locks l WHERE l.locktype = 'advisory' AND l.classid = %s"
            " AND 'executor-' || l.objid = (SELECT executor_id FROM dbos.workflow_status"
            " WHERE status = 'PENDING' LIMIT 1)",
            (LIVES,),
        )
    ended = lost.wait(20)
    server_room.wait_until_done()

    assert ended == 1
    assert "jobs.lost_database" in server_room.log
    assert server_room.overlaps() == []


@only_postgresql
def test_a_user_who_may_not_make_the_schema_is_told_so_in_a_sentence(server_room: Playroom) -> None:
    address = make_url(str(server_room.settings.database_url))
    role = f"role_{address.database}"
    with server_room.database.write() as session:
        for statement in (f"CREATE ROLE {role} LOGIN", f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"):
            session.execute(text(statement))
    restricted = address.set(username=role).render_as_string(hide_password=False)
    installation = Installation(server_room.settings.data_dir, restricted)

    refused = installation.run("worker", check=False)

    with server_room.database.write() as session:
        session.execute(text(f"DROP OWNED BY {role}"))
        session.execute(text(f"DROP ROLE {role}"))
    assert refused.returncode == 1
    assert "GRANT CREATE ON DATABASE" in refused.stderr


@only_postgresql
def test_the_engine_keeps_its_tables_in_a_schema_of_its_own(server_room: Playroom) -> None:
    before = server_room.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    server_room.add("toys")
    server_room.start(TOYS)
    server_room.wait_until_done()

    after = server_room.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    assert after == before
    assert server_room.rows("SELECT COUNT(*) > 0 FROM pg_tables WHERE schemaname = 'dbos'") == [(True,)]


def test_on_sqlite_the_engine_keeps_a_file_of_its_own_for_its_owner_alone(file_room: Playroom) -> None:
    before = file_room.rows("SELECT name FROM sqlite_master ORDER BY 1")
    file_room.add("toys")
    file_room.start(TOYS)
    file_room.wait_until_done()

    engine_file = file_room.settings.data_dir / "jobs.sqlite3"
    assert file_room.rows("SELECT name FROM sqlite_master ORDER BY 1") == before
    assert engine_file.stat().st_mode & 0o077 == 0
    assert (engine_file.with_name("jobs.sqlite3-wal")).exists()
