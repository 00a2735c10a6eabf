"""An installation at work while it is killed: the server with its jobs process and, on PostgreSQL, more of these."""

import random
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from tests.proofs.killing import descendants, kill, kill_everything
from tests.server import Installation, Server, wait_until_healthy
from tests.tools import dying_with_us

# Several programs start at once, on two cores that may have other work.
START_SECONDS = 120


class Site:
    """Everything that runs of one installation. On SQLite no `workers`: one would only wait for the server's own."""

    def __init__(self, installation: Installation, workers: int) -> None:
        self._installation = installation
        self._count = workers if (installation.database_url or "").startswith("postgresql") else 0
        self._server: Server | None = None
        self._workers: list[subprocess.Popen[bytes]] = []

    @contextmanager
    def running(self) -> Generator[Self]:
        try:
            self.start()
            yield self
        finally:
            self.kill_all()

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def server(self) -> Server:
        assert self._server is not None
        return self._server

    def start(self) -> None:
        """Returns when the server answers; the jobs processes may take a moment longer."""
        self._server = self._installation.start()
        self._workers = [self._worker() for _ in range(self._count)]
        wait_until_healthy(self._server, START_SECONDS)

    def kill(self, chance: random.Random) -> str:
        """Kills all of it and starts it anew, or only a jobs process; says which."""
        if chance.random() < 0.7:
            self.kill_all()
            self.start()
            return "everything"
        if self._workers:
            dead = self._workers.pop(chance.randrange(len(self._workers)))
            _kill(dead)
            self._workers.append(self._worker())
            return "a worker"
        kill(_jobs_process(self.server))
        return "the jobs process"

    def kill_all(self) -> None:
        if self._server is not None:
            kill_everything(self._server)
        for worker in self._workers:
            _kill(worker)
        self._workers = []

    def _worker(self) -> subprocess.Popen[bytes]:
        with self._installation.data_dir.with_name("workers.log").open("ab") as log:
            return subprocess.Popen(
                [*dying_with_us("KILL"), self._installation.program, "worker"],
                cwd=self._installation.data_dir.parent,
                env=self._installation.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )


def _kill(process: subprocess.Popen[bytes]) -> None:
    kill([process.pid, *descendants(process.pid)])
    process.wait(30)


def _jobs_process(server: Server) -> list[int]:
    """The one beside the web workers, with the git programs it has started; none while it is started anew."""
    for pid in descendants(server.process.pid):
        if b"--supervisor" in _command_line(pid):
            return [pid, *descendants(pid)]
    return []


def _command_line(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return []
