"""Bringing a database to the newest schema, safely from any number of processes at once.

Every command and every server start passes here, so the common case (nothing to do) is one small select and does
not import Alembic.
"""

import fcntl
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import OperationalError, ProgrammingError

from packistry.db.engine import Database
from packistry.errors import Unavailable

MIGRATIONS: Final = Path(__file__).with_name("migrations")
# Any fixed number: the advisory lock that a migrating process holds on PostgreSQL.
MIGRATION_LOCK: Final = 7_225_477


def newest_revision() -> str:
    """The revision the code needs. Migration files are numbered, so the last name is the head."""
    return max(path.name for path in (MIGRATIONS / "versions").glob("[0-9]*.py")).split("_", 1)[0]


def current_revision(database: Database) -> str | None:
    """The revision the database has; None for an empty one. Refuses with Unavailable when it cannot be reached."""
    try:
        # Asked of the readers: on SQLite the other engine would wait for whoever writes.
        with database.read() as session:
            return session.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    except ProgrammingError:
        return None
    except OperationalError as fault:
        if "no such table" in str(fault):
            return None
        where = database.url.render_as_string(hide_password=True)
        raise Unavailable(f"The database {where} cannot be opened: {fault.orig}") from fault


def upgrade(database: Database) -> bool:
    """Migrates to the newest revision; True when something was done. A second process waits for the first."""
    newest = newest_revision()
    current = current_revision(database)
    if current is not None and current > newest:
        raise Unavailable(
            f"The database is at revision {current}, newer than this Packistry knows ({newest}); upgrade."
        )
    if current == newest:
        return False
    with _migration_lock(database):
        if current_revision(database) == newest:
            return False
        _run_migrations(database)
    return True


def _run_migrations(database: Database) -> None:
    # Imported here: Alembic costs 0.2 s, and only an empty or old database needs it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@contextmanager
def _migration_lock(database: Database) -> Generator[None]:
    if not database.is_sqlite:
        with database.engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:id)"), {"id": MIGRATION_LOCK})
            try:
                yield
            finally:
                # The connection goes back to the pool; the lock must not go with it.
                connection.execute(text("SELECT pg_advisory_unlock(:id)"), {"id": MIGRATION_LOCK})
        return
    with Path(f"{database.url.database}.migrating").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
