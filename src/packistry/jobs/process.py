"""The jobs process: looks for due rows until it is told to stop, and lets running work finish for a while then.

On SQLite it is the only one, by a lock on a file in the data folder. On PostgreSQL there may be many; each takes over
what one of them was doing when it ended.
"""

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Final

import structlog

from packistry import clock
from packistry.db.engine import Database
from packistry.errors import Refusal
from packistry.jobs.dispatch import Dispatcher, Pace
from packistry.jobs.engine import JobEngine, Target, sqlite_target
from packistry.jobs.kinds import KEPT, HouseT, Kind
from packistry.jobs.life import Lives, held_file
from packistry.jobs.presence import LOCK_FILE

ENGINE_FILE: Final = "jobs.sqlite3"
# The only executor there is, on SQLite: what the last one left is its own.
ONLY: Final = "only"
FORGET_SECONDS: Final = 3600.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Workplace:
    """Where jobs are done: whose rows say what is due, and how much is done at once."""

    database: Database
    data_dir: Path
    at_once: int
    log_level: str
    pace: Pace = field(default_factory=Pace)


def work_until_told(house: HouseT, kinds: Sequence[Kind[HouseT]], place: Workplace) -> None:
    """Works until SIGTERM, SIGINT or SIGHUP; what does not end in time after that is taken up by the next process."""
    told = _Told()
    with _membership(place, told) as member:
        if member is None:
            return
        dispatcher = Dispatcher(
            house, place.database, kinds, at_once=place.at_once, alone=member.alone, pace=place.pace
        )
        engine = JobEngine(member.target, member.executor, place.at_once, dispatcher.run, place.log_level)
        log.info("jobs.started", executor=member.executor, kinds=[kind.name for kind in kinds])
        _loop(dispatcher, engine, member, place.pace, told)
        _stop(dispatcher, engine, place.pace)


class _Told:
    """Whether a signal told us to stop. A plain flag: a handler must take no lock that the main thread may hold."""

    def __init__(self) -> None:
        self._is_told = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            # Ignored, as under nohup, it stays so.
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._hear)

    def __call__(self) -> bool:
        return self._is_told

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        self._is_told = True


@dataclass(frozen=True, slots=True)
class _Member:
    """This process among those that work here."""

    executor: str
    target: Target
    lives: Lives | None

    def alone(self, key: str) -> AbstractContextManager[bool]:
        return nullcontext(enter_result=True) if self.lives is None else self.lives.alone(key)


@contextmanager
def _membership(place: Workplace, told: Callable[[], bool]) -> Generator[_Member | None]:
    """Our place among the executors; None when told to stop while waiting for it."""
    if not place.database.is_sqlite:
        lives = Lives(place.database.url)
        try:
            yield _Member(lives.executor, Target(place.database.url), lives)
        finally:
            lives.close()
        return
    with held_file(place.data_dir / LOCK_FILE, is_told_to_stop=told, wait=time.sleep) as is_ours:
        yield _Member(ONLY, sqlite_target(place.data_dir / ENGINE_FILE), None) if is_ours else None


def _loop(
    dispatcher: Dispatcher[HouseT], engine: JobEngine, member: _Member, pace: Pace, told: Callable[[], bool]
) -> None:
    watcher = _Watcher(engine, member.lives)
    watch, forget = _Regular(pace.watch, watcher.look), _Regular(FORGET_SECONDS, lambda: _forget(engine))
    while not told():
        try:
            dispatcher.look(engine)
            watch.if_time()
            forget.if_time()
        except Refusal as refusal:
            log.warning("jobs.look_failed", reason=refusal.sentence)
        except Exception:
            # Whatever it is, the next look may do better; a supervisor would only begin the same anew.
            log.exception("jobs.look_failed")
        dispatcher.running.wait_for_change(pace.look)


class _Regular:
    """Calls something when its time has come, first at once."""

    def __init__(self, every_seconds: float, do: Callable[[], None]) -> None:
        self._every_seconds = every_seconds
        self._do = do
        self._next = 0.0

    def if_time(self) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + self._every_seconds
            self._do()


class _Watcher:
    """Looks for executors whose sign of life is gone, and has their work taken up again."""

    def __init__(self, engine: JobEngine, lives: Lives | None) -> None:
        self._engine = engine
        self._lives = lives
        self._suspects: set[str] = set()

    def look(self) -> None:
        if self._lives is None:
            return
        dead: set[str] = set()
        for executor in self._engine.executors():
            with self._lives.if_dead(executor) as is_dead:
                if not is_dead:
                    continue
                # Twice, because one that lost its connection needs a moment to notice and end.
                if executor in self._suspects:
                    log.warning("jobs.taken_over", executor=executor, jobs=self._engine.take_over(executor))
                else:
                    dead.add(executor)
        self._suspects = dead


def _forget(engine: JobEngine) -> None:
    forgotten = engine.forget(clock.now() - KEPT)
    if forgotten:
        log.info("jobs.forgotten", jobs=forgotten)


def _stop(dispatcher: Dispatcher[HouseT], engine: JobEngine, pace: Pace) -> None:
    """Waits for what runs. What runs on then would keep the process from ending, so it is ended over its head."""
    dispatcher.stopping.set()
    deadline = time.monotonic() + pace.stop
    while dispatcher.running.count() and (rest := deadline - time.monotonic()) > 0:
        dispatcher.running.wait_for_change(rest)
    left = sorted(dispatcher.running.keys())
    log.info("jobs.stopped", left=left)
    if left:
        logging.shutdown()
        sys.stdout.flush()
        os._exit(0)
    engine.close()
