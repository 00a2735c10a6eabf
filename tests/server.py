"""A whole Packistry as its users run it: the installed program, in processes of its own, with a data folder."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.tools import dying_with_us, free_port

PROGRAM = Path(sys.executable).with_name("packistry")
# Patience with a busy machine, not a promise.
START_SECONDS = 60
STOP_SECONDS = 30


@dataclass
class Server:
    """A running `packistry serve`."""

    process: subprocess.Popen[bytes]
    port: int
    log_file: Path

    @property
    def url(self) -> str:
        """The address without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self.log_file.read_text()

    def stop(self) -> int:
        """Asks it to stop (SIGTERM) and gives its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """Kills the supervisor (SIGKILL), as the kernel does when memory is short; its workers must notice."""
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def answers(self, path: str = "/health") -> int | None:
        """The status of an answer to GET, or None when nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            return None
        finally:
            connection.close()


@dataclass
class Installation:
    """A data folder and the settings that go with it; commands and servers run beside it, nothing else is shared."""

    data_dir: Path
    database_url: str | None = None
    settings: dict[str, str] = field(default_factory=dict[str, str])
    program: Path = PROGRAM

    def run(self, *arguments: str, typed: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        """A command of the command line, with `typed` on its standard input."""
        done = subprocess.run(
            [self.program, *arguments],
            check=False,
            cwd=self.data_dir.parent,
            env=self.environment,
            input=typed,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert not check or done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def json(self, *arguments: str, typed: str = "") -> Any:
        """What a command prints with --json."""
        return json.loads(self.run(*arguments, "--json", typed=typed).stdout)

    @contextmanager
    def serve(self, *options: str, workers: int = 1, port: int | None = None) -> Generator[Server, None, None]:
        """A server that answers, stopped at the end of the block if it still runs."""
        server = self.start(*options, workers=workers, port=port)
        try:
            wait_until_healthy(server)
            yield server
        finally:
            try:
                server.stop()
            finally:
                server.process.kill()

    def start(self, *options: str, workers: int = 1, port: int | None = None) -> Server:
        """A server just started, which may not answer yet. Whoever starts it stops it."""
        port = port or free_port()
        log_file = self.data_dir.with_name(f"{self.data_dir.name}-{port}.log")
        command = ["serve", "--host", "127.0.0.1", "--port", str(port), "--workers", str(workers), *options]
        with log_file.open("ab") as log:
            process = subprocess.Popen(
                [*dying_with_us("TERM"), self.program, *command],
                cwd=self.data_dir.parent,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return Server(process, port, log_file)

    @property
    def environment(self) -> dict[str, str]:
        """The variables of its processes: the settings, and nothing of the person who runs the tests."""
        database = {"PACKISTRY_DATABASE_URL": self.database_url} if self.database_url else {}
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.data_dir.parent),
            "LC_ALL": "C.UTF-8",
            "PACKISTRY_DATA_DIR": str(self.data_dir),
            **database,
            **{f"PACKISTRY_{name.upper()}": value for name, value in self.settings.items()},
        }


def wait_until_healthy(server: Server, seconds: float = START_SECONDS) -> None:
    """Returns when /health answers 200; fails with the log when it does not in time."""
    deadline = time.monotonic() + seconds
    while server.answers() != 200:
        ended = server.process.poll()
        assert ended is None, f"serve ended with {ended}:\n{server.log}"
        assert time.monotonic() < deadline, f"serve does not answer:\n{server.log}"
        time.sleep(0.05)
