"""What background work is: jobs, their kinds, and schedules. Knows neither the engine nor what the work does.

`House` stands for whatever the work is given; this room only hands it on.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar

from packistry import clock
from packistry.db.engine import Database

HouseT = TypeVar("HouseT")

# How long the engine remembers what was done. A schedule must come round sooner, or it would be done again too early.
KEPT: Final = timedelta(days=3)
LONGEST_INTERVAL: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Job:
    """One thing to do. `key` names it in the whole house ("import:42"): one key is never worked on twice at once.

    Long work looks at `stopping` between two steps and returns when it is set: what is still due is found again.
    """

    key: str
    ids: tuple[int, ...] = ()
    stopping: threading.Event = field(default_factory=threading.Event, repr=False, compare=False)


# No slots: with them `Kind[House](...)` fails, because a frozen class then refuses in a way typing does not expect.
@dataclass(frozen=True, kw_only=True)
class Kind(Generic[HouseT]):
    """One kind of work, and how its jobs are found.

    `find_due` says, most urgent first, what the rows want done now; what is being done already may be among it, so it
    tells of more jobs than may run at once. `work` does a job and leaves the rows so that it is no longer due; it may
    be called again for a job that was half done, or just done, and looks at the rows first. A job that is still due
    after it was done is done again, after a fault with growing pauses.

    `priority`: lower is sooner, of all kinds. `concurrency`: how many of the kind a process does at once.
    `give_up`, told the last fault, is called instead of `work` after `tries` faults, to say so in the rows.
    With `once`, a key that was done is not done again, however often it is found.
    """

    name: str
    find_due: Callable[[Database], Sequence[Job]]
    work: Callable[[HouseT, Job], None]
    priority: int = 100
    concurrency: int = 1
    give_up: Callable[[HouseT, Job, str], None] | None = None
    tries: int = 3
    once: bool = False


@dataclass(frozen=True)
class Schedule(Generic[HouseT]):
    """Work done at an interval, each round by one process only; missed rounds are made up by one.

    Rounds are counted from 1970, so that all processes count the same ones. None begins while the one before is going
    on in the same process.
    """

    name: str
    every: timedelta
    work: Callable[[HouseT], None]

    def __post_init__(self) -> None:
        assert timedelta(0) < self.every <= LONGEST_INTERVAL, f"{self.name}: the interval must be a day or less"


def kind_of(schedule: Schedule[HouseT]) -> Kind[HouseT]:
    """The schedule as a kind: its job is the present round, due once."""

    def find_due(_: Database) -> Sequence[Job]:
        return [Job(f"{schedule.name}:{_round(clock.now(), schedule.every)}")]

    def work(house: HouseT, _: Job) -> None:
        schedule.work(house)

    return Kind(name=schedule.name, find_due=find_due, work=work, once=True)


def _round(moment: datetime, every: timedelta) -> int:
    return int(moment.timestamp() // every.total_seconds())
