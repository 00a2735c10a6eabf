"""The statements that differ between the databases mean the same on both."""

import sqlite3
import threading
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select

from packistry.db.models import Download, Package
from packistry.db.statements import add_counts, hold, insert_missing
from packistry.house import House

DAY = date(2026, 6, 1)
THEN = datetime(2026, 6, 1, tzinfo=UTC)
LIB: dict[str, Any] = {
    "repository_id": 1,
    "name": "acme/lib",
    "vendor": "acme",
    "type": "library",
    "description": "",
    "created_at": THEN,
    "updated_at": THEN,
}


def test_a_row_is_inserted_unless_one_of_its_name_is_there(house: House) -> None:
    with house.database.write() as session:
        insert_missing(session, Package, {**LIB, "description": "first"})
        insert_missing(session, Package, {**LIB, "description": "second"})
        insert_missing(session, Package, {**LIB, "name": "acme/other"})

    with house.database.read() as session:
        rows = session.execute(select(Package.name, Package.description).order_by(Package.id)).all()
    assert [tuple(row) for row in rows] == [("acme/lib", "first"), ("acme/other", "")]


def test_two_who_insert_one_row_at_once_make_one(house: House) -> None:
    together = threading.Barrier(2)

    def insert() -> None:
        together.wait(30)
        with house.database.write() as session:
            insert_missing(session, Package, LIB)

    threads = [threading.Thread(target=insert) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    with house.database.read() as session:
        assert len(session.scalars(select(Package)).all()) == 1


def count(house: House, *rows: tuple[int, int, int]) -> None:
    """Adds (version, downloads, installs)."""
    with house.database.write() as session:
        add_counts(
            session,
            Download,
            [
                {"version_id": version, "day": DAY, "downloads": downloads, "installs": installs}
                for version, downloads, installs in rows
            ],
            key=(Download.version_id, Download.day),
            counts=(Download.downloads, Download.installs),
        )


def test_counts_are_added_and_missing_rows_are_made(house: House) -> None:
    count(house, (1, 2, 0), (2, 0, 5))
    count(house, (1, 3, 1), (3, 1, 1))

    with house.database.read() as session:
        rows = session.execute(
            select(Download.version_id, Download.downloads, Download.installs).order_by(Download.version_id)
        ).all()
    assert [tuple(row) for row in rows] == [(1, 5, 1), (2, 0, 5), (3, 1, 1)]


def test_a_name_is_held_by_one_at_a_time_until_its_commit(house: House) -> None:
    story: list[str] = []
    held = threading.Event()

    def second() -> None:
        held.wait(30)
        with house.database.write() as session:
            hold(session, "name")
            story.append("second holds")

    waiting = threading.Thread(target=second)
    waiting.start()
    with house.database.write() as session:
        hold(session, "name")
        held.set()
        # Long enough for the other to get in its way if nothing held it back.
        waiting.join(0.2)
        story.append("first commits")
    waiting.join(30)

    assert story == ["first commits", "second holds"]


def test_whoever_holds_a_name_on_sqlite_has_begun_to_write(house: House) -> None:
    if not house.database.is_sqlite:
        pytest.skip("PostgreSQL holds the name itself, as the test before shows")
    other = sqlite3.connect(str(house.database.url.database), isolation_level=None, timeout=0)
    with house.database.write() as session:
        hold(session, "archive")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
    other.close()
