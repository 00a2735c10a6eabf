"""Who works here: the one process on SQLite, the many on PostgreSQL, and whether one of them still lives.

On SQLite a lock on a file in the data folder; on PostgreSQL an advisory lock that each process holds over a connection
of its own. Both end with the process, however it ends.
"""

import fcntl
import os
import random
import threading
import zlib
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import psycopg
import structlog
from sqlalchemy import URL

from packistry.errors import Unavailable
from packistry.jobs.presence import LIVES

# As LIVES, for keys of jobs.
KEYS: Final = 7_225_479
PREFIX: Final = "executor-"
NUMBERS: Final = 2**31 - 1
PING_SECONDS: Final = 1.0
WAIT_SECONDS: Final = 0.2
# The client notices a lost connection before the server does, so it has ended when another takes its work over.
CLIENT_TIMEOUT_MILLISECONDS: Final = 5_000
SERVER_KEEPALIVE: Final = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3"
EXIT_LOST: Final = 1

log = structlog.get_logger(__name__)


@contextmanager
def held_file(path: Path, *, is_told_to_stop: Callable[[], bool], wait: Callable[[float], object]) -> Generator[bool]:
    """Holds the lock on a file, and waits while another process does; False when told to stop meanwhile."""
    with path.open("a+") as file:
        if not _lock(file.fileno()):
            file.seek(0)
            holder = file.read().strip() or "unknown"
            sentence = f"Another jobs process (pid {holder}) works in this data folder; waiting until it ends."
            log.warning("jobs.waiting", sentence=sentence, holder=holder)
            while not is_told_to_stop() and not _lock(file.fileno()):
                wait(WAIT_SECONDS)
        if is_told_to_stop():
            yield False
            return
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield True


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class Lives:
    """The signs of life in one PostgreSQL database: our own, held until `close`, and a look at those of others."""

    def __init__(self, url: URL) -> None:
        self._connection = _connect(url)
        self._number = self._first_free_number()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch_our_own, name="life", daemon=True)
        self._thread.start()

    @property
    def executor(self) -> str:
        """The name of this process for the engine, which no other process has while it lives."""
        return f"{PREFIX}{self._number}"

    def close(self) -> None:
        self._closing.set()
        self._thread.join()
        self._connection.close()

    @contextmanager
    def if_dead(self, executor: str) -> Generator[bool]:
        """Whether it has ended. While the block lasts nobody else is told so."""
        number = executor.removeprefix(PREFIX)
        if executor == self.executor or not number.isdecimal():
            yield False
            return
        with self._tried(LIVES, int(number)) as is_dead:
            yield is_dead

    @contextmanager
    def alone(self, key: str) -> Generator[bool]:
        """Whether no other process is at this place with this key, or one that looks the same."""
        with self._tried(KEYS, zlib.crc32(key.encode()) & NUMBERS) as is_alone:
            yield is_alone

    @contextmanager
    def _tried(self, room: int, number: int) -> Generator[bool]:
        got = self._ask("SELECT pg_try_advisory_lock(%s, %s)", room, number)
        try:
            yield got
        finally:
            if got:
                self._ask("SELECT pg_advisory_unlock(%s, %s)", room, number)

    def _first_free_number(self) -> int:
        while True:
            number = random.randint(1, NUMBERS)  # noqa: S311 it need not be secret, only free
            if self._ask("SELECT pg_try_advisory_lock(%s, %s)", LIVES, number):
                return number

    def _ask(self, statement: str, *numbers: int) -> bool:
        row = self._connection.execute(statement.encode(), numbers).fetchone()
        return bool(row and row[0])

    def _watch_our_own(self) -> None:
        """Ends the process when its sign of life is lost: another one takes its work over in a moment."""
        while not self._closing.wait(PING_SECONDS):
            try:
                self._connection.execute("SELECT 1")
            except psycopg.Error as fault:
                reason = str(fault).strip()
                log.critical("jobs.lost_database", reason=reason)
                os._exit(EXIT_LOST)


def _connect(url: URL) -> "psycopg.Connection[Any]":
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        connection = psycopg.connect(address, autocommit=True, tcp_user_timeout=CLIENT_TIMEOUT_MILLISECONDS)
    except psycopg.Error as fault:
        where = url.render_as_string(hide_password=True)
        raise Unavailable(f"The database {where} cannot be opened: {str(fault).strip()}") from fault
    # Not over a socket of the system's own.
    with suppress(psycopg.Error):
        connection.execute(SERVER_KEEPALIVE)
    return connection
