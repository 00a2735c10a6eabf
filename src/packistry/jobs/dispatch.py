"""Matching what is due with who is free: each look asks the kinds, most urgent first, and begins as much as may run.

What waits stays in the rows, never in the engine: so a push that comes now is begun before a rebuild that came earlier.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Generic

import structlog

from packistry import clock
from packistry.db.engine import Database
from packistry.errors import Refusal
from packistry.jobs.engine import JobEngine, Memory, Order, State
from packistry.jobs.kinds import HouseT, Job, Kind

# A kind whose rows cannot be read is left alone for this long, then twice as long, at most so long.
UNREADABLE_SECONDS: Final = 1.0
MOST_UNREADABLE_SECONDS: Final = 30.0
_NEVER: Final = datetime.max.replace(tzinfo=UTC)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the jobs process waits, in seconds, and how much it looks at. Tests hurry."""

    look: float = 0.2
    # Whoever says due of what was just done read its rows before, or has a bug that must not spin.
    again: float = 1.0
    # After the first fault; each further one makes it four times as long.
    fault: float = 5.0
    most_fault: float = 300.0
    # Between two looks for dead executors; one must be found dead twice.
    watch: float = 2.0
    # What may still run after the process was told to stop.
    stop: float = 10.0
    # Due jobs of a kind that one look asks the engine about.
    candidates: int = 200


class Running:
    """What runs in this process, by kind. Thread-safe."""

    def __init__(self) -> None:
        self._kinds: dict[str, str] = {}
        self._changed = threading.Condition()

    def add(self, key: str, kind: str) -> None:
        with self._changed:
            self._kinds[key] = kind

    def remove(self, key: str) -> None:
        with self._changed:
            self._kinds.pop(key, None)
            self._changed.notify_all()

    def keys(self) -> set[str]:
        with self._changed:
            return set(self._kinds)

    def count(self, kind: str | None = None) -> int:
        """How many run of this kind, or of all."""
        with self._changed:
            return sum(kind in (None, running) for running in self._kinds.values())

    def wait_for_change(self, seconds: float) -> None:
        """Returns when something ended, or after so long."""
        with self._changed:
            self._changed.wait(seconds)


