"""Waiting for imports at the command line, and doing their work for that time when no server does it."""

import os
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from packistry.cli.printing import say
from packistry.errors import Unavailable

if TYPE_CHECKING:
    from packistry.house import House
    from packistry.sources.queries import Progress

LOOK_SECONDS: Final = 0.2
# What a jobs process may take to end, once told.
STOP_SECONDS: Final = 15.0
BAR_CHARACTERS: Final = 30
# Before that, the pace is that of the first few refs, which wait for the mirror of the project.
ESTIMATE_AFTER_SECONDS: Final = 2.0
MINUTE: Final = 60


def wait_for(house: "House", runs: Sequence[int]) -> None:
    """Returns when the runs are over. Tells once what one of them waits for; on a terminal a line tells how far they
    are.
    """
    from packistry.sources.queries import progress_of

    bar = _Bar(sys.stderr.isatty())
    said: set[tuple[int, str]] = set()
    with _jobs_process() as process:
        while True:
            with house.database.read() as session:
                progress = progress_of(session, runs)
            if progress.is_over:
                break
            for run_id, reason in progress.waiting:
                if (run_id, reason) not in said:
                    said.add((run_id, reason))
                    bar.clear()
                    say(f"Import {run_id} waits, and is tried again by itself: {reason}")
            if process.poll() is not None:
                raise Unavailable(
                    "The process that was to do the imports has ended; `packistry worker` shows why. They go on when a "
                    "server or `packistry worker` runs."
                )
            bar.show(progress)
            time.sleep(LOOK_SECONDS)
    bar.clear()


@dataclass(slots=True)
class _Bar:
    """The line of a terminal that tells how far imports are; without a terminal there is none."""

    is_terminal: bool
    _began: float = 0
    _done_before: int | None = None

    def show(self, progress: "Progress") -> None:
        if not self.is_terminal or not progress.count:
            return
        filled = BAR_CHARACTERS * progress.done // progress.count
        bar = "#" * filled + "." * (BAR_CHARACTERS - filled)
        self._write(f"\r[{bar}] {progress.done} of {progress.count} refs{self._estimate(progress)}\x1b[K")

    def clear(self) -> None:
        if self.is_terminal:
            self._write("\r\x1b[K")

    def _estimate(self, progress: "Progress") -> str:
        """What is left at the pace since the first ref was done."""
        now = time.monotonic()
        if self._done_before is None:
            self._began, self._done_before = now, progress.done
        done, seconds = progress.done - self._done_before, now - self._began
        if not done or seconds < ESTIMATE_AFTER_SECONDS:
            return ""
        left = (progress.count - progress.done) * seconds / done
        return f", about {left:.0f} s left" if left < 2 * MINUTE else f", about {left / MINUTE:.0f} min left"

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()


@contextmanager
def _jobs_process() -> "Generator[subprocess.Popen[bytes]]":
    """One more jobs process. On SQLite it only waits, while that of the server works; both end with the waiting."""
    command = [sys.executable, "-m", "packistry", "worker", "--supervisor", str(os.getpid())]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        yield process
    except KeyboardInterrupt:
        say("The import goes on when a server or `packistry worker` runs.")
        raise
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
