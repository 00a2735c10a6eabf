"""Looking whether a database is whole: its own structure, and that every row it names is there."""

from datetime import datetime

from sqlalchemy import text

from packistry.db.engine import Database, ReadSession
from packistry.db.schema import current_revision, newest_revision

# SQLite would list every broken row.
MOST_PROBLEMS = 20


def database_problems(database: Database) -> list[str]:
    """Sentences about what is wrong; empty when all is well. On SQLite it reads the whole file."""
    revision, newest = current_revision(database), newest_revision()
    if revision is None:
        return ["The database is empty; `packistry db upgrade`, or any other command, makes its tables."]
    if revision != newest:
        return [
            f"The database is at revision {revision} and {newest} is needed; `packistry db upgrade` brings it there."
        ]
    return _sqlite_problems(database) if database.is_sqlite else []


def server_clock(session: ReadSession) -> datetime | None:
    """What time it is for the database; None for SQLite, which has no clock of its own."""
    if session.get_bind().dialect.name == "sqlite":
        return None
    return session.execute(text("SELECT clock_timestamp()")).scalar_one()


def _sqlite_problems(database: Database) -> list[str]:
    with database.read() as session:
        damage = session.execute(text(f"PRAGMA integrity_check({MOST_PROBLEMS})")).scalars().all()
        orphans = session.execute(text("PRAGMA foreign_key_check")).all()
    problems = [f"The database is damaged: {line}. Restore it from a backup." for line in damage if line != "ok"]
    return problems + [f"Row {row[1]} of {row[0]} names a missing row of {row[2]}." for row in orphans[:MOST_PROBLEMS]]
