"""Cases of publishing: what it costs those who read meanwhile, and how long it takes on a package of many versions."""

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import Final

from packistry.settings import Settings
from tests import factories
from tests.proofs.bench import machine
from tests.proofs.bench.compare import Effort, contest
from tests.proofs.bench.load import Measured, ask
from tests.proofs.bench.results import Result, at_least, at_most
from tests.proofs.bench.seeding import manifest, package_name
from tests.proofs.bench.stage import PATH, PREFIX, Stage, staged
from tests.proofs.bench.wire import names
from tests.tools import ROOT, dying_with_us

PER_SECOND: Final = 20
MANY_VERSIONS: Final = 2_000
PUBLICATIONS: Final = 7


def p2_while_publishing(folder: Path, effort: Effort) -> list[Result]:
    """p2 while another process publishes to the very packages that are asked for."""
    rates: list[float] = []
    with staged(folder) as stage:
        pairs = stage.pairs(names(stage))

        def meanwhile() -> Measured:
            with _publisher(stage.house.settings) as publisher:
                measured = ask(stage.ours, pairs, effort.seconds)
            rates.append(publisher.per_second)
            return measured

        measured = contest(
            {"quiet": lambda: ask(stage.ours, pairs, effort.seconds), "publishing": meanwhile}, effort.rounds
        )
    detail = (
        f"{measured.cpu('quiet'):.0f} µs of CPU when quiet, {measured.cpu('publishing'):.0f} µs during "
        f"{median(rates):.0f} publishes a second"
    )
    return [at_least("p2 during publishes, of its quiet value", measured.ratio("quiet", "publishing"), 0.80, detail)]


def latency(folder: Path, _: Effort) -> list[Result]:
    """How long publishing takes on a package of 2,000 versions: by the action itself, and by an upload over HTTP."""
    results: list[Result] = []
    for postgresql in (False, True):
        database = "PostgreSQL" if postgresql else "SQLite"
        with staged(folder / database, packages=1, versions=MANY_VERSIONS, postgresql=postgresql) as stage:
            results += _latencies(stage, database)
    return results


def _latencies(stage: Stage, database: str) -> list[Result]:
    name = package_name(0)
    versions = (f"1000.{number}.0" for number in itertools.count())
    ways: dict[str, Callable[[str, bytes], object]] = {
        "action": lambda version, archive: factories.publish(stage.house, name, version, archive=archive),
        "HTTP": lambda version, archive: _upload(stage, name, version, archive),
    }
    _settle(stage)
    workers = [os.getpid(), *stage.ours.processes]
    results: list[Result] = []
    for way, publish in ways.items():
        times: list[float] = []
        # The first one of a process connects and compiles statements.
        publish(next(versions), factories.package_zip(**manifest(name)))
        used = machine.cpu_seconds(workers)
        for version in itertools.islice(versions, PUBLICATIONS):
            archive = factories.package_zip(files={"version": version}, **manifest(name))
            began = time.perf_counter()
            publish(version, archive)
            times.append((time.perf_counter() - began) * 1000)
        used = (machine.cpu_seconds(workers) - used) * 1000 / PUBLICATIONS
        case = f"publishing version {MANY_VERSIONS + 1:,} ff. of a package, {way}, {database}"
        detail = f"{min(times):.0f} to {max(times):.0f} ms; {used:.0f} ms of CPU, the client's included"
        results.append(at_most(case, median(times), 100, detail, unit=" ms"))
    return results


def _settle(stage: Stage) -> None:
    """Returns when the server rests: its jobs process takes two seconds of CPU to start, on the core of the workers."""
    used, resting = machine.cpu_seconds(stage.ours.processes), 0
    while resting < 3:
        time.sleep(0.5)
        now = machine.cpu_seconds(stage.ours.processes)
        resting = resting + 1 if now - used < 0.1 else 0
        used = now


def _upload(stage: Stage, name: str, version: str, archive: bytes) -> None:
    boundary = "a-boundary-that-is-in-no-archive"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="version"\r\n\r\n{version}\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'
    ).encode()
    connection = HTTPConnection("127.0.0.1", stage.ours.port, timeout=30)
    kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    body += archive + f"\r\n--{boundary}--\r\n".encode()
    connection.request("POST", f"{PREFIX}/{name}", body, stage.headers() | kind)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    if answer.status != 201:
        raise RuntimeError(f"the upload was answered {answer.status}: {text[:300]!r}")


@dataclass
class _Publisher:
    per_second: float = 0.0


@contextmanager
def _publisher(settings: Settings) -> Generator[_Publisher]:
    """A publisher at work on the core that asks, so that its own CPU is nobody's."""
    module = "tests.proofs.bench.publisher"
    command = [sys.executable, "-m", module, str(settings.data_dir), PATH, str(PER_SECOND)]
    with machine.pinned(machine.ASKING_CORE):
        process = subprocess.Popen(
            [*dying_with_us("TERM"), *command], cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
        )
    publisher = _Publisher()
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n", "the publisher does not start"
        began = time.monotonic()
        yield publisher
        process.terminate()
        seconds = time.monotonic() - began
        publisher.per_second = int(process.stdout.readline()) / seconds
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()
