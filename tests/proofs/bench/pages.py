"""Case: how long a page takes to be made with 10,000 packages of 20 versions, and searching 100,000 while one types."""

import statistics
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import text
from starlette.testclient import TestClient

from packistry.access.permissions import Role
from packistry.accounts.sessions import Place, begin_session
from packistry.app import Worker
from packistry.house import House, open_house
from packistry.settings import Settings
from packistry.web.pages.visits import COOKIE
from tests import factories
from tests.postgresql import running_cluster
from tests.proofs.bench.compare import Effort
from tests.proofs.bench.results import Result, at_most
from tests.proofs.bench.seeding import VENDOR, Seed, fill, package_name

PACKAGES: Final = 10_000
VERSIONS: Final = 20
MANY: Final = 100_000
MOST_MS: Final = 50.0
# Of each page; the median counts.
TIMES: Final = 15
LISTS: Final = (
    "/-/",
    "/-/packages",
    "/-/packages?sort=-updated",
    "/-/packages?sort=-downloads&page=200&size=50",
    "/-/packages?q=orders+099",
    f"/-/packages/{package_name(4711)}/versions",
    f"/-/packages/{package_name(4711)}/dependents",
    "/-/repositories",
    "/-/imports",
    "/-/sources",
    "/-/deploy-tokens",
    "/-/users",
    "/-/audit",
    "/-/audit?q=099",
)
# What is asked for letter by letter, and what nothing has.
TYPED: Final = ("0", "099", "099999", "package", f"{VENDOR}/package-09", "nowhere")


def pages(folder: Path, effort: Effort) -> list[Result]:
    """Both databases, in this process: what is measured is the page with its answer, without a network."""
    found: list[Result] = []
    for kind, settings in (("SQLite", _sqlite), ("PostgreSQL", _postgresql)):
        place = folder / kind
        place.mkdir()
        with settings(place) as chosen, open_house(chosen) as house:
            found += _measured(kind, house, chosen)
    return found


@contextmanager
def _sqlite(folder: Path) -> Generator[Settings]:
    yield Settings(data_dir=folder)


@contextmanager
def _postgresql(folder: Path) -> Generator[Settings]:
    with running_cluster() as cluster:
        yield Settings(data_dir=folder, database_url=cluster.url(cluster.create()))


def _measured(kind: str, house: House, settings: Settings) -> Iterator[Result]:
    with TestClient(Worker(settings), base_url="http://packistry.test") as client:
        user = factories.user(house, role=Role.ADMINISTRATOR)
        with house.database.write() as session:
            client.cookies.set(COOKIE, begin_session(session, user, Place("192.0.2.1", "Bench")))
        root = 1
        fill(house, Seed(root, PACKAGES, VERSIONS))
        _analyse(house)
        yield _row(f"a list with {PACKAGES:,} packages, {kind}", client, LISTS)
        fill(house, Seed(root, MANY - PACKAGES, 1, first=PACKAGES))
        _analyse(house)
        searches = [f"/-/search?q={word}" for word in TYPED]
        yield _row(f"searching {MANY:,} packages as one types, {kind}", client, searches, region="palette")


def _analyse(house: House) -> None:
    """What both databases do by themselves on a server that goes on for longer."""
    with house.database.write() as session:
        session.execute(text("ANALYZE"))


def _row(case: str, client: TestClient, paths: Sequence[str], *, region: str = "") -> Result:
    took = {path: _median_ms(client, path, region) for path in paths}
    slowest = max(took, key=lambda path: took[path])
    detail = f"the slowest is {slowest}; all of them take {statistics.median(took.values()):.1f} ms in the middle"
    return at_most(f"{case}: ms to make it", took[slowest], MOST_MS, detail)


def _median_ms(client: TestClient, path: str, region: str) -> float:
    times: list[float] = []
    for _ in range(TIMES):
        began = time.perf_counter()
        answer = client.get(path, headers={"x-partial": region}, follow_redirects=False)
        times.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == 200, (path, answer.status_code)
    print(f"  {path}: {statistics.median(times):.1f} ms", flush=True)
    return statistics.median(times)
