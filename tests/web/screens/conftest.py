"""A real server with something on its pages, for the tests of a module."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from packistry.access.permissions import Role
from packistry.app import open_house
from packistry.settings import Settings
from tests import factories
from tests.server import Installation
from tests.web.screens.shown import Shown


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Shown]:
    """A server with an administrator and a package."""
    data_dir = tmp_path_factory.mktemp("shown") / "data"
    data_dir.mkdir()
    shutil.copy(migrated_file, data_dir / "packistry.sqlite3")
    with open_house(Settings(data_dir=data_dir)) as house:
        factories.user(house, "ada@example.test", role=Role.ADMINISTRATOR)
        factories.publish(house, "acme/widgets", "1.0.0", repository="")
        with Installation(data_dir).serve() as server:
            yield Shown(house, server)
