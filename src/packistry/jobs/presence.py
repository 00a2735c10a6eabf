"""Whether jobs processes work here, seen from another process. Light to import: it knows nothing of the job engine."""

import fcntl
from pathlib import Path
from typing import Final

from sqlalchemy import text

from packistry.db.engine import Database

# Held by the one jobs process, on SQLite.
LOCK_FILE: Final = "jobs.lock"
# Two numbers name an advisory lock. This is any fixed one: for the life of executors.
LIVES: Final = 7_225_478

# Of this database only: advisory locks are told of the whole server.
_HOLDERS: Final = """
    SELECT count(DISTINCT objid) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE locktype = 'advisory' AND objsubid = 2 AND granted AND classid = :room AND datname = current_database()
"""


def count_working(database: Database, data_dir: Path) -> int:
    """How many jobs processes live: on SQLite none or the one that holds the lock, on PostgreSQL any number."""
    if database.is_sqlite:
        return int(_is_held(data_dir / LOCK_FILE))
    with database.read() as session:
        return session.execute(text(_HOLDERS), {"room": LIVES}).scalar_one()


def _is_held(path: Path) -> bool:
    try:
        with path.open() as file:
            # Given back at once. A jobs process that starts in this very moment tries again a moment later.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False
