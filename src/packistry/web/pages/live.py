"""Progress as it happens: one look at the database for all who watch, told to each by server-sent events.

A stream holds no thread: it waits in the event loop, and the one look runs in a thread twice a second, while anybody
watches. It ends with the work, or after a while, so that whoever watches on is asked anew who they are.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from concurrent.futures import Executor
from contextlib import suppress
from typing import Final, TypeVar

import orjson

from packistry.db.engine import Database
from packistry.errors import Refusal, Unavailable
from packistry.sources.runs import RunProgress, follow_runs
from packistry.web.running import run
from packistry.web.stopping import STOPPING

# Who watches sees twice a second that something went on; at more the eye gains nothing.
LOOK_SECONDS: Final = 0.5
# Proxies cut what is silent, the most impatient ones after 30 s.
SILENT_SECONDS: Final = 15
# An account may be switched off meanwhile: the browser comes back by itself, and is asked anew.
STREAM_SECONDS: Final = 300
# Of one process. Each costs a connection and a few KB; a browser beyond asks every 2 s instead.
MOST_STREAMS: Final = 256
# Of one person: nobody takes all of them away from the others.
MOST_OF_ONE: Final = 24
STREAM_HEADERS: Final = {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    # nginx would gather it until a buffer is full.
    "x-accel-buffering": "no",
    "x-content-type-options": "nosniff",
}

Runs = Mapping[int, RunProgress]
K = TypeVar("K")


class LiveRuns:
    """What all streams of a worker share. Used from its event loop."""

    def __init__(self, database: Database, executor: Executor) -> None:
        self._database = database
        self._executor = executor
        # How many watch each run; None stands for all that are not over.
        self._watched: Counter[int | None] = Counter()
        self._persons: Counter[int] = Counter()
        self._latest: Runs = {}
        self._looked_at: frozenset[int | None] = frozenset()
        self._told: dict[object, asyncio.Event] = {}
        self._looker: asyncio.Task[None] | None = None
        self._one_look = asyncio.Lock()

    def refuse_too_many(self, user_id: int) -> None:
        """Refuses with Unavailable one stream more than there is room for."""
        if self._persons.total() >= MOST_STREAMS or self._persons[user_id] >= MOST_OF_ONE:
            raise Unavailable("As many pages as may be are open and watching; this one looks every 2 seconds instead.")

    async def stream(self, user_id: int, run_id: int | None) -> AsyncGenerator[bytes]:
        """Events about the run, or about all that are open, until they are over."""
        ends = time.monotonic() + STREAM_SECONDS
        told = asyncio.Event()
        self._watched[run_id] += 1
        self._persons[user_id] += 1
        self._told[told] = told
        try:
            # Where it is now is said at once, and again only when it went on.
            await self._join(run_id)
            yield b"retry: 3000\n\n"
            async for event in self._events(run_id, told, ends):
                yield event
        finally:
            del self._told[told]
            _leave(self._watched, run_id)
            _leave(self._persons, user_id)

    async def _events(self, run_id: int | None, told: asyncio.Event, ends: float) -> AsyncGenerator[bytes]:
        before: Runs | None = None
        while time.monotonic() < ends and not STOPPING.is_set():
            told.clear()
            now = _of_interest(self._latest, run_id)
            if now != before:
                yield _event("progress", now)
                before = now
            if all(each.is_over for each in now.values()):
                yield _event("finished", now)
                return
            try:
                await asyncio.wait_for(told.wait(), SILENT_SECONDS)
            except TimeoutError:
                yield b": still here\n\n"

    async def _join(self, run_id: int | None) -> None:
        """Sees to it that the run is looked at: now, if it was not yet, and from now on."""
        async with self._one_look:
            goes_on = self._looker is not None and not self._looker.done()
            if not goes_on or run_id not in self._looked_at:
                await self._look()
            if not goes_on:
                self._looker = asyncio.create_task(self._keep_looking())

    async def _keep_looking(self) -> None:
        while self._watched:
            await asyncio.sleep(LOOK_SECONDS)
            if STOPPING.is_set():
                # A server that stops waits for every answer to end, half a minute at most, before it kills.
                self._wake()
                return
            # A database that is busy or gone is asked again; the streams go on saying that they are there.
            with suppress(Refusal):
                # One at a time: an earlier look that came later would know nothing of who watches since.
                async with self._one_look:
                    await self._look()

    async def _look(self) -> None:
        """Looks at all that is watched, and wakes the streams when something went on."""
        looked_at = frozenset(self._watched)
        runs = [run_id for run_id in looked_at if run_id is not None]
        latest = await run(self._executor, self._read, runs, with_open=None in looked_at)
        self._looked_at = looked_at
        if latest != self._latest:
            self._latest = latest
            self._wake()

    def _wake(self) -> None:
        for told in list(self._told.values()):
            told.set()

    def _read(self, runs: list[int], *, with_open: bool) -> Runs:
        with self._database.read() as session:
            return follow_runs(session, runs, with_open=with_open)


def _of_interest(latest: Runs, run_id: int | None) -> Runs:
    if run_id is None:
        return {each: progress for each, progress in latest.items() if not progress.is_over}
    return {run_id: latest[run_id]} if run_id in latest else {}


def _event(name: str, runs: Runs) -> bytes:
    told = [{"id": each.run_id, "state": each.state, "done": each.done, "total": each.total} for each in runs.values()]
    return b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps(told))


def _leave(counts: Counter[K], key: K) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
