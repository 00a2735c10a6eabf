"""Fixtures for tests with real clients: one running registry for all, a repository and projects for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from packistry.settings import Settings
from tests.composer.client import Client
from tests.composer.registry import Projects, Registry, Shelf, running_registry


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """The registry of this test process."""
    data_dir = tmp_path_factory.mktemp("registry") / "data"
    with running_registry(Settings(data_dir=data_dir)) as running:
        yield running


@pytest.fixture
def shelf(registry: Registry) -> Shelf:
    """A private repository below /r/."""
    return registry.shelf()


@pytest.fixture(params=["/", "/r/path"])
def any_shelf(registry: Registry, request: pytest.FixtureRequest) -> Shelf:
    """A private repository: the root, and one below /r/."""
    return registry.shelf("" if request.param == "/" else None)


@pytest.fixture
def projects(composer_client: Client, tmp_path: Path) -> Projects:
    """Makes projects of each of the three clients."""
    return Projects(composer_client, tmp_path)
