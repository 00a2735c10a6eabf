"""Asking at a fixed rate: `python -m tests.proofs.bench.paced PORT RATE SECONDS FILE` prints what it saw as JSON.

wrk asks as fast as it is answered. Here a request is due at its moment, whether the one before was answered or not,
and its time counts from then: an answer that keeps others waiting makes them late too.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Final

from tests.proofs.bench.load import Ask
from tests.tools import ROOT, dying_with_us

CONNECTIONS: Final = 32


@dataclass(frozen=True)
class Waited:
    """Milliseconds of one answer, and how many answers were none of 200."""

    answers: int
    errors: int
    p50: float
    p99: float
    most: float


def ask_paced(port: int, asks: Sequence[Ask], per_second: int, seconds: float) -> Waited:
    """Asks from a process of its own, in turn."""
    with TemporaryDirectory(prefix="packistry-bench-") as folder:
        listed = Path(folder, "asks")
        listed.write_text(json.dumps([[each.path, dict(each.headers)] for each in asks]))
        command = [sys.executable, "-m", "tests.proofs.bench.paced", str(port), str(per_second), str(seconds), listed]
        done = subprocess.run(
            [*dying_with_us("KILL"), *command], cwd=ROOT, check=True, capture_output=True, text=True, timeout=120
        )
    return Waited(**json.loads(done.stdout))


class _Asker:
    """Requests over connections that are kept; a request that finds none free waits, and that counts."""

    def __init__(self, port: int, requests: Sequence[bytes]) -> None:
        self._port = port
        self._requests = requests
        self._free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        self.milliseconds: list[float] = []
        self.errors = 0

    async def run(self, per_second: int, seconds: float) -> None:
        for _ in range(CONNECTIONS):
            self._free.put_nowait(await asyncio.open_connection("127.0.0.1", self._port))
        beginning = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(int(per_second * seconds)):
                due = beginning + number / per_second
                await asyncio.sleep(due - time.perf_counter())
                group.create_task(self._one(self._requests[number % len(self._requests)], due))

    async def _one(self, request: bytes, due: float) -> None:
        reader, writer = await self._free.get()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length or b"0"))
        self.milliseconds.append((time.perf_counter() - due) * 1000)
        self.errors += not head.startswith(b"HTTP/1.1 200")
        self._free.put_nowait((reader, writer))


def _spelled(path: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def main() -> None:
    port, per_second, seconds, listed = sys.argv[1:]
    requests = [_spelled(path, headers) for path, headers in json.loads(Path(listed).read_text())]
    asker = _Asker(int(port), requests)
    asyncio.run(asker.run(int(per_second), float(seconds)))
    waited = sorted(asker.milliseconds)
    cuts = quantiles(waited, n=100, method="inclusive")
    print(json.dumps(asdict(Waited(len(waited), asker.errors, cuts[49], cuts[98], waited[-1]))))


if __name__ == "__main__":
    main()
