"""Background work, sources, hooks and imports: what stands still, and what soon will."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from packistry import clock
from packistry.db.engine import Database, ReadSession
from packistry.findings import CheckLine, bad, good, warning
from packistry.jobs.presence import count_working
from packistry.providers.checks import EXPIRES_SOON
from packistry.settings import Settings
from packistry.sources.health import (
    LATELY,
    SourceHealth,
    Trouble,
    failed_runs,
    hook_counts,
    hook_troubles,
    import_health,
    project_troubles,
    rule_troubles,
    source_health,
)
from packistry.sources.states import HookStatus

# What may stand in a row behind others on a busy day.
LATE: Final = timedelta(minutes=10)
# Projects are looked at each quarter of an hour.
SILENT: Final = timedelta(hours=2)
# A page is for looking at; commands list the rest.
MOST: Final = 5


def import_lines(settings: Settings, database: Database) -> Iterator[CheckLine]:
    """Everything about what arrives by itself."""
    working = count_working(database, settings.data_dir)
    with database.read() as session:
        sources = source_health(session)
        yield from _jobs(session, working, matters=bool(sources))
        for source in sources:
            yield from _source(source)
        if sources:
            yield good(f"{len(sources)} sources, {sum(source.projects for source in sources)} projects.")
        yield from _several(project_troubles(session, MOST + 1), "project {}: {}", "packistry project list")
        yield from _several(rule_troubles(session, MOST + 1), "{}: {}", "packistry rule list")
        yield from _several(failed_runs(session, MOST + 1), "{} failed: {}", "packistry import list")
        yield from _hooks(session)


def _jobs(session: ReadSession, working: int, *, matters: bool) -> Iterator[CheckLine]:
    if not working:
        sentence = (
            "No jobs process lives: nothing is imported, swept or looked after. Is `packistry serve` running, or "
            "`packistry worker`? Its log tells why it ended (jobs.died)."
        )
        yield bad(sentence) if matters else warning(sentence)
    else:
        yield good(f"{working} jobs process{'' if working == 1 else 'es'} at work.")
    health = import_health(session)
    if health.due_since is not None and clock.now() - health.due_since > LATE:
        waits = _spoken(clock.now() - health.due_since)
        yield bad(
            f"An import waits for {waits} though nothing is in its way: `packistry import list --open` shows what "
            "runs, and the log of the jobs process what it does."
        )
    elif health.runs:
        yield good(f"Imports: {', '.join(f'{count} {state}' for state, count in sorted(health.runs.items()))}.")


def _source(source: SourceHealth) -> Iterator[CheckLine]:
    name, ends = source.name, source.credential_expires_at
    if source.credential_refused is not None:
        yield bad(f"{name}: {source.credential_refused}")
    elif ends is not None and ends <= clock.now():
        yield bad(f"{name}: its credential ended on {ends:%Y-%m-%d}: `packistry source rotate {name}`.")
    elif ends is not None and ends - clock.now() < EXPIRES_SOON:
        left = _spoken(ends - clock.now())
        yield warning(f"{name}: its credential ends in {left}, on {ends:%Y-%m-%d}: `packistry source rotate {name}`.")
    if source.waits_until is not None and source.waits_until > clock.now():
        yield good(f"{name}: the host asks us to wait until {source.waits_until:%H:%M} UTC; imports go on then.")
    elif source.projects and source.credential_refused is None and _is_silent(source.last_contact_at):
        last = "never" if source.last_contact_at is None else f"{source.last_contact_at:%Y-%m-%d %H:%M} UTC"
        yield warning(f"{name}: its last good answer was {last}: `packistry source test {name}`.")
    if source.refused_delivery_at is not None and clock.now() - source.refused_delivery_at < LATELY:
        yield warning(
            f"{name}: calls of hooks were refused, the last at {source.refused_delivery_at:%H:%M} UTC "
            f"({source.refused_deliveries} in all): somebody else calls, or a hook at the host has another secret."
        )


def _hooks(session: ReadSession) -> Iterator[CheckLine]:
    counts = hook_counts(session)
    if counts:
        yield good(f"Hooks: {', '.join(f'{count} {state}' for state, count in sorted(counts.items()))}.")
    for trouble in hook_troubles(session, MOST, state=HookStatus.FAILING):
        yield warning(f"hook of {trouble.name}: {trouble.reason}")


def _several(troubles: Sequence[Trouble], sentence: str, command: str) -> Iterator[CheckLine]:
    """A warning for each, up to MOST of them."""
    for trouble in troubles[:MOST]:
        yield warning(sentence.format(trouble.name, trouble.reason))
    if len(troubles) > MOST:
        yield warning(f"There are more of these: `{command}`.")


def _is_silent(last: datetime | None) -> bool:
    return last is None or clock.now() - last > SILENT


def _spoken(span: timedelta) -> str:
    """A length of time in its largest unit: "13 days", "1 hour"."""
    minutes = int(span.total_seconds() // 60)
    for unit, size in (("day", 24 * 60), ("hour", 60)):
        if minutes >= size:
            return f"{minutes // size} {unit}{'' if minutes // size == 1 else 's'}"
    return f"{minutes} minute{'' if minutes == 1 else 's'}"
