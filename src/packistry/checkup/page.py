"""The whole page: every part is looked at, whatever is wrong with the others, and nothing is changed by looking."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from packistry.checkup.configuration import address_lines, key_lines, setting_lines
from packistry.checkup.database import clock_lines, database_lines, opened_to_look
from packistry.checkup.imports import import_lines
from packistry.checkup.machine import disk_lines, program_lines
from packistry.errors import Refusal
from packistry.findings import CheckLine, Finding, bad, refused
from packistry.settings import Settings, load_settings


@dataclass(frozen=True, slots=True)
class Found:
    """One line of the page, and the part it belongs to."""

    topic: str
    finding: Finding
    sentence: str


def look() -> list[Found]:
    """Everything that was found, the worst first. Without good settings nothing else can be looked at."""
    try:
        settings = load_settings()
    except Refusal as refusal:
        return [Found("settings", Finding.BAD, refusal.sentence)]
    return look_with(settings)


def look_with(settings: Settings) -> list[Found]:
    """The same with settings that were read already."""
    order = list(reversed(Finding))
    return sorted(_parts(settings), key=lambda found: order.index(found.finding))


def _parts(settings: Settings) -> Iterator[Found]:
    yield from _told("settings", lambda: setting_lines(settings))
    yield from _told("disk", lambda: disk_lines(settings))
    try:
        database = opened_to_look(settings)
    except Refusal as refusal:
        yield Found("database", Finding.BAD, refusal.sentence)
        return
    try:
        found = [*_told("database", lambda: database_lines(database))]
        yield from found
        # A database that does not answer, or of another schema, tells nothing more.
        if any(each.finding is Finding.BAD for each in found):
            return
        yield from _told("clock", lambda: clock_lines(database))
        yield from _told("settings", lambda: address_lines(settings, database))
        yield from _told("secrets", lambda: key_lines(settings, database))
        yield from _told("programs", lambda: program_lines(database))
        yield from _told("imports", lambda: import_lines(settings, database))
    finally:
        database.dispose()


def _told(topic: str, look_at: Callable[[], Iterable[CheckLine]]) -> Iterator[Found]:
    lines: list[CheckLine] = []
    try:
        lines.extend(look_at())
    except Refusal as refusal:
        lines.append(refused(refusal))
    except Exception as fault:  # noqa: BLE001 a page with a hole says more than a traceback in its place
        first_line = str(fault).partition("\n")[0]
        lines.append(bad(f"This could not be looked at ({type(fault).__name__}: {first_line})."))
    return (Found(topic, line.finding, line.sentence) for line in lines)
