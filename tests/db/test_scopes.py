"""The two scopes: reading sees one state and cannot write; writing commits as a whole and tells readers."""

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError

from packistry import clock
from packistry.db.changes import ChangeKey
from packistry.db.engine import Database, ReadSession, WriteSession
from packistry.db.models import Change, Repository, User
from packistry.db.watch import current_generation
from packistry.errors import StorageFull, Unavailable
from packistry.house import House
from packistry.settings import Settings
from tests import factories

KEY = ChangeKey("user:1")


def names(house: House) -> list[str]:
    with house.database.read() as session:
        return list(session.scalars(select(Repository.path).order_by(Repository.id)))


def generation(house: House) -> int:
    with house.database.read() as session:
        return current_generation(session)


WRITES = [
    "UPDATE repositories SET name = 'x'",
    "DELETE FROM generation",
    "INSERT INTO changes (number, key) VALUES (99, 'x')",
    "CREATE TABLE x (y integer)",
    "DROP TABLE changes",
]


@pytest.mark.parametrize("statement", WRITES)
def test_the_connection_of_a_reading_scope_refuses_to_write(house: House, statement: str) -> None:
    with house.database.read() as session, pytest.raises(DBAPIError, match=r"readonly|read-only"):
        session.execute(text(statement))

    assert names(house) == [""]


def test_a_row_changed_in_a_reading_scope_is_not_written(house: House) -> None:
    with house.database.read() as session:
        session.scalars(select(Repository)).one().name = "changed"
        with pytest.raises(DBAPIError, match=r"readonly|read-only"):
            session.flush()
        session.rollback()

    with house.database.read() as session:
        assert session.scalars(select(Repository.name)).one() != "changed"


def test_after_a_reading_scope_the_same_connections_write_again(house: House) -> None:
    for _ in range(3):
        with house.database.read() as session:
            session.execute(text("SELECT 1"))
        factories.repository(house, f"path-{_}")

    assert len(names(house)) == 4


def test_a_reading_scope_sees_one_state(house: House) -> None:
    with house.database.read() as session:
        before = session.scalars(select(Repository.path)).all()
        factories.repository(house, "new")
        assert session.scalars(select(Repository.path)).all() == before
        assert current_generation(session) == 0

    assert names(house) == ["", "new"]
    assert generation(house) == 1


def test_a_writing_scope_sees_its_own_rows_and_commits_at_the_end(house: House) -> None:
    with house.database.write() as session:
        session.add(Repository(path="new", name="x", listing_modified=0, created_at=clock.now()))
        session.flush()
        assert len(session.scalars(select(Repository)).all()) == 2
        assert names(house) == [""], "nobody else does yet"

    assert names(house) == ["", "new"]


def test_an_exception_takes_everything_back(house: House) -> None:
    with pytest.raises(RuntimeError), house.database.write() as session:  # noqa: PT012
        session.execute(text("UPDATE repositories SET name = 'x'"))
        session.changed(KEY)
        raise RuntimeError

    assert generation(house) == 0
    with house.database.read() as session:
        assert session.scalars(select(Repository.name)).one() != "x"


def test_the_generation_rises_once_per_change_and_names_each_key_once(house: House) -> None:
    with house.database.write() as session:
        session.changed(KEY, ChangeKey("token:1"))
        session.changed(KEY)

    assert generation(house) == 1
    with house.database.read() as session:
        rows = session.execute(select(Change.number, Change.key).order_by(Change.key)).all()
    assert [tuple(row) for row in rows] == [(1, "token:1"), (1, "user:1")]


def test_a_change_that_readers_need_not_know_of_does_not_raise_it(house: House) -> None:
    with house.database.write() as session:
        session.execute(text("UPDATE repositories SET description = 'x'"))

    assert generation(house) == 0


def test_a_reader_cannot_be_given_where_a_writer_is_asked_for() -> None:
    assert issubclass(WriteSession, ReadSession)
    assert not issubclass(ReadSession, WriteSession)


