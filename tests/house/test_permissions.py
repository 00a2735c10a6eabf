"""No dead rights: a permission guards something, and an audit event is written somewhere."""

import re
from enum import StrEnum
from pathlib import Path

import pytest

from packistry.access.permissions import Permission
from packistry.audit.events import Event
from tests.tools import ROOT

SOURCES = ROOT / "src" / "packistry"
CATALOGUES = [(Permission, SOURCES / "access" / "permissions.py"), (Event, SOURCES / "audit" / "events.py")]


@pytest.mark.parametrize(("values", "home"), CATALOGUES, ids=["permissions", "events"])
def test_every_value_is_used_outside_of_the_file_that_names_it(values: type[StrEnum], home: Path) -> None:
    elsewhere = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES.rglob("*.py") if path != home)

    used = set(re.findall(rf"\b{values.__name__}\.([A-Z_]+)", elsewhere))

    assert [value.name for value in values if value.name not in used] == []
