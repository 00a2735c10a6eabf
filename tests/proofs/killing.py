"""Killing what serves, as when the machine dies, and looking at what is left from this process."""

import os
import signal
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path

from packistry.app import House, open_house
from packistry.settings import Settings
from tests.server import Installation, Server


def kill_everything(server: Server) -> None:
    """kill -9 of the supervisor and of each worker, as when the machine dies."""
    kill([server.process.pid, *descendants(server.process.pid)])
    server.process.wait(30)


def kill(pids: Iterable[int]) -> None:
    """kill -9 of those that still are."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def descendants(pid: int) -> list[int]:
    """The processes that this one started, and those they started; none once it has ended."""
    found: list[int] = []
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        # It may end while we look.
        with suppress(FileNotFoundError, ProcessLookupError):
            for child in map(int, listing.read_text().split()):
                found += [child, *descendants(child)]
    return found


@contextmanager
def opened(installation: Installation) -> Generator[House]:
    """The installation's house, from this process."""
    with open_house(settings_of(installation)) as house:
        yield house


def settings_of(installation: Installation) -> Settings:
    """The settings its processes run with."""
    return Settings(data_dir=installation.data_dir, database_url=installation.database_url)
