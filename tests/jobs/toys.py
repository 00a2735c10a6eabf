"""Toy work for the jobs process: a table of toys that take a while, fail or hang, and a process that does them.

`python -m tests.jobs.toys OPTIONS` is a jobs process with toy kinds on the settings of its environment.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from packistry import logs
from packistry.db.engine import Database
from packistry.errors import InvalidInput
from packistry.house import House, open_house
from packistry.jobs.kinds import Job, Kind, Schedule, kind_of
from packistry.settings import Settings, load_settings
from tests.server import Installation
from tests.tools import ROOT, dying_with_us

PATIENCE_SECONDS = 40
# Longer than any test: such a toy is interrupted or killed.
FOR_EVER = 600.0


@dataclass(frozen=True)
class Toys:
    """A kind of toys as a process is told of it."""

    name: str
    priority: int = 100
    concurrency: int = 4
    tries: int = 3


@dataclass(frozen=True)
class Options:
    """What a process does, and how fast."""

    kinds: list[Toys]
    at_once: int = 8
    stop_seconds: float = 10.0
    # The pause after a first fault.
    fault_seconds: float = 0.1
    # How many due toys of a kind one look asks the engine about.
    candidates: int = 200
    # Seconds between two rounds of a schedule that leaves a toy behind each time; 0 for none.
    schedule_seconds: float = 0.0


@dataclass
class Playroom:
    """A house with toys, and the processes that do them."""

    settings: Settings
    database: Database
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list[subprocess.Popen[bytes]])

    def add(self, kind: str, count: int = 1, *, seconds: float = 0.0, failures: int = 0) -> None:
        """Toys that each take so long and fail so many times first."""
        with self.database.write() as session:
            for _ in range(count):
                session.execute(
                    text(
                        "INSERT INTO toys (kind, seconds, failures, state, runs, said)"
                        " VALUES (:kind, :seconds, :failures, 'due', 0, '')"
                    ),
                    {"kind": kind, "seconds": seconds, "failures": failures},
                )

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with self.database.read() as session:
            return [tuple(row) for row in session.execute(text(statement))]

    def start(self, *kinds: Toys, **options: Any) -> subprocess.Popen[bytes]:
        """A jobs process, which may not work yet."""
        told = json.dumps(asdict(Options(list(kinds), **options)))
        with self.log_file.open("ab") as log:
            process = subprocess.Popen(
                [*dying_with_us("TERM"), sys.executable, "-m", "tests.jobs.toys", told],
                cwd=ROOT,
                env=Installation(self.settings.data_dir, self.settings.database_url).environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.processes.append(process)
        return process

    @property
    def log_file(self) -> Path:
        return self.settings.data_dir.with_name("jobs.log")

    @property
    def log(self) -> str:
        """What the processes have written so far."""
        return self.log_file.read_text()

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_so():
            assert time.monotonic() < deadline, [self.rows("SELECT * FROM toys"), self.log]
            time.sleep(0.02)

    def wait_until_done(self) -> None:
        self.wait_until(lambda: not self.rows("SELECT id FROM toys WHERE state = 'due'"))

    def wait_until_begun(self, count: int = 1) -> None:
        """Returns when so many runs have begun and not ended."""
        self.wait_until(lambda: len(self.rows("SELECT id FROM runs WHERE ended IS NULL")) >= count)

    def overlaps(self) -> list[tuple[Any, ...]]:
        """Pairs of runs of one toy at the same time. A run that was killed has no end and counts for nothing."""
        return self.rows(
            "SELECT a.toy, a.began, a.ended, b.began FROM runs a JOIN runs b ON a.toy = b.toy AND a.id <> b.id"
            " WHERE a.began <= b.began AND a.ended > b.began"
        )


@contextmanager
def opened_playroom(settings: Settings) -> Generator[Playroom]:
    """A playroom whose processes are ended with the block."""
    with open_house(settings) as house:
        with house.database.write() as session:
            number = "INTEGER PRIMARY KEY" if house.database.is_sqlite else "SERIAL PRIMARY KEY"
            session.execute(
                text(
                    f"CREATE TABLE toys (id {number}, kind TEXT, seconds FLOAT, failures INT, state TEXT,"
                    " runs INT, said TEXT)"
                )
            )
            session.execute(text(f"CREATE TABLE runs (id {number}, toy INT, process INT, began FLOAT, ended FLOAT)"))
        playroom = Playroom(settings, house.database)
        try:
            yield playroom
        finally:
            for process in playroom.processes:
                process.kill()
                process.wait(10)


def toy_kind(toys: Toys) -> Kind[House]:
    """Toys as a kind of jobs."""

    def find_due(database: Database) -> Sequence[Job]:
        statement = text("SELECT id FROM toys WHERE state = 'due' AND kind = :kind ORDER BY id LIMIT 100")
        with database.read() as session:
            return [Job(f"toy:{row.id}", (row.id,)) for row in session.execute(statement, {"kind": toys.name})]

    return Kind(
        name=toys.name,
        find_due=find_due,
        work=play,
        give_up=give_up,
        priority=toys.priority,
        concurrency=toys.concurrency,
        tries=toys.tries,
    )


def play(house: House, job: Job) -> None:
    """Does a toy, unless it is done: a run is written when it begins and when it ends."""
    with house.database.write() as session:
        session.execute(text("UPDATE toys SET runs = runs + 1 WHERE id = :id AND state = 'due'"), {"id": job.ids[0]})
        toy = session.execute(text("SELECT * FROM toys WHERE id = :id"), {"id": job.ids[0]}).one()
        if toy.state != "due":
            # A process was killed after it had done it, and before the engine knew.
            return
        began = {"toy": toy.id, "process": os.getpid(), "began": time.time()}
        run = session.execute(
            text("INSERT INTO runs (toy, process, began) VALUES (:toy, :process, :began) RETURNING id"), began
        ).scalar_one()
    if toy.runs <= toy.failures:
        _end(house, run)
        raise InvalidInput(f"It failed {toy.runs} times.") if toy.runs % 2 else LookupError("No such toy.")
    interrupted = job.stopping.wait(toy.seconds) if toy.seconds < FOR_EVER else bool(time.sleep(FOR_EVER))
    _end(house, run, toy=None if interrupted else toy.id)


def give_up(house: House, job: Job, fault: str) -> None:
    with house.database.write() as session:
        session.execute(
            text("UPDATE toys SET state = 'given up', said = :fault WHERE id = :id"),
            {"id": job.ids[0], "fault": fault},
        )


def _end(house: House, run: int, *, toy: int | None = None) -> None:
    with house.database.write() as session:
        session.execute(text("UPDATE runs SET ended = :now WHERE id = :id"), {"now": time.time(), "id": run})
        session.execute(text("UPDATE toys SET state = 'done' WHERE id = :id"), {"id": toy})


def _leave_a_toy(house: House) -> None:
    with house.database.write() as session:
        session.execute(
            text("INSERT INTO toys (kind, seconds, failures, state, runs, said) VALUES ('left', 0, 0, 'done', 0, '')")
        )


def main(told: str) -> None:
    """The jobs process."""
    from packistry.jobs.dispatch import Pace
    from packistry.jobs.process import Workplace, work_until_told

    options = json.loads(told)
    kinds = [toy_kind(Toys(**toys)) for toys in options["kinds"]]
    if options["schedule_seconds"]:
        kinds.append(kind_of(Schedule("leave", timedelta(seconds=options["schedule_seconds"]), _leave_a_toy)))
    settings = load_settings()
    logs.configure(settings, sys.stdout)
    pace = Pace(
        look=0.05,
        again=0.3,
        fault=options["fault_seconds"],
        most_fault=max(0.5, options["fault_seconds"]),
        watch=0.5,
        stop=options["stop_seconds"],
        candidates=options["candidates"],
    )
    with open_house(settings) as house:
        place = Workplace(house.database, settings.data_dir, options["at_once"], settings.log_level, pace)
        work_until_told(house, kinds, place)


def stop(process: subprocess.Popen[bytes], number: signal.Signals = signal.SIGTERM) -> int:
    """Its exit code after a signal."""
    process.send_signal(number)
    return process.wait(PATIENCE_SECONDS)


if __name__ == "__main__":
    main(sys.argv[1])
