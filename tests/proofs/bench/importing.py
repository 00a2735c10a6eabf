"""Cases: how fast refs are imported from a host, and what that takes of memory."""

import subprocess
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import func, select

from packistry.db.models import ImportRef, ImportRun, Repository
from packistry.house import House, open_house
from packistry.settings import Settings
from packistry.sources.connecting import Connector, filled_in
from packistry.sources.desk import SourceDesk, Wish
from packistry.sources.states import OPEN
from tests import factories
from tests.postgresql import running_cluster
from tests.proofs.bench import machine
from tests.proofs.bench.compare import Effort
from tests.proofs.bench.host import TOKEN, Host, Hosted, running_host
from tests.proofs.bench.ours import environment_of
from tests.proofs.bench.results import Result, at_least, at_most
from tests.server import PROGRAM
from tests.tools import dying_with_us

REFS: Final = 300
LARGE_REFS: Final = 8
PATH: Final = "acme"
MB: Final = 1_000_000


@dataclass(frozen=True)
class Importing:
    """A house that is connected to a host, and the processes that work for it."""

    house: House
    desk: SourceDesk
    host: Host
    helpers: Sequence[int]

    def add(self, *numbers: int) -> list[int]:
        """Adds these projects; their first runs."""
        with self.house.database.read() as session:
            repository = session.scalars(select(Repository).where(Repository.path == PATH)).one()
        names = [f"acme/package-{number:06}" for number in numbers]
        return [added.run_id for added in self.desk.add(factories.OPERATOR, "host", names, Wish(repository.id))]

    def wait(self, seconds: float) -> None:
        """Returns when nothing is imported any more."""
        deadline = time.monotonic() + seconds
        while self.is_open:
            assert time.monotonic() < deadline, "the imports do not end"
            time.sleep(0.1)

    @property
    def is_open(self) -> bool:
        """Whether something is imported, or waits for it."""
        with self.house.database.read() as session:
            count = select(func.count()).select_from(ImportRun).where(ImportRun.state.in_(OPEN))
            return session.execute(count).scalar_one() > 0


@contextmanager
def connected(folder: Path, hosted: Hosted, *, postgresql: bool = False) -> Generator[Importing]:
    """A fresh house with the host as its source."""
    with ExitStack() as stack:
        settings, helpers = _settings(stack, folder, postgresql=postgresql)
        host = stack.enter_context(running_host(hosted))
        house = stack.enter_context(open_house(settings))
        factories.repository(house, PATH)
        desk = SourceDesk(house.database, Connector(settings))
        desk.connect(factories.OPERATOR, "host", filled_in("github", host.address, {"token": TOKEN}))
        yield Importing(house, desk, host, helpers)


def _settings(stack: ExitStack, folder: Path, *, postgresql: bool) -> tuple[Settings, list[int]]:
    data = folder / "data"
    data.mkdir(parents=True)
    settings = Settings(data_dir=data, outbound_allow=("127.0.0.1",))
    if not postgresql:
        return settings, []
    # As a real installation keeps its data, unlike a test's.
    cluster = stack.enter_context(running_cluster(fsync="on", synchronous_commit="on", autovacuum="on"))
    return settings.model_copy(update={"database_url": cluster.url(cluster.create())}), [cluster.process.pid]


@contextmanager
def worker(importing: Importing) -> Generator[subprocess.Popen[bytes]]:
    """A jobs process alone, as `packistry worker` is."""
    settings = importing.house.settings
    log = settings.data_dir / "worker.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*dying_with_us("TERM"), PROGRAM, "worker"],
            env=environment_of(settings),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        while "jobs.started" not in log.read_text():
            assert process.poll() is None, log.read_text()
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        process.wait(30)


def import_speed(folder: Path, _: Effort) -> list[Result]:
    """300 refs of one project."""
    results: list[Result] = []
    for postgresql, target in ((False, 40), (True, 25)):
        database = "PostgreSQL" if postgresql else "SQLite"
        hosted = Hosted(tags=REFS // 2, branches=REFS // 2)
        with connected(folder / database, hosted, postgresql=postgresql) as importing, worker(importing) as process:
            roots = [process.pid, *importing.helpers]
            used = machine.cpu_seconds(roots)
            [run_id] = importing.add(1)
            importing.wait(120)
            used = machine.cpu_seconds(roots) - used
            seconds = run_seconds(importing.house, run_id, REFS)
        case = f"importing {REFS} refs of one project, {database}"
        detail = f"{seconds:.1f} s, {used / REFS * 1000:.1f} ms of CPU for a ref"
        results.append(at_least(case, REFS / seconds, target, detail, unit=" refs/s"))
    return results


def import_memory(folder: Path, _: Effort) -> list[Result]:
    """Archives of 100 MB, eight at once, which is what a source asks for by itself."""
    results: list[Result] = []
    for kind in ("noise", "text"):
        hosted = Hosted(tags=LARGE_REFS // 2, branches=LARGE_REFS // 2, kind=kind, archive_bytes=100 * MB)
        with connected(folder / kind, hosted) as importing, worker(importing) as process:
            before, _proportional = machine.memory_bytes(process.pid)
            [run_id] = importing.add(1)
            importing.wait(600)
            seconds = run_seconds(importing.house, run_id, LARGE_REFS)
            peak = machine.peak_bytes(process.pid)
        case = f"memory of the jobs process, {LARGE_REFS} archives of 100 MB of {kind} at once"
        detail = f"{before / MB:.0f} MB after start, {seconds:.0f} s"
        results.append(at_most(case, peak / MB, 250, detail, unit=" MB"))
    return results


def run_seconds(house: House, run_id: int, refs: int) -> float:
    """How long a run took in which all of so many refs were imported."""
    with house.database.read() as session:
        run = session.get_one(ImportRun, run_id)
        states = session.scalars(select(ImportRef.state).where(ImportRef.run_id == run_id)).all()
    assert states.count("imported") == refs, f"{run.state}: {run.reason} {set(states)}"
    assert run.started_at
    assert run.finished_at
    return (run.finished_at - run.started_at).total_seconds()
