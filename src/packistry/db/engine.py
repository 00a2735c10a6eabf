"""Connections and scopes: `read()` and `write()`, on SQLite and PostgreSQL alike.

The two kinds of session are different types, so that a signature says whether a function may write. A write scope
commits at its end, and raises the generation as the last thing it does when it told readers of a change.
"""

import threading
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from sqlite3 import Connection as SQLiteConnection
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from packistry.db.changes import ChangeKey
from packistry.db.generation import announce
from packistry.errors import Refusal, StorageFull, Unavailable

if TYPE_CHECKING:
    # Slow to import, and never needed on SQLite.
    import psycopg

# Sync work runs in this many threads of a process, and each may hold one connection.
THREADS: Final = 16
# How long a writer waits for one in another process. SQLite's own wait is not fair, hence so long.
SQLITE_BUSY_SECONDS: Final = 30
# PostgreSQL's codes (SQLSTATE), or how they begin.
_DISK_FULL: Final = "53100"
# Deadlocks and the like: the same again will do.
_COLLISIONS: Final = "40"
# Lost connections, a server that stops or starts, and one that takes no more connections.
_GONE: Final = ("08", "57P", "53300")


class ReadSession(Session):
    """A session that may only read: the connection itself refuses to write."""


class WriteSession(ReadSession):
    """A session that may write. Say what readers must forget with `changed`; it is told to them with the commit."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.changed_keys: set[ChangeKey] = set()

    def changed(self, *keys: ChangeKey) -> None:
        """Readers in every process drop what they keep under these keys, before their next answer."""
        self.changed_keys.update(keys)


class Database:
    """One database, opened. Thread-safe; make one per process and `dispose` of it at the end."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._reader = self._open(writable=False)
        self._writer = self._open(writable=True) if self.is_sqlite else self._reader
        self._read_sessions = sessionmaker(self._reader, class_=ReadSession, expire_on_commit=False)
        self._write_sessions = sessionmaker(self._writer, class_=WriteSession, expire_on_commit=False)
        # SQLite has one writer. Threads that wait here are served in turn; those that wait inside SQLite are not.
        self._write_lock = threading.Lock() if self.is_sqlite else nullcontext()

    @contextmanager
    def read(self) -> Generator[ReadSession]:
        """A snapshot: all reads of the scope see one state. Never keep it open across the network."""
        with _refusing_faults(), self._read_sessions() as session:
            if not self.is_sqlite:
                session.connection(
                    execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
                )
            yield session

    @contextmanager
    def write(self) -> Generator[WriteSession]:
        """One transaction, committed at the end of the scope and rolled back by any exception."""
        with _refusing_faults(), self._write_lock, self._write_sessions() as session:
            yield session
            session.flush()
            if session.changed_keys:
                announce(session, session.changed_keys)
            session.commit()

    @property
    def engine(self) -> Engine:
        """The engine that may write, for migrations."""
        return self._writer

    def dispose(self) -> None:
        self._reader.dispose()
        self._writer.dispose()

    def _open(self, *, writable: bool) -> Engine:
        if not self.is_sqlite:
            engine = create_engine(self.url, pool_size=THREADS, max_overflow=0, pool_pre_ping=True)
            event.listen(engine, "connect", _use_utc)
            return engine
        _make_folder(Path(str(self.url.database)).parent)
        size = 1 if writable else THREADS
        engine = create_engine(self.url, pool_size=size, max_overflow=0, connect_args={"timeout": SQLITE_BUSY_SECONDS})
        _set_up_sqlite(engine, writable=writable)
        return engine


@contextmanager
def _refusing_faults() -> Generator[None]:
    """Turns what a database that is full, busy or gone answers into a refusal; any other fault goes on."""
    try:
        yield
    except DBAPIError as fault:
        refusal = _refusal(fault)
        if refusal is None:
            raise
        raise refusal from fault


def _refusal(fault: DBAPIError) -> Refusal | None:
    # PostgreSQL's code: "" for SQLite, None for a connection that was lost or could not be made.
    state: str | None = getattr(fault.orig, "sqlstate", "")
    code = state or ""
    sentence = str(fault.orig)
    if code == _DISK_FULL or "database or disk is full" in sentence:
        return StorageFull(
            "There is no room left for the database, and nothing was changed: ask the administrator to free space."
        )
    if code.startswith(_COLLISIONS) or "database is locked" in sentence:
        return Unavailable("The database is busy with another process; try again in a moment.")
    gone = isinstance(fault, OperationalError) and state is None
    if fault.connection_invalidated or gone or code.startswith(_GONE):
        return Unavailable("The database does not answer; try again in a moment, then tell an administrator.")
    return None


def _use_utc(connection: "psycopg.Connection[Any]", _: object) -> None:
    """Moments are read back in the session's zone, in which one of the first or last years may be outside Python's.

    As a statement: connection poolers refuse options they do not know.
    """
    connection.execute("SET timezone TO 'UTC'")
    connection.commit()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise Unavailable(f"The database's folder {folder} cannot be made: {fault.strerror}.") from fault


def _set_up_sqlite(engine: Engine, *, writable: bool) -> None:
    """Pragmas of each new connection, and transactions that begin as what they are."""

    def before_connect(*_: object) -> None:
        # Hashes of passwords and tokens are in it: for the owner alone, whatever the folder's mode and the umask.
        # SQLite gives the files beside it the same mode. One that is there keeps its own.
        if engine.url.database and not (file := Path(engine.url.database)).exists():
            file.touch(mode=0o600)

    def on_connect(connection: SQLiteConnection, _: object) -> None:
        # The driver's own implicit BEGIN comes too late for reads and is deferred for writes: two writers that both
        # began by reading then fail instead of waiting. We begin ourselves.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        if not writable:
            connection.execute("PRAGMA query_only = ON")
            # Each thread has its own page cache, and the system keeps the pages too: with SQLite's 2 MB for each a busy
            # worker weighs 16 MB more and reads no faster.
            connection.execute("PRAGMA cache_size = -500")

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writable else "BEGIN")

    event.listen(engine, "do_connect", before_connect)
    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
