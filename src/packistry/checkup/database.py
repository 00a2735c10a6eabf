"""The database: whether it answers, has the right schema and is whole, as far as a few seconds tell."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import make_url

from packistry import clock
from packistry.audit.log import last_line_at
from packistry.db.checks import server_clock
from packistry.db.engine import Database
from packistry.db.schema import current_revision, newest_revision
from packistry.errors import NotFound, Unavailable
from packistry.findings import CheckLine, bad, good, refused, warning
from packistry.settings import Settings

CONNECT_SECONDS: Final = 5
# Reading a file of some GiB takes longer; `db check` takes that time.
READ_SECONDS: Final = 5.0
# How often SQLite asks whether to go on, in its own steps: some hundred times a second.
STEPS: Final = 100_000
CLOCK_SECONDS: Final = 5.0


def opened_to_look(settings: Settings) -> Database:
    """The database, which is not made where there is none, and is not waited for when it does not answer."""
    path = settings.sqlite_path
    if path is not None and not path.exists():
        raise NotFound(
            f"There is no database {path}: is the disk mounted, and PACKISTRY_DATA_DIR right? The first start makes it."
        )
    url = make_url(settings.sqlalchemy_url)
    if path is None:
        url = url.update_query_dict({"connect_timeout": str(CONNECT_SECONDS)})
    return Database(url.render_as_string(hide_password=False))


def database_lines(database: Database) -> Iterator[CheckLine]:
    """Bad is what keeps anything else from being read."""
    if database.is_sqlite:
        yield from _file_lines(Path(str(database.url.database)))
    where = database.url.set(query={}).render_as_string(hide_password=True)
    try:
        revision, newest = current_revision(database), newest_revision()
    except Unavailable as refusal:
        yield refused(refusal, f"Does the server of {where} run, and is PACKISTRY_DATABASE_URL right?")
        return
    if revision is None:
        yield bad(f"The database {where} is empty: the next start makes its tables, or restore a backup first.")
    elif revision < newest:
        yield bad(f"The database is at revision {revision} and {newest} is needed: `packistry db upgrade`.")
    elif revision > newest:
        yield bad(f"The database is at revision {revision}, newer than this Packistry knows ({newest}): upgrade it.")
    else:
        yield good(f"The database {where} answers, at revision {revision}.")


def clock_lines(database: Database) -> Iterator[CheckLine]:
    """Whether the time of day can be right."""
    moment = clock.now()
    with database.read() as session:
        last, theirs = last_line_at(session), server_clock(session)
    if last is not None and (last - moment).total_seconds() > CLOCK_SECONDS:
        yield bad(
            f"The clock of this machine is wrong: it is {moment:%Y-%m-%d %H:%M} UTC, and the audit log ends at "
            f"{last:%Y-%m-%d %H:%M}. Tokens expire and hosts are waited for by it: set it, and start again."
        )
    elif theirs is not None and abs((theirs - moment).total_seconds()) > CLOCK_SECONDS:
        yield warning(
            f"This machine and the database differ by {abs((theirs - moment).total_seconds()):.0f} s: set both clocks "
            "by NTP."
        )


def _file_lines(path: Path) -> Iterator[CheckLine]:
    """Of an SQLite file. Opened read-only and without our engine, which would put the journal right by looking."""
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=1)
    try:
        [mode] = connection.execute("PRAGMA journal_mode").fetchone()
        if mode != "wal":
            yield warning(f"The journal of {path} is {mode} and not wal: another program changed it. Start again.")
        deadline = time.monotonic() + READ_SECONDS
        connection.set_progress_handler(lambda: time.monotonic() > deadline, STEPS)
        damage = connection.execute("PRAGMA quick_check(3)").fetchall()
    except sqlite3.OperationalError as fault:
        if "interrupted" not in str(fault):
            raise
        yield good(f"{path} is larger than {READ_SECONDS:.0f} s can read: `packistry db check` reads all of it.")
        return
    finally:
        connection.close()
    broken = [str(line) for [line] in damage if line != "ok"]
    if broken:
        yield bad(f"The database is damaged: {'; '.join(broken)}. Stop the server and restore a backup.")
    else:
        yield good(f"{path} is whole.")
