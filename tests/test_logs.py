"""Lines in the log: one form for our own events and those of libraries."""

import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import structlog

from packistry import logs
from packistry.settings import Settings


@pytest.fixture(autouse=True)
def as_they_were() -> Iterator[None]:
    """The log of the test run itself."""
    handlers, level = list(logging.getLogger().handlers), logging.getLogger().level
    yield
    logging.getLogger().handlers = handlers
    logging.getLogger().setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in stream.getvalue().splitlines()]


def test_events_are_json_with_their_facts() -> None:
    stream = io.StringIO()
    logs.configure(Settings(), stream)

    structlog.get_logger("packistry.test").info("version.published", package="acme/lib", path=Path("/srv"))

    (line,) = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "version.published", "level": "info", "package": "acme/lib", "path": "/srv"}


def test_libraries_write_the_same_form_but_only_warnings() -> None:
    stream = io.StringIO()
    logs.configure(Settings(), stream)

    logging.getLogger("alembic").info("Context impl")
    logging.getLogger("alembic").warning("Deprecated")

    assert [(line["event"], line["level"]) for line in lines(stream)] == [("Deprecated", "warning")]


def test_an_exception_is_one_line() -> None:
    stream = io.StringIO()
    logs.configure(Settings(), stream)

    try:
        int("no number")
    except ValueError:
        structlog.get_logger("packistry.test").exception("it.failed")

    (line,) = lines(stream)
    assert "no number" in line["exception"]


@pytest.mark.parametrize(("level", "kept"), [("debug", 3), ("info", 2), ("error", 1)])
def test_the_level_is_the_one_that_was_set(level: Any, kept: int) -> None:
    stream = io.StringIO()
    logs.configure(Settings(log_level=level), stream)
    log = structlog.get_logger("packistry.test")

    for write in (log.debug, log.info, log.error):
        write("something.happened")

    assert len(lines(stream)) == kept


def test_text_is_for_people_and_without_colour_outside_a_terminal() -> None:
    stream = io.StringIO()
    logs.configure(Settings(log_format="text"), stream)

    structlog.get_logger("packistry.test").info("server.starting", port=8000)

    assert "server.starting" in stream.getvalue()
    assert "port=8000" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()
