"""A server whose pages are looked at, and how one comes to them without typing a password each time."""

import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import BrowserContext
from sqlalchemy import select

from packistry.accounts.sessions import Place, begin_session
from packistry.app import open_house
from packistry.db.models import User
from packistry.house import House
from packistry.settings import Settings
from packistry.web.pages.visits import COOKIE
from tests.server import Installation, Server


@dataclass(frozen=True, slots=True)
class Shown:
    """A running server, and the house behind it to change what is shown."""

    house: House
    server: Server

    def address(self, path: str) -> str:
        """Where the page at this path is."""
        return self.server.url + path

    def sign_in(self, window: BrowserContext, email: str) -> None:
        """Signs this user in without a password, which takes 0.2 s."""
        with self.house.database.write() as session:
            user_id = session.scalars(select(User.id).where(User.email == email)).one()
            plain = begin_session(session, user_id, Place("127.0.0.1", "Tests"))
        window.add_cookies([{"name": COOKIE, "value": plain, "url": self.server.url}])


@contextmanager
def showing(folder: Path, migrated: Path, fill: Callable[[House], None]) -> Generator[Shown]:
    """A server on a copy of this migrated database, with what `fill` puts into it."""
    data_dir = folder / "data"
    data_dir.mkdir()
    shutil.copy(migrated, data_dir / "packistry.sqlite3")
    with open_house(Settings(data_dir=data_dir)) as house:
        fill(house)
        with Installation(data_dir, settings={"development": "yes"}).serve() as server:
            yield Shown(house, server)
