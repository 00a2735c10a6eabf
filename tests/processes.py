"""Looking at a running process from outside, as /proc tells it."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def open_files(pid: int) -> Iterator[str]:
    """What the process has open: paths, and the likes of `socket:[4711]`."""
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        # It may close one while we look, as Python does with each module it has read.
        with suppress(FileNotFoundError):
            yield str(descriptor.readlink())
