"""The background work of the house: every kind of job and every schedule, in one list.

Light to import: `serve` asks it whether there is anything to do at all.
"""

from typing import Final

from packistry.house import House
from packistry.jobs.kinds import Kind, Schedule, kind_of

KINDS: Final[tuple[Kind[House], ...]] = ()
SCHEDULES: Final[tuple[Schedule[House], ...]] = ()


def all_kinds() -> tuple[Kind[House], ...]:
    """The kinds, with those that the schedules are."""
    return (*KINDS, *(kind_of(schedule) for schedule in SCHEDULES))
