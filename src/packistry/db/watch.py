"""Watching the generation: whoever keeps something in memory is told, before each answer, what to forget.

On SQLite the look is one prepared select on a plain connection (5 microseconds); on PostgreSQL the requests that wait
together share one. Either way a request's look begins after the request came, so what was committed before is seen.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from typing import Any, Final, Protocol

import asyncpg
from sqlalchemy import URL, select
from sqlalchemy.orm import Session

from packistry.db.changes import ChangeKey
from packistry.db.engine import Database
from packistry.db.models import Generation
from packistry.errors import Unavailable

NUMBER: Final = "SELECT number FROM generation WHERE id = 1"
FLOOR: Final = "SELECT floor FROM generation WHERE id = 1"
CHANGES: Final = "SELECT key FROM changes WHERE number > {}"


# asyncpg comes without types.
_untyped: Any = asyncpg
# What a look over a connection may end with. The last is asyncpg's own confusion over one that ends while it asks.
_LOST: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class Forgetful(Protocol):
    """Something that keeps copies of rows."""

    def forget(self, changes: Sequence[ChangeKey] | None, generation: int) -> None:
        """Drops what depends on these changes (None: everything), which were made up to this generation."""
        ...


class Watcher(Protocol):
    """One per worker. `number` is the generation up to which everything was told."""

    number: int

    async def look(self) -> None:
        """Tells every subscriber what changed since the last look. Refuses with Unavailable when it cannot know."""
        ...

    async def close(self) -> None: ...


def current_generation(session: Session) -> int:
    """The generation of this session's snapshot: a copy made from it is good if no higher one was told meanwhile."""
    return session.execute(select(Generation.number)).scalar_one()


def watch(database: Database, subscribers: Sequence[Forgetful]) -> Watcher:
    """The watcher of this database. The first look tells everybody to forget everything."""
    if database.is_sqlite:
        return SQLiteWatcher(str(database.url.database), subscribers)
    return PostgreSQLWatcher(database.url, subscribers)


class SQLiteWatcher:
    """Looks with a plain `sqlite3` connection on the event loop: handing over to a thread would cost ten times more."""

    def __init__(self, path: str, subscribers: Sequence[Forgetful]) -> None:
        self.number = -1
        self._subscribers = subscribers
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA query_only = ON")
        self._cursor = self._connection.cursor()

    async def look(self) -> None:
        try:
            number = self._cursor.execute(NUMBER).fetchone()[0]
            if number != self.number:
                self._catch_up(number)
        except sqlite3.OperationalError as fault:
            raise Unavailable("The database cannot be read at this moment; try again.") from fault

    async def close(self) -> None:
        self._connection.close()

    def _catch_up(self, number: int) -> None:
        keys = [ChangeKey(key) for (key,) in self._connection.execute(CHANGES.format("?"), (self.number,))]
        [floor] = self._connection.execute(FLOOR).fetchone()
        # A number that went back is a database restored from a copy.
        lost = self.number < floor or number < self.number
        _tell(self._subscribers, None if lost else keys, number)
        self.number = number


class PostgreSQLWatcher:
    """Looks with one asyncpg connection. A look that is under way began too early for those who come now."""

    def __init__(self, url: URL, subscribers: Sequence[Forgetful]) -> None:
        self.number = -1
        self._target = _target(url)
        self._subscribers = subscribers
        self._connection: Any = None
        self._prepared: Any = None
        self._one_at_a_time = asyncio.Lock()
        # The look that has not begun yet; all who come before it begins share it.
        self._next: asyncio.Task[None] | None = None

    async def look(self) -> None:
        if self._next is None:
            self._next = asyncio.create_task(self._begin_when_free())
        # Shielded: one client that hangs up must not take the look away from the others.
        await asyncio.shield(self._next)

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def _begin_when_free(self) -> None:
        async with self._one_at_a_time:
            self._next = None
            try:
                await self._one_look()
            except _LOST as fault:
                if self._connection is not None:
                    self._connection.terminate()
                    self._connection = None
                raise Unavailable("The database does not answer; try again in a moment.") from fault

    async def _one_look(self) -> None:
        if self._connection is None or self._connection.is_closed():
            self._connection = await _untyped.connect(**self._target, timeout=5, command_timeout=10)
            self._prepared = await self._connection.prepare(NUMBER)
        number = await self._prepared.fetchval()
        if number != self.number:
            await self._catch_up(number)

    async def _catch_up(self, number: int) -> None:
        rows = await self._connection.fetch(CHANGES.format("$1"), self.number)
        floor = await self._connection.fetchval(FLOOR)
        lost = self.number < floor or number < self.number
        _tell(self._subscribers, None if lost else [ChangeKey(row["key"]) for row in rows], number)
        self.number = number


def _target(url: URL) -> dict[str, Any]:
    """What asyncpg is told of the address. The rest of it is libpq's, which asyncpg would send to the server."""
    host, mode = url.host or url.query.get("host"), url.query.get("sslmode")
    named = {"host": host, "port": url.port, "user": url.username, "password": url.password, "ssl": mode}
    return {"database": url.database, **{name: value for name, value in named.items() if value}}


def _tell(subscribers: Sequence[Forgetful], changes: Sequence[ChangeKey] | None, generation: int) -> None:
    for subscriber in subscribers:
        subscriber.forget(changes, generation)
