"""Counting downloads and installs: gathered in memory and added to the table in batches; no update is lost."""

import threading
from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Literal

from sqlalchemy import bindparam, select, update

from packistry import clock
from packistry.db.engine import Database, WriteSession
from packistry.db.models import Download, Package, Version
from packistry.db.statements import add_counts

CountKind = Literal["downloads", "installs"]
# SQLite takes at most 32,766 values in one statement; a row has four.
ROWS_AT_ONCE = 5_000


class DownloadCounts:
    """What was counted since the last flush. Thread-safe; a kill costs what is in it, a flush empties it."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[int, date, CountKind]] = Counter()
        self._lock = threading.Lock()

    def add(self, version_id: int, kind: CountKind) -> None:
        """One more today. No lock wait worth naming: the flush only swaps the counter under it."""
        with self._lock:
            self._counts[version_id, clock.now().date(), kind] += 1

    def flush(self, database: Database) -> None:
        """Adds everything gathered to the table. What cannot be written now is kept for the next time."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        if not counts:
            return
        try:
            self._write(database, counts)
        except BaseException:
            with self._lock:
                self._counts.update(counts)
            raise

    def _write(self, database: Database, counts: Counter[tuple[int, date, CountKind]]) -> None:
        totals: dict[tuple[int, date], Counter[CountKind]] = {}
        for (version_id, day, kind), count in counts.items():
            totals.setdefault((version_id, day), Counter())[kind] += count
        # Sorted: two workers that lock the same rows on PostgreSQL do it in the same order.
        rows = [
            {"version_id": version_id, "day": day, "downloads": count["downloads"], "installs": count["installs"]}
            for (version_id, day), count in sorted(totals.items())
        ]
        with database.write() as session:
            _add_to_packages(session, totals)
            for start in range(0, len(rows), ROWS_AT_ONCE):
                add_counts(
                    session,
                    Download,
                    rows[start : start + ROWS_AT_ONCE],
                    key=(Download.version_id, Download.day),
                    counts=(Download.downloads, Download.installs),
                )


def _add_to_packages(session: WriteSession, totals: Mapping[tuple[int, date], Counter[CountKind]]) -> None:
    """The packages' own totals, which search is ordered by. Counts of versions purged meanwhile reach no package."""
    counted: Counter[int] = Counter()
    for (version_id, _), count in totals.items():
        counted[version_id] += count["downloads"]
    added: Counter[int] = Counter()
    ids = sorted(version_id for version_id, count in counted.items() if count)
    for start in range(0, len(ids), ROWS_AT_ONCE):
        chosen = select(Version.id, Version.package_id).where(Version.id.in_(ids[start : start + ROWS_AT_ONCE]))
        for version_id, package_id in session.execute(chosen):
            added[package_id] += counted[version_id]
    if added:
        raised = update(Package).where(Package.id == bindparam("package"))
        # One after the other in the order of their ids: two workers never wait for each other.
        session.connection().execute(
            raised.values(downloads=Package.downloads + bindparam("count")),
            [{"package": package_id, "count": count} for package_id, count in sorted(added.items())],
        )
