"""Writing what was gathered, every second and at the end, in a thread of its own."""

import threading
from collections.abc import Sequence
from typing import Protocol

import structlog

from packistry.db.engine import Database

log = structlog.get_logger()


class Gatherer(Protocol):
    """Something that counts in memory between two flushes."""

    def flush(self, database: Database) -> None:
        """Writes everything gathered. What cannot be written is kept for the next time."""
        ...


class Flusher:
    """Flushes until it is stopped; the last flush is after that. One per worker."""

    def __init__(self, database: Database, gatherers: Sequence[Gatherer], every_seconds: float) -> None:
        self._database = database
        self._gatherers = gatherers
        self._every_seconds = every_seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="flusher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns after the last flush: a stop costs no count."""
        self._stopping.set()
        self._thread.join()
        self._flush()

    def _work(self) -> None:
        while not self._stopping.wait(self._every_seconds):
            self._flush()

    def _flush(self) -> None:
        for gatherer in self._gatherers:
            try:
                gatherer.flush(self._database)
            except Exception:
                # The next flush tries again; a disk that is full for a minute must not end the counting for good.
                log.exception("flush.failed", gatherer=type(gatherer).__name__)