class Dispatcher(Generic[HouseT]):
    """One per process. `look` is called again and again by one thread; `run` by the engine, in a thread per job."""

    def __init__(
        self,
        house: HouseT,
        database: Database,
        kinds: Sequence[Kind[HouseT]],
        *,
        at_once: int,
        alone: Callable[[str], AbstractContextManager[bool]],
        pace: Pace,
    ) -> None:
        self.running = Running()
        self.stopping = threading.Event()
        self._house = house
        self._database = database
        self._kinds = {kind.name: kind for kind in sorted(kinds, key=lambda kind: kind.priority)}
        self._at_once = at_once
        self._alone = alone
        self._pace = pace
        # Keys that are found again and again though they are not to be done again yet: the engine is not asked of them
        # each time, and however many they are, they keep no other from being looked at.
        self._resting: dict[str, dict[str, datetime]] = {name: {} for name in self._kinds}
        self._unreadable: dict[str, _Unreadable] = {}

    def look(self, engine: JobEngine) -> None:
        """Begins what is due and may run."""
        for kind in self._kinds.values():
            room = self._room(kind)
            if room > 0:
                self._look_at(engine, kind, room)

    def run(self, order: Order) -> str:
        """Does a job; returns its fault in a line, or "". Never raises: other jobs go on whatever happens here."""
        self.running.add(order.key, order.kind)
        try:
            return self._done(order)
        finally:
            self.running.remove(order.key)

    def _room(self, kind: Kind[HouseT]) -> int:
        return min(kind.concurrency - self.running.count(kind.name), self._at_once - self.running.count())

    def _look_at(self, engine: JobEngine, kind: Kind[HouseT], room: int) -> None:
        looked_at = clock.now()
        running = self.running.keys()
        found = [job for job in self._due(kind) if job.key not in running]
        before = self._resting[kind.name]
        resting = {job.key: before[job.key] for job in found if before.get(job.key, looked_at) > looked_at}
        self._resting[kind.name] = resting
        candidates = [job for job in found if job.key not in resting][: self._pace.candidates]
        memories = engine.memories([job.key for job in candidates])
        for job in candidates:
            memory = memories.get(job.key)
            if room > 0 and self._is_to_do(kind, job, memory, looked_at):
                room -= self._begin(engine, kind, job, memory)

    def _due(self, kind: Kind[HouseT]) -> Sequence[Job]:
        """What the rows of a kind say; nothing while they cannot be read, which must not stop other kinds."""
        unreadable = self._unreadable.get(kind.name)
        if unreadable is not None and time.monotonic() < unreadable.until:
            return ()
        try:
            jobs = kind.find_due(self._database)
        except Refusal as refusal:
            log.warning("jobs.look_failed", kind=kind.name, reason=refusal.sentence)
        except Exception:
            log.exception("jobs.look_failed", kind=kind.name)
        else:
            self._unreadable.pop(kind.name, None)
            return jobs
        self._unreadable[kind.name] = _Unreadable.after(unreadable)
        return ()

    def _is_to_do(self, kind: Kind[HouseT], job: Job, memory: Memory | None, looked_at: datetime) -> bool:
        if memory is None:
            return True
        if memory.state is State.ACTIVE or memory.ended_at is None:
            return False
        rests_until = _NEVER if kind.once else memory.ended_at + self._pause(memory)
        if rests_until <= looked_at:
            return True
        self._resting[kind.name][job.key] = rests_until
        return False

    def _pause(self, memory: Memory) -> timedelta:
        if memory.faults == 0:
            return timedelta(seconds=self._pace.again)
        # Past ten it is the longest anyway, and larger powers would be past any float.
        seconds = self._pace.fault * 4 ** min(memory.faults - 1, 10)
        return timedelta(seconds=min(seconds, self._pace.most_fault))

    def _begin(self, engine: JobEngine, kind: Kind[HouseT], job: Job, memory: Memory | None) -> bool:
        order = Order(kind.name, job.key, job.ids)
        self.running.add(job.key, kind.name)
        if memory is None:
            begun = engine.begin(order)
        else:
            order = replace(order, faults=memory.faults, fault=memory.fault)
            begun = engine.begin_again(order, self._alone(job.key))
        if not begun:
            # Another process was faster.
            self.running.remove(job.key)
        return begun

    def _done(self, order: Order) -> str:
        kind = self._kinds.get(order.kind)
        if kind is None:
            # Begun by a release that knew it.
            log.warning("job.unknown", job=order.key, kind=order.kind)
            return ""
        if self.stopping.is_set():
            # Taken up by the engine at the last moment. It is due still, and found by whoever comes next.
            return ""
        started = time.monotonic()
        try:
            self._do(kind, order)
        except Refusal as refusal:
            log.warning("job.failed", job=order.key, kind=order.kind, faults=order.faults + 1, reason=refusal.sentence)
            return refusal.sentence
        except Exception as fault:
            # The door of background work: told once, and tried again later.
            log.exception("job.failed", job=order.key, kind=order.kind, faults=order.faults + 1)
            return f"{type(fault).__name__}: {fault}".partition("\n")[0]
        duration = round((time.monotonic() - started) * 1000)
        log.info("job.done", job=order.key, kind=order.kind, duration_ms=duration)
        return ""

    def _do(self, kind: Kind[HouseT], order: Order) -> None:
        job = Job(order.key, order.ids, self.stopping)
        if kind.give_up is not None and order.faults >= kind.tries:
            kind.give_up(self._house, job, order.fault)
        else:
            kind.work(self._house, job)


@dataclass(frozen=True, slots=True)
class _Unreadable:
    until: float
    seconds: float

    @classmethod
    def after(cls, before: "_Unreadable | None") -> "_Unreadable":
        seconds = min(before.seconds * 2, MOST_UNREADABLE_SECONDS) if before else UNREADABLE_SECONDS
        return cls(time.monotonic() + seconds, seconds)
