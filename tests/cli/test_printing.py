"""What people see: tables that fit, and nothing that a terminal would obey."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from packistry.cli.printing import facts, moment, printable, table
from packistry.house import House
from tests import factories
from tests.cli.conftest import Packistry
from tests.composer.client import Terminal
from tests.server import Installation

OBEYED = {
    "a colour": ("\x1b[31mred", "\ufffd[31mred"),
    "a title": ("\x1b]0;owned\x07", "\ufffd]0;owned\ufffd"),
    "a carriage return": ("safe\rhidden", "safe\ufffdhidden"),
    "an eight-bit sequence": ("\x9b31m", "\ufffd31m"),
    "letters the other way round": ("\u202egnp.exe", "\ufffdgnp.exe"),
}


@pytest.mark.parametrize(("text", "shown"), OBEYED.values(), ids=OBEYED)
def test_what_a_terminal_would_obey_is_replaced(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_letters_of_all_languages_stay() -> None:
    assert printable("schöne 包裹 🎁\ttab") == "schöne 包裹 🎁\ttab"


def test_an_upload_cannot_colour_the_terminal(packistry: Packistry, house: House) -> None:
    factories.repository(house)
    factories.publish(house, description="\x1b[31mred")

    called = packistry("package", "list", code=0)

    assert "\x1b" not in called.out
    assert "red" in called.out


def test_a_refusal_cannot_colour_the_terminal(packistry: Packistry) -> None:
    assert "\x1b" not in packistry("package", "show", "\x1b[31mred", code=1).err


def test_a_moment_is_told_in_utc() -> None:
    cet = timezone(timedelta(hours=1))

    assert moment(datetime(2026, 1, 2, 0, 30, tzinfo=cet)) == "2026-01-01 23:30"
    assert moment(datetime(2026, 1, 2, tzinfo=UTC)) == "2026-01-02 00:00"
    assert moment(None, "never") == "never"


def test_facts_stand_below_each_other() -> None:
    assert list(facts([("name", "Ada"), ("description", "-"), ("empty", "")])) == [
        "name:        Ada",
        "description: -",
        "empty:",
    ]


def test_in_a_pipe_a_row_is_a_line_however_long() -> None:
    lines = list(table(("A", "B"), [("x" * 100, "y y"), ("short", 7)], empty="none"))

    assert [len(line.splitlines()) for line in lines] == [1, 1, 1]
    assert lines[2] == f"{'short':<100}  7"


def test_a_column_without_header_and_content_takes_no_room() -> None:
    assert list(table(("NAME", ""), [("one", "")], empty="None.")) == ["NAME", "one"]


def test_an_empty_table_is_a_sentence() -> None:
    assert list(table(("A",), [], empty="There is nothing.")) == ["There is nothing."]


def test_on_a_terminal_a_table_fits_and_loses_nothing(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "data")
    words = [f"word{number}" for number in range(40)]
    installation.run("repository", "add", "Acme", "--path", "acme", "--description", " ".join(words))
    environment = installation.environment | {"COLUMNS": "60"}

    with Terminal([installation.program, "repository", "list"], tmp_path, environment) as terminal:
        shown = terminal.finish().stdout

    assert max(len(line) for line in shown.splitlines()) <= 60
    assert [word for word in words if word not in shown] == []
    assert "\x1b" not in shown
