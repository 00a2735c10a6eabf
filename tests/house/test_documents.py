"""The reference pages say what the code does: a setting, permission, event or command that is missing there fails."""

import importlib
from enum import StrEnum

import pytest

from scripts.reference_docs import DOCS, PAGES

# Page, and the enumeration whose every value it explains in a row of its own.
ENUMERATIONS = [
    ("permissions.md", "packistry.access.permissions", "Permission"),
    ("audit-events.md", "packistry.audit.events", "Event"),
]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_made_from_the_code_is_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "run `make docs`"


@pytest.mark.parametrize(("page", "module", "name"), ENUMERATIONS)
def test_every_value_has_its_row(page: str, module: str, name: str) -> None:
    values: type[StrEnum] = getattr(importlib.import_module(module), name)
    rows = [line for line in (DOCS / page).read_text(encoding="utf-8").splitlines() if line.startswith("| `")]

    explained = [row.split("`")[1] for row in rows]

    assert sorted(explained) == sorted(value.value for value in values)
    assert all(len(row.split("|")[2].strip()) > 10 for row in rows)
