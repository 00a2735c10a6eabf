"""Fixtures for all tests: fresh databases of both kinds, real Composer clients, and an environment without settings."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.composer.client import NAMES, Client, composer
from tests.postgresql import Cluster, running_cluster


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
def composer_clients() -> list[Client]:
    """The three real Composer clients, oldest first."""
    return [composer(name) for name in NAMES]


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.client) for name in NAMES])
def composer_client(request: pytest.FixtureRequest) -> Client:
    """A real Composer client; a test that takes it runs with each of the three."""
    return composer(request.param)
