"""Runs the git program: no configuration of the machine or a person, no prompts, no hooks; limits of time and size."""

import os
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO

from packistry.errors import HostUnavailable, Unavailable

_MIB = 1024**2
_CHUNK = 256 * 1024
# What git says of a failure stands at the end; progress and a host's own messages may come before it.
_COMPLAINT_BYTES = 64 * 1024

_TOO_LONG = "git took too long and was ended: does the host still answer? Try again later."

# As if on the command line, so it wins over what a repository says of itself.
_CONFIG: Mapping[str, str] = {
    # A hook would be a program from a folder that others may have written to.
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "credential.helper": "",
    # A redirect could lead to an address that nobody looked at; what the first request is sent to is pinned.
    "http.followRedirects": "false",
    # A host that says nothing for a minute has gone, whatever TCP believes.
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": "60",
    # Nothing runs behind our back: a mirror is tidied while it is held.
    "gc.auto": "0",
    "maintenance.auto": "false",
    "fetch.recurseSubmodules": "false",
    # The folder may belong to another user than ours (a mounted volume); nobody but us writes to it.
    "safe.directory": "*",
    "core.compression": "1",
}


@dataclass(frozen=True, slots=True)
class GitLimits:
    """How long git may take, and how much it may tell; tests make them small."""

    # Refs, or one file: a host that is alive answers within seconds.
    question_seconds: float = 120
    # A first mirror of a large project.
    fetch_seconds: float = 3600
    archive_seconds: float = 1800
    # How long to wait for another thread or process that works on the same mirror.
    lock_seconds: float = 3600
    # About half a million refs, or the names of as many objects.
    listing_bytes: int = 64 * _MIB
    # The importer has a limit of its own for archives; this one keeps a disk from filling up when nobody else does.
    archive_bytes: int = 8 * 1024 * _MIB


@dataclass(frozen=True, slots=True)
class Finished:
    """What a run of git left: `complaint` is its standard error, `is_cut` whether the output was longer."""

    code: int
    output: bytes
    complaint: str
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Git:
    """The git program with what one source needs: `variables` and `config` may hold its credential, arguments never.

    `home` is a folder in which nothing is; `held` are descriptors that git and its children keep open.
    """

    home: Path
    variables: Mapping[str, str] = field(repr=False)
    config: Sequence[tuple[str, str]] = field(repr=False)
    limits: GitLimits = field(default_factory=GitLimits)
    held: Sequence[int] = ()

    def run(
        self,
        *words: str,
        seconds: float,
        stdin: bytes = b"",
        into: BinaryIO | None = None,
        max_bytes: int | None = None,
        cut: bool = False,
    ) -> Finished:
        """Runs `git WORDS` to its end and gives its output, or writes it into `into`.

        More than `max_bytes` of it is refused, or with `cut` left out. Refuses with HostUnavailable when time is up.
        """
        limit = self.limits.listing_bytes if max_bytes is None else max_bytes
        parts: list[bytes] = []
        write = parts.append if into is None else into.write
        process = self._start(words)
        with process:
            try:
                complaint, is_cut = _Reading(process, stdin, time.monotonic() + seconds).copy(write, limit)
            finally:
                _end(process)
        if is_cut and not cut:
            raise HostUnavailable(f"The host gave more than {limit // _MIB} MiB, which is the most we take from git.")
        return Finished(process.returncode, b"".join(parts), complaint, is_cut)

    def _start(self, words: Sequence[str]) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                ["git", *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self.environment(),
                cwd=self.home,
                pass_fds=self.held,
                # A group of its own: git's children, ssh among them, are ended with it.
                start_new_session=True,
            )
        except FileNotFoundError as fault:
            raise Unavailable("The program git is not on this server: install it (`apt-get install git`).") from fault

    def environment(self) -> Mapping[str, str]:
        """Everything git sees of the world."""
        pairs = [*_CONFIG.items(), *self.config]
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home),
            # A repository that the data folder happens to lie in is not looked for.
            "GIT_CEILING_DIRECTORIES": str(self.home.resolve().parent),
            # What git says is read by us, so it is English.
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "",
            "SSH_ASKPASS_REQUIRE": "never",
            # Never file, ext, git or what a helper on the PATH understands.
            "GIT_ALLOW_PROTOCOL": "http:https:ssh",
            # Whatever finds an object missing would start a fetch, which may find another missing: a hostile server can
            # keep that going for ever. We fetch what we need ourselves. (git 2.39.4, 2.45.1 and later.)
            "GIT_NO_LAZY_FETCH": "1",
            # A path is a path, with no `:(magic)` in it.
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_CONFIG_COUNT": str(len(pairs)),
            **{f"GIT_CONFIG_KEY_{number}": key for number, (key, _) in enumerate(pairs)},
            **{f"GIT_CONFIG_VALUE_{number}": value for number, (_, value) in enumerate(pairs)},
            **self.variables,
        }


class _Reading:
    """Feeds a process and reads what it says on both streams at once, until it ends or its time is up."""

    def __init__(self, process: subprocess.Popen[bytes], stdin: bytes, deadline: float) -> None:
        self._process = process
        self._deadline = deadline
        self._left = memoryview(stdin)
        self._complaint: deque[bytes] = deque()

    def copy(self, write: Callable[[bytes], object], limit: int) -> tuple[str, bool]:
        """Hands at most `limit` bytes of the output to `write`; gives the complaint, and whether there was more."""
        stdin, stdout, stderr = self._streams()
        with selectors.DefaultSelector() as selector:
            selector.register(stdin, selectors.EVENT_WRITE)
            selector.register(stdout, selectors.EVENT_READ)
            selector.register(stderr, selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select(self._seconds_left()):
                    if key.fileobj is stdin:
                        self._feed(selector, stdin)
                        continue
                    data = os.read(key.fd, _CHUNK)
                    if not data:
                        selector.unregister(key.fileobj)
                    elif key.fileobj is stderr:
                        self._complain(data)
                    elif len(data) > limit:
                        write(data[:limit])
                        return self._text(), True
                    else:
                        write(data)
                        limit -= len(data)
        try:
            self._process.wait(self._seconds_left())
        except subprocess.TimeoutExpired as fault:
            raise HostUnavailable(_TOO_LONG) from fault
        return self._text(), False

    def _streams(self) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        os.set_blocking(process.stdin.fileno(), False)
        return process.stdin, process.stdout, process.stderr

    def _feed(self, selector: selectors.BaseSelector, stdin: IO[bytes]) -> None:
        # What ends early does not want the rest; its exit code says why.
        with suppress(BrokenPipeError):
            self._left = self._left[os.write(stdin.fileno(), self._left[:_CHUNK]) :] if self._left else self._left
            if self._left:
                return
        selector.unregister(stdin)
        stdin.close()

    def _seconds_left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise HostUnavailable(_TOO_LONG)
        return left

    def _complain(self, data: bytes) -> None:
        self._complaint.append(data)
        while sum(map(len, self._complaint)) - len(self._complaint[0]) > _COMPLAINT_BYTES:
            self._complaint.popleft()

    def _text(self) -> str:
        return b"".join(self._complaint).decode("utf-8", "replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends what is left of the process and its children, and waits for it."""
    # Nobody waited for it yet, so the number of its group is still its own, also when it is dead and its children live.
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
