"""Bar charts, drawn here as SVG: no library, no script, no inline style.

The bars are stretched to their box; all words are HTML beside them, so that they keep their size on a phone. A table
with the same numbers is what somebody reads who sees no bars.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

# In units of the drawing: a day, its bar, and the height of the highest.
SLOT: Final = 10.0
BAR: Final = 7.4
HEIGHT: Final = 100.0
MARKS: Final = 7
SATURDAY: Final = 5


@dataclass(frozen=True, slots=True)
class Bar:
    """One day."""

    x: float
    y: float
    height: float
    day: date
    value: int
    weekend: bool

    @property
    def label(self) -> str:
        return f"{self.day:%a} {self.day.day} {self.day:%b %Y}: {self.value}"


@dataclass(frozen=True, slots=True)
class Chart:
    """Days with their numbers, ready to be drawn."""

    bars: Sequence[Bar]
    top: int
    marks: Sequence[str]

    @property
    def width(self) -> float:
        return len(self.bars) * SLOT

    @property
    def total(self) -> int:
        return sum(bar.value for bar in self.bars)

    @property
    def average(self) -> int:
        return round(self.total / len(self.bars))

    @property
    def peak(self) -> str:
        """The best day in words: "421 on 2 Nov"."""
        best = max(self.bars, key=lambda bar: bar.value)
        return f"{best.value} on {best.day.day} {best.day:%b}"


def bar_chart(points: Sequence[tuple[date, int]]) -> Chart:
    """A bar for each day; there is at least one day."""
    top = nice_ceiling(max(value for _, value in points))
    bars = [_bar(at, day, value, top) for at, (day, value) in enumerate(points)]
    days = [points[round(at * (len(points) - 1) / (MARKS - 1))][0] for at in range(MARKS)]
    return Chart(bars, top, [f"{day.day} {day:%b}" for day in days])


def nice_ceiling(value: int) -> int:
    """The next number that people would write on an axis, and whose half is whole."""
    if value <= 4:
        return 4
    magnitude = 10 ** (len(str(value)) - 1)
    return next(step * magnitude for step in (1, 2, 3, 4, 5, 6, 8, 10) if step * magnitude >= value)


def _bar(at: int, day: date, value: int, top: int) -> Bar:
    height = round(value / top * HEIGHT, 2)
    x = round(at * SLOT + (SLOT - BAR) / 2, 2)
    return Bar(x, round(HEIGHT - height, 2), height, day, value, day.weekday() >= SATURDAY)