def test_threads_write_one_after_the_other(house: House) -> None:
    user_id = factories.user(house)

    def rename() -> None:
        for _ in range(25):
            with house.database.write() as session:
                user = session.get_one(User, user_id, with_for_update=True)
                user.name = str(int(user.name) + 1) if user.name.isdigit() else "1"

    threads = [threading.Thread(target=rename) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    with house.database.read() as session:
        assert session.get_one(User, user_id).name == "100"


@pytest.fixture
def sqlite_database(tmp_path: Path, migrated_file: Path) -> Iterator[Database]:
    """A migrated SQLite database."""
    shutil.copy(migrated_file, tmp_path / "packistry.sqlite3")
    database = Database(f"sqlite:///{tmp_path / 'packistry.sqlite3'}")
    yield database
    database.dispose()


@pytest.mark.parametrize(
    ("pragma", "reading", "writing"),
    [("journal_mode", "wal", "wal"), ("synchronous", 2, 2), ("foreign_keys", 1, 1), ("query_only", 1, 0)],
)
def test_sqlite_keeps_what_it_promised(
    sqlite_database: Database, pragma: str, reading: object, writing: object
) -> None:
    with sqlite_database.read() as session:
        assert session.execute(text(f"PRAGMA {pragma}")).scalar_one() == reading
    with sqlite_database.write() as session:
        assert session.execute(text(f"PRAGMA {pragma}")).scalar_one() == writing


def test_a_database_that_another_process_holds_for_too_long_is_a_refusal(sqlite_database: Database) -> None:
    with sqlite_database.write() as session:
        session.execute(text("PRAGMA busy_timeout = 10"))
    other = sqlite3.connect(str(sqlite_database.url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(Unavailable, match="busy with another process"), sqlite_database.write() as session:
            session.execute(text("UPDATE generation SET floor = 0"))
    finally:
        other.close()

    with sqlite_database.write() as session:
        session.execute(text("UPDATE generation SET floor = 0"))


def test_another_fault_of_the_database_stays_one(house: House) -> None:
    with pytest.raises(DBAPIError, match="nowhere"), house.database.write() as session:
        session.execute(text("SELECT 1 FROM nowhere"))


def test_a_full_disk_is_a_refusal_that_says_so(sqlite_database: Database) -> None:
    def fill() -> None:
        with sqlite_database.write() as session:
            session.execute(text("PRAGMA max_page_count = 1"))
            for number in range(200):
                session.execute(insert(Change), [{"number": number, "key": "x" * 600}])

    with pytest.raises(StorageFull, match="nothing was changed"):
        fill()

    with sqlite_database.read() as session:
        assert session.scalars(select(Change.number)).all() == []


SENTENCES = {
    "57P01": "does not answer",
    "08006": "does not answer",
    "53300": "does not answer",
    "40P01": "busy with another process",
    "53100": "no room left",
}


@pytest.mark.parametrize("code", SENTENCES)
def test_what_postgresql_cannot_help_is_a_refusal(house: House, code: str) -> None:
    if house.database.is_sqlite:
        pytest.skip("SQLite has no such codes")
    raising = text(f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{code}'; END $$")

    with pytest.raises((Unavailable, StorageFull), match=SENTENCES[code]), house.database.write() as session:
        session.execute(raising)
    with pytest.raises((Unavailable, StorageFull), match=SENTENCES[code]), house.database.read() as session:
        session.execute(raising)


def test_a_connection_that_was_lost_is_a_refusal_and_the_next_one_works(house: House) -> None:
    if house.database.is_sqlite:
        pytest.skip("SQLite has no connection to lose")

    def lose() -> None:
        with house.database.read() as session:
            mine = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
            with house.database.write() as other:
                other.execute(text("SELECT pg_terminate_backend(:mine)"), {"mine": mine})
            session.execute(text("SELECT 1"))

    with pytest.raises(Unavailable, match="does not answer"):
        lose()

    assert names(house) == [""]


def test_a_database_that_is_not_there_is_a_refusal() -> None:
    database = Database("postgresql+psycopg://nobody:secret@127.0.0.1:1/none?connect_timeout=2")

    with pytest.raises(Unavailable, match="does not answer"), database.read():
        pass


def test_moments_come_back_in_utc_whatever_zone_the_database_is_set_to(settings: Settings) -> None:
    if not settings.database_url:
        pytest.skip("SQLite has no zones")
    first = Database(settings.sqlalchemy_url)
    with first.write() as session:
        session.execute(text(f"ALTER DATABASE {first.url.database} SET timezone = 'America/New_York'"))
    first.dispose()
    database = Database(settings.sqlalchemy_url)
    long_ago = datetime(1, 1, 1, tzinfo=UTC)
    with database.write() as session:
        session.add(Repository(path="new", name="x", listing_modified=0, created_at=long_ago))

    with database.read() as session:
        assert session.scalars(select(Repository.created_at).where(Repository.path == "new")).one() == long_ago
    database.dispose()
