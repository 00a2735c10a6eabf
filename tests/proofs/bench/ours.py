"""Our server with one worker, on the core that serves."""

import os
import socket
import subprocess
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from packistry.settings import Settings
from tests.proofs.bench import machine
from tests.server import PROGRAM
from tests.tools import dying_with_us, free_port


@dataclass(frozen=True)
class Ours:
    """A running server; `helpers` are the processes that work for it, a PostgreSQL cluster for instance."""

    process: subprocess.Popen[bytes]
    port: int
    helpers: Sequence[int] = ()

    @property
    def url(self) -> str:
        """The address without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def processes(self) -> list[int]:
        """Whose CPU counts."""
        return [self.process.pid, *self.helpers]

    @property
    def worker(self) -> int:
        """The process that answers: the supervisor's child with the most memory that does no jobs."""
        children = [pid for pid in machine.children(self.process.pid) if not _does_jobs(pid)]
        return max(children, key=lambda pid: machine.memory_bytes(pid)[0])


@contextmanager
def running_ours(settings: Settings, helpers: Sequence[int] = (), *, pinned: bool = True) -> Generator[Ours]:
    """`packistry serve` with these settings, on the core that serves or on all. The database is there already."""
    port = free_port()
    log = settings.data_dir / "serve.log"
    core = machine.pinned(machine.SERVING_CORE) if pinned else nullcontext()
    with core, log.open("wb") as output:
        process = subprocess.Popen(
            [*dying_with_us("TERM"), *_command(port)],
            env=environment_of(settings),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until_answers(process, port, log)
        yield Ours(process, port, helpers)
    finally:
        process.terminate()
        process.wait(30)


def wait_until_answers(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Returns when something listens at the port; fails when the process has ended or takes half a minute.

    The failure shows what it has logged.
    """
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server at port {port} does not start:\n{log.read_text()}") from None
            time.sleep(0.05)
        else:
            return


def _does_jobs(pid: int) -> bool:
    return b"--supervisor" in Path(f"/proc/{pid}/cmdline").read_bytes()


def _command(port: int) -> list[str | Path]:
    return [PROGRAM, "serve", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]


def environment_of(settings: Settings) -> dict[str, str]:
    """The variables of our processes."""
    # With PYTHONPATH set, that of another working tree is measured.
    given = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    given["PACKISTRY_DATA_DIR"] = str(settings.data_dir)
    if settings.database_url:
        given["PACKISTRY_DATABASE_URL"] = str(settings.database_url)
    if settings.outbound_allow:
        given["PACKISTRY_OUTBOUND_ALLOW"] = ",".join(settings.outbound_allow)
    return given | {"HOME": str(settings.data_dir), "LC_ALL": "C.UTF-8"}
