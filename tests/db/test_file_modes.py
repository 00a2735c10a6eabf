"""What other users of the machine may read of an SQLite database."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from packistry.db.engine import Database
from packistry.db.schema import upgrade


@pytest.fixture
def open_umask() -> Iterator[None]:
    """The mask that hides nothing."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
def test_a_new_database_is_its_owners_alone(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'packistry.sqlite3'}")

    with database.read():
        upgrade(database)
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.glob("packistry.sqlite3*")}
    database.dispose()

    assert {name: mode for name, mode in modes.items() if not name.endswith(".migrating")} == {
        "packistry.sqlite3": 0o600,
        "packistry.sqlite3-wal": 0o600,
        "packistry.sqlite3-shm": 0o600,
    }


def test_one_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "packistry.sqlite3"
    file.touch()
    file.chmod(0o640)
    database = Database(f"sqlite:///{file}")

    upgrade(database)
    database.dispose()

    assert file.stat().st_mode & 0o777 == 0o640
