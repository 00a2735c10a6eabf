"""What the tests need beside Python: programs, free ports, processes that end with us."""

import os
import shutil
import signal
import socket
from pathlib import Path
from typing import TypeVar

import pytest

T = TypeVar("T")

ROOT = Path(__file__).parent.parent


def require_tool(found: T | None, name: str) -> T:
    """What was found. Where something is missing the test is left out and says so; in CI that is a failure."""
    if found is not None:
        return found
    reason = f"{name} is missing; `make test` installs it on Debian"
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def program(name: str) -> Path:
    """A program on the PATH or among Debian's for administrators."""
    search = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
    return Path(require_tool(shutil.which(name, path=search), name))


def free_port() -> int:
    """A loopback port nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def dying_with_us(signal_name: str, *options: str) -> list[str]:
    """The words before a command that make the kernel end it by `signal_name` when the thread that started it is gone.

    So a killed test run leaves nothing behind. Empty where there is no setpriv (it is Linux's).
    """
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", signal_name, *options, "--"] if setpriv else []


def let_children_hear_signals() -> None:
    """What our parent had us ignore, as `nohup` and a script's `&` do, we go on ignoring, but not what we start.

    A child inherits that a signal is ignored, and not that a handler does nothing.
    """
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, _do_nothing)


def _do_nothing(number: int, frame: object) -> None:
    """A signal that is heard and left at that."""
