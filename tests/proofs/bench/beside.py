"""Case: what readers notice of an import that goes on beside them."""

import time
from pathlib import Path
from typing import Final

from sqlalchemy import select

from packistry.db.models import ImportRef
from packistry.house import House
from tests import factories
from tests.proofs.bench.compare import Effort
from tests.proofs.bench.host import Hosted
from tests.proofs.bench.importing import connected
from tests.proofs.bench.load import Ask
from tests.proofs.bench.ours import Ours, running_ours
from tests.proofs.bench.paced import Waited, ask_paced
from tests.proofs.bench.results import Result, at_most
from tests.proofs.bench.seeding import Seed, fill

SERVED: Final = "served"
PACKAGES: Final = 100
TOKENS: Final = 20
PER_SECOND: Final = 500
SECONDS: Final = 10
# More than are imported meanwhile.
REFS: Final = 1_500
# What may go wrong before the server is ready: it starts the jobs process, which takes the processor for a while.
SETTLE_SECONDS: Final = 5


def import_beside_reads(folder: Path, _: Effort) -> list[Result]:
    """p2 at a fixed rate, in turns quiet and while refs are imported."""
    results: list[Result] = []
    for postgresql in (False, True):
        database = "PostgreSQL" if postgresql else "SQLite"
        results += _beside(folder / database, database, postgresql=postgresql)
    return results


def _beside(folder: Path, database: str, *, postgresql: bool) -> list[Result]:
    hosted = Hosted(tags=REFS // 2, branches=REFS // 2)
    with connected(folder, hosted, postgresql=postgresql) as importing:
        asks = _served(importing.house)
        with running_ours(importing.house.settings, importing.helpers, pinned=False) as ours:
            time.sleep(SETTLE_SECONDS)
            _ask(ours, asks, 2)
            quiet = _ask(ours, asks, SECONDS)
            [run_id] = importing.add(1)
            while not _imported(importing.house, run_id):
                time.sleep(0.1)
            before = _imported(importing.house, run_id)
            busy = _ask(ours, asks, SECONDS)
            count = _imported(importing.house, run_id) - before
            assert importing.is_open, "the import ended before it was measured"
    case = f"p2 at {PER_SECOND} a second while refs are imported, {database}"
    beside = f"{count / SECONDS:.0f} refs/s meanwhile"
    p50 = f"{quiet.p50:.1f} ms when quiet, {busy.p50:.1f} ms beside the import; {beside}"
    p99 = f"{quiet.p99:.1f} ms when quiet; at most {quiet.most:.0f} and {busy.most:.0f} ms"
    return [
        at_most(f"{case}: p50 as a multiple of its quiet value", busy.p50 / quiet.p50, 2, p50),
        at_most(f"{case}: p99", busy.p99, 20, p99, unit=" ms"),
        at_most(f"{case}: errors", busy.errors + quiet.errors, 0, f"{busy.answers} answers", unit=" errors"),
    ]


def _served(house: House) -> list[Ask]:
    """A repository of its own for what is asked for, in the order of wrk's cases."""
    repository_id = factories.repository(house, SERVED)
    seed = Seed(repository_id, PACKAGES, 20)
    fill(house, seed)
    tokens = [factories.deploy_token(house, SERVED) for _ in range(TOKENS)]
    headers = [{"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"} for token in tokens]
    return [Ask(f"/r/{SERVED}/p2/{name}.json", each) for name in seed.names for each in headers]


def _ask(ours: Ours, asks: list[Ask], seconds: float) -> Waited:
    return ask_paced(ours.port, asks, PER_SECOND, seconds)


def _imported(house: House, run_id: int) -> int:
    with house.database.read() as session:
        states = session.scalars(select(ImportRef.state).where(ImportRef.run_id == run_id)).all()
    return states.count("imported")
