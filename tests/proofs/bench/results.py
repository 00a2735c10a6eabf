"""What came out: rows of a table, and the page in docs/ that holds the last one."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from tests.tools import ROOT

PAGE: Final = ROOT / "docs" / "benchmarks.md"
MARKED: Final = re.compile(r"(?<=<!-- last run -->\n).*(?=<!-- end of last run -->)", re.DOTALL)


@dataclass(frozen=True)
class Result:
    """One row: what was measured, and whether that reaches the target, where there is one."""

    case: str
    measured: str
    target: str = ""
    reached: bool | None = None
    detail: str = ""

    @property
    def verdict(self) -> str:
        return "" if self.reached is None else "reached" if self.reached else "**missed**"


def at_least(case: str, value: float, target: float, detail: str, *, unit: str = "") -> Result:
    """A share or a speed that should not be smaller."""
    digits = 2 if not unit else 0
    return Result(case, f"{value:.{digits}f}{unit}", f"≥ {target:.{digits}f}{unit}", value >= target, detail)


def at_most(case: str, value: float, target: float, detail: str, *, unit: str = "") -> Result:
    """A cost that should not be larger."""
    digits = 2 if not unit else 0
    return Result(case, f"{value:.{digits}f}{unit}", f"≤ {target:.{digits}f}{unit}", value <= target, detail)


def table(results: Iterable[Result]) -> str:
    """The rows as a Markdown table."""
    rows = [("Case", "Measured", "Target", "", "Beside it")]
    rows += [(row.case, row.measured, row.target, row.verdict, row.detail) for row in results]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|---|---|---|---|---|", *lines[1:]])


def write_page(results: Sequence[Result], command: str, moment: str, circumstances: str) -> None:
    """Puts the table of this run into the page."""
    run = f"`{command}`, {moment}; {circumstances}.\n\n{table(results)}\n"
    page, count = MARKED.subn(lambda _: run, PAGE.read_text())
    assert count == 1, f"{PAGE.name} has lost the marks between which the table stands"
    PAGE.write_text(page)
