"""The processes of this server: the supervisor, its web workers and its jobs process, seen from one of the workers."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """`role` is supervisor, web or jobs."""

    pid: int
    role: str
    memory_bytes: int


def server_processes() -> list[ServerProcess]:
    """All of this server, or only this one where the system does not tell of others (it has no /proc)."""
    own, parent = os.getpid(), os.getppid()
    found = [*_seen(own, "web")]
    # Anything else that started us, such as a test, is none of the server. granian may give itself another title.
    command = _words(parent)
    if "serve" in command or command[0].startswith("granian "):
        siblings = (pid for pid in _children(parent) if pid != own)
        found += _seen(parent, "supervisor")
        found += [seen for pid in siblings for seen in _seen(pid, "jobs" if "worker" in _words(pid) else "web")]
    return found


def _seen(pid: int, role: str) -> Iterator[ServerProcess]:
    """Nothing for a process that ended meanwhile."""
    try:
        resident_pages = int((_PROC / str(pid) / "statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return
    yield ServerProcess(pid, role, resident_pages * os.sysconf("SC_PAGE_SIZE"))


def _children(pid: int) -> list[int]:
    """Of all its threads: the jobs process is started by another one than the web workers."""
    try:
        listed = [path.read_text(encoding="ascii") for path in (_PROC / str(pid)).glob("task/*/children")]
    except OSError:
        return []
    return sorted(int(word) for text in listed for word in text.split())


def _words(pid: int) -> list[str]:
    """The command line."""
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return [""]
