"""The machine: which core serves and which one asks, and what processes have used of it."""

import os
import platform
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Final

TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
_CORES: Final = sorted(os.sched_getaffinity(0))
# With one core the two share it; CPU per request is still told apart, only less quietly.
SERVING_CORE: Final = _CORES[0]
ASKING_CORE: Final = _CORES[-1]


@contextmanager
def pinned(core: int) -> Generator[None]:
    """What is started inside, and only that, runs on this core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_seconds(roots: Iterable[int]) -> float:
    """User and system time of these processes, their descendants, and those of them that have ended."""
    ticks = 0
    for pid in _with_descendants(set(roots)):
        fields = _stat(pid)
        # utime, stime, cutime, cstime: fields 14 to 17 of proc(5), counted from the state, which is the third.
        ticks += sum(int(field) for field in fields[11:15])
    return ticks / TICKS_PER_SECOND


def memory_bytes(pid: int) -> tuple[int, int]:
    """Resident and proportional set size of one process."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kib = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return kib["Rss"] * 1024, kib["Pss"] * 1024


def peak_bytes(pid: int) -> int:
    """The most that was resident of a process at any time."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def children(pid: int) -> set[int]:
    """The processes it started that live."""
    return {child for child, parent in _parents().items() if parent == pid}


def facts() -> str:
    """Processor, cores, kernel and Python, as a line."""
    models = [line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")]
    model = models[0] if models else platform.machine()
    return f"{len(_CORES)} cores of {model}, Linux {platform.release()}, Python {platform.python_version()}"


def _with_descendants(roots: set[int]) -> set[int]:
    parents = _parents()
    found = roots & parents.keys()
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _parents() -> dict[int, int]:
    pids = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
    return {pid: int(fields[1]) for pid in pids if (fields := _stat(pid))}


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; empty when the process is gone."""
    try:
        # The name in parentheses may hold anything, parentheses too.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _cpuinfo() -> list[str]:
    return Path("/proc/cpuinfo").read_text().splitlines()
