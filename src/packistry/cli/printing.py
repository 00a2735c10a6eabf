"""What commands print: one JSON document, or sentences and tables for people, safe in any terminal and pipe."""

import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

# Descriptions come from uploads: an escape sequence in one must not reach the operator's terminal.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_GAP: Final = "  "
_NARROWEST: Final = 8


def make_output_safe() -> None:
    """What the terminal or the pipe has no letter for is written as an escape instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def answer(document: object, lines: Iterable[str], *, as_json: bool) -> None:
    """Prints the document as JSON, or else the lines."""
    if as_json:
        print_json(document)
        return
    for line in lines:
        sys.stdout.write(printable(line) + "\n")


def print_json(document: object) -> None:
    """One document, with two spaces a level and a newline at the end."""
    import orjson

    text = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS)
    sys.stdout.write(text.decode() + "\n")


def say(sentence: str) -> None:
    """One line to the person, beside the answer: on standard error."""
    sys.stderr.write(printable(sentence) + "\n")


def printable(text: str) -> str:
    """The text without what a terminal would obey."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def moment(value: datetime | None, otherwise: str = "-") -> str:
    """A moment in UTC to the minute."""
    return otherwise if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M}"


def facts(rows: Iterable[tuple[str, object]]) -> Iterator[str]:
    """Lines "name: value" with the values below each other."""
    kept = list(rows)
    width = max(len(name) for name, _ in kept)
    for name, value in kept:
        yield f"{name + ':':<{width + 1}} {value}".rstrip()


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> Iterator[str]:
    """Columns below headers, or the sentence `empty`. On a terminal wide cells are folded, in a pipe never."""
    cells = [[printable(str(cell)) for cell in row] for row in rows]
    if not cells:
        yield empty
        return
    widths = [max(1, *(len(row[at]) for row in [list(headers), *cells])) for at in range(len(headers))]
    if sys.stdout.isatty():
        widths = _fitting(widths, shutil.get_terminal_size().columns)
    yield from _row(headers, widths)
    for row in cells:
        yield from _row(row, widths)


def _fitting(widths: Sequence[int], room: int) -> list[int]:
    """The widths, the widest made smaller until all fit."""
    fitted = list(widths)
    excess = sum(fitted) + len(_GAP) * (len(fitted) - 1) - room
    while excess > 0 and max(fitted) > _NARROWEST:
        fitted[fitted.index(max(fitted))] -= 1
        excess -= 1
    return fitted


def _row(cells: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    folded = [
        textwrap.wrap(cell, width, break_on_hyphens=False) or [""] for cell, width in zip(cells, widths, strict=True)
    ]
    for at in range(max(len(lines) for lines in folded)):
        parts = [lines[at] if at < len(lines) else "" for lines in folded]
        yield _GAP.join(f"{part:<{width}}" for part, width in zip(parts, widths, strict=True)).rstrip()
