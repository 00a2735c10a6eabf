"""Fixtures for all tests: fresh databases of both kinds, real Composer clients, and an environment without settings."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from starlette.testclient import TestClient

from packistry.app import House, Worker, open_house
from packistry.db.engine import Database
from packistry.db.schema import upgrade
from packistry.settings import Settings
from tests.chromium import running_chromium
from tests.composer.client import NAMES, Client, composer
from tests.lending import Lender
from tests.postgresql import Cluster, running_cluster
from tests.tools import let_children_hear_signals


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-client", action="store_true", help="tests marked one_client with all Composer clients")


def pytest_configure() -> None:
    let_children_hear_signals()


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors, as many tests wait for a process or a clock; each starts a PostgreSQL."""
    return min((os.cpu_count() or 1) + 1, 4)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out the older clients of tests in which the client is not what is tried."""
    if not config.getoption("--every-client"):
        left_out = [item for item in items if _is_with_an_older_client(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


def _is_with_an_older_client(item: pytest.Item) -> bool:
    if item.get_closest_marker("one_client") is None or not isinstance(item, pytest.Function):
        return False
    return item.callspec.params.get("composer_client", NAMES[-1]) != NAMES[-1]


@pytest.fixture(autouse=True)
def without_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the person who runs the tests has set up for a Packistry of their own must not matter."""
    for variable in [name for name in os.environ if name.startswith("PACKISTRY_")]:
        monkeypatch.delenv(variable)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """The PostgreSQL cluster of this run, started when the first test asks for it."""
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a fresh, empty database; a test that takes it runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'packistry.sqlite3'}"
        return
    cluster: Cluster = request.getfixturevalue("postgresql")
    name = cluster.create()
    yield cluster.url(name)
    cluster.drop(name)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite database to copy: migrating takes longer than most tests."""
    path = tmp_path_factory.mktemp("migrated") / "packistry.sqlite3"
    migrated = Database(f"sqlite:///{path}")
    upgrade(migrated)
    migrated.dispose()
    return path


@pytest.fixture(scope="session")
def migrated_databases(postgresql: Cluster, migrated_name: str) -> Lender:
    """Migrated PostgreSQL databases to borrow."""
    return Lender(postgresql, migrated_name)


@pytest.fixture(scope="session")
def migrated_name(postgresql: Cluster) -> str:
    """The name of a migrated PostgreSQL database to make others from."""
    name = postgresql.create()
    migrated = Database(Settings(database_url=postgresql.url(name)).sqlalchemy_url)
    upgrade(migrated)
    migrated.dispose()
    return name


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Settings with a data folder of their own and a migrated database, on SQLite and on PostgreSQL."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_file"), data_dir / "packistry.sqlite3")
        yield Settings(data_dir=data_dir)
        return
    databases: Lender = request.getfixturevalue("migrated_databases")
    name = databases.take()
    yield Settings(data_dir=data_dir, database_url=databases.cluster.url(name))
    databases.give_back(name)


@pytest.fixture
def house(settings: Settings) -> Iterator[House]:
    """The house behind the doors, with the root repository in it, on both databases."""
    with open_house(settings) as opened:
        yield opened


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """A caller of a worker on these settings: the whole application, without a network."""
    with TestClient(Worker(settings), base_url="http://packistry.test") as caller:
        yield caller


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One Chromium for the tests of a module. Its own loop runs in this thread: no test may call asyncio.run."""
    with running_chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture(scope="session")
def composer_clients() -> list[Client]:
    """The three real Composer clients, oldest first."""
    return [composer(name) for name in NAMES]


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.client) for name in NAMES])
def composer_client(request: pytest.FixtureRequest) -> Client:
    """A real Composer client; a test that takes it runs with each of the three."""
    return composer(request.param)
