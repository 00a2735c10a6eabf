"""The two scopes: reading sees one state and cannot write; writing commits as a whole and tells readers."""

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from packistry import clock
from packistry.db.changes import ChangeKey
from packistry.db.engine import Database, ReadSession, WriteSession
from packistry.db.models import Change, Repository, User
from packistry.db.watch import current_generation
from packistry.errors import Unavailable
from packistry.house import House
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
