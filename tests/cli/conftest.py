"""Calling commands: in this process for speed, on both databases, with what they print."""

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import pytest
import structlog
from pydantic import TypeAdapter

from packistry.cli.main import run
from packistry.documents.subjects import ErrorDocument, ProblemDocument
from packistry.settings import Settings

Document = TypeVar("Document")


@dataclass
class Called:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    def document(self, kind: type[Document]) -> Document:
        """Standard output as the one document that was promised, key by key."""
        return _read(kind, self.out)

    def documents(self, kind: type[Document]) -> list[Document]:
        """Standard output as a list of such documents."""
        return [_read(kind, json.dumps(each)) for each in json.loads(self.out)]

    @property
    def refusal(self) -> ProblemDocument:
        """Why it was refused, the same in both streams."""
        error = self.document(ErrorDocument).error
        assert self.code == 1, (self.code, self.err)
        assert error.message in self.err
        return error


Packistry = Callable[..., Called]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Packistry:
    """Runs a command, with `typed` on its standard input, in the environment as it is."""

    def call(*arguments: str, typed: str = "", code: int | None = None) -> Called:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed.encode())))
        capsys.readouterr()
        ended = run(arguments)
        printed = capsys.readouterr()
        called = Called(ended, printed.out, printed.err)
        assert code is None or ended == code, called
        return called

    return call


@pytest.fixture
def packistry(settings: Settings, monkeypatch: pytest.MonkeyPatch, calls: Packistry) -> Packistry:
    """Runs a command on a fresh, migrated database of each kind."""
    monkeypatch.setenv("PACKISTRY_DATA_DIR", str(settings.data_dir))
    if settings.database_url is not None:
        monkeypatch.setenv("PACKISTRY_DATABASE_URL", settings.database_url)
    return calls


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """Commands send the log to their standard error, which is closed after the test."""
    handlers, level = list(logging.getLogger().handlers), logging.getLogger().level
    yield
    logging.getLogger().handlers = handlers
    logging.getLogger().setLevel(level)
    structlog.reset_defaults()


def _read(kind: type[Document], text: str) -> Document:
    value: Any = json.loads(text)
    names = [field.name for field in fields(kind)]  # pyright: ignore[reportArgumentType] all of them are dataclasses
    assert sorted(value) == sorted(names)
    return TypeAdapter(kind).validate_json(text, strict=True)
