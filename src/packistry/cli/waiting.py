"""Waiting for imports at the command line, and doing their work for that time when no server does it."""

import os
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from packistry.cli.opening import operator
from packistry.cli.printing import say

if TYPE_CHECKING:
    from packistry.house import House

LOOK_SECONDS: Final = 0.2
# What a jobs process may take to end, once told.
STOP_SECONDS: Final = 15.0


def wait_for(house: "House", runs: Sequence[int]) -> None:
    """Returns when the runs are over. On a terminal a line tells how far they are."""
    with _jobs_process():
        while True:
            states = _progress(house, runs)
            if all(is_over for is_over, _, _ in states):
                break
            _show(sum(done for _, done, _ in states), sum(count for _, _, count in states))
            time.sleep(LOOK_SECONDS)
    _show(None, 0)


def _progress(house: "House", runs: Sequence[int]) -> list[tuple[bool, int, int]]:
    """Of each run: whether it is over, how many refs were looked at, and how many there are."""
    from packistry.sources.queries import find_run, summarise_run
    from packistry.sources.states import OPEN

    found: list[tuple[bool, int, int]] = []
    with house.database.read() as session:
        for run_id in runs:
            summary = summarise_run(session, find_run(session, operator(), run_id))
            count = sum(summary.refs.values())
            found.append((summary.run.state not in OPEN, count - summary.refs.get("waiting", 0), count))
    return found


def _show(done: int | None, count: int) -> None:
    if not sys.stderr.isatty():
        return
    width = 30
    if done is None:
        sys.stderr.write("\r\x1b[K")
    elif count:
        filled = width * done // count
        sys.stderr.write(f"\r[{'#' * filled}{'.' * (width - filled)}] {done} of {count} refs\x1b[K")
    sys.stderr.flush()


@contextmanager
def _jobs_process() -> Generator[None]:
    """One more jobs process. On SQLite it only waits, while that of the server works; both end with the waiting."""
    command = [sys.executable, "-m", "packistry", "worker", "--supervisor", str(os.getpid())]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        yield
    except KeyboardInterrupt:
        say("The import goes on when a server or `packistry worker` runs.")
        raise
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
