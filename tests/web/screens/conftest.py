"""A real server with something on its pages, for the tests of a module."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.screens.shown import Shown, showing
from tests.web.screens.world import fill


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Shown]:
    """A server with what world.py makes."""
    with showing(tmp_path_factory.mktemp("shown"), migrated_file, fill) as found:
        yield found
