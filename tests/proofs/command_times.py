"""How long a call takes: `python -m tests.proofs.command_times [--rounds 20]` prints medians; nothing else is asserted.

A call may take 1.5 s and `--help` 0.5 s. On a machine with other work the processor time says more than the clock.
"""

import argparse
import os
import resource
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from tests import factories
from tests.postgresql import running_cluster
from tests.server import Installation

HELP = [("--help",), ("deploy-token", "add", "--help"), ("--version",)]
CALLS = [
    ("repository", "list", "--json"),
    ("deploy-token", "list"),
    ("package", "show", "acme/lib"),
    ("package", "upload", "lib.zip", "--repository", "acme", "--version", "1.0.0"),
    ("user", "reset-password", "ada@example.test", "--password-stdin"),
    ("access", "explain", "--anonymous", "--repository", "acme"),
    ("db", "check"),
]
PASSWORD = b"correct horse battery\n"


def measure(installation: Installation, words: tuple[str, ...], rounds: int) -> tuple[float, float, float]:
    """Median and worst seconds by the clock, and median seconds of the processor."""
    clock: list[float] = []
    processor: list[float] = []
    for _ in range(rounds):
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(
            [installation.program, *words],
            check=True,
            cwd=installation.data_dir.parent,
            env=installation.environment,
            input=PASSWORD,
            stdout=subprocess.DEVNULL,
        )
        clock.append(time.perf_counter() - started)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        processor.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(clock), max(clock), statistics.median(processor)


def fill(installation: Installation) -> None:
    """Something to show."""
    (installation.data_dir.parent / "lib.zip").write_bytes(factories.package_zip("acme/lib"))
    installation.run("repository", "add", "Acme", "--path", "acme")
    installation.run("deploy-token", "add", "ci", "--repository", "acme")
    installation.run("package", "upload", "lib.zip", "--repository", "acme", "--version", "1.0.0")
    installation.run("user", "add", "--name", "Ada", "--email", "ada@example.test", "--no-password")


def report(installation: Installation, title: str, calls: list[tuple[str, ...]], rounds: int) -> None:
    """A row for each call."""
    print(f"{title:<64} median  worst  processor")
    for words in calls:
        median, worst, processor = measure(installation, words, rounds)
        print(f"  packistry {' '.join(words):<52} {median:6.2f} {worst:6.2f} {processor:10.2f}", flush=True)


def main() -> None:
    """Prints the table for both databases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    print(f"{rounds} rounds, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, seconds")
    with tempfile.TemporaryDirectory() as folder, running_cluster() as cluster:
        sqlite = Installation(Path(folder, "sqlite"))
        postgresql = Installation(Path(folder, "postgresql"), database_url=cluster.url(cluster.create()))
        report(sqlite, "help", HELP, rounds)
        for title, installation in (("SQLite", sqlite), ("PostgreSQL", postgresql)):
            fill(installation)
            report(installation, title, CALLS, rounds)


if __name__ == "__main__":
    main()
