"""Opening the house for one command. Imports what costs time only when it is called."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packistry.access.actors import System
    from packistry.house import House
    from packistry.sources.desk import SourceDesk


@contextmanager
def opened(*, migrate: bool = True) -> "Generator[House]":
    """The house of the settings around us, migrated unless told otherwise; its log goes to standard error."""
    from packistry.house import open_house
    from packistry.settings import load_settings

    settings = load_settings()
    # Where nothing that logs was loaded, as in most commands, the logs' own 0.1 s are spared.
    if "structlog" in sys.modules:
        from packistry import logs

        logs.configure(settings, sys.stderr)
    with open_house(settings, migrate=migrate) as house:
        yield house


def desk_of(house: "House") -> "SourceDesk":
    """Where people connect sources. What it logs goes to standard error: it was loaded after the house was opened."""
    desk = house.desk
    from packistry import logs

    logs.configure(house.settings, sys.stderr)
    return desk


def require_database() -> None:
    """Refuses when there is no SQLite file yet, which looking at it would make."""
    from packistry.errors import NotFound
    from packistry.settings import load_settings

    path = load_settings().sqlite_path
    if path is not None and not path.exists():
        raise NotFound(f"There is no database {path} yet; `packistry db upgrade`, or any other command, makes it.")


def operator() -> "System":
    """Who acts here, whoever typed it: they could read the database file anyway."""
    from packistry.access.actors import System

    return System()


def public_url(house: "House") -> str:
    """The address people use; where `serve` listens by default when none is known."""
    return house.public_url or "http://127.0.0.1:8000"
