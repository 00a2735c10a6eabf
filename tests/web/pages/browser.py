"""A browser without a screen: it keeps cookies, says where a form was sent from, and reads what is on a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from starlette.testclient import TestClient

from packistry.accounts.sessions import Place, begin_session
from packistry.house import House
from packistry.web.pages.visits import COOKIE

HOME = "http://packistry.test"
Fields = Mapping[str, str | Sequence[str]]


@dataclass
class Browser:
    """One person's browser."""

    client: TestClient
    house: House

    def sign_in(self, user_id: int) -> "Browser":
        """Signs in without typing a password, which takes 0.2 s."""
        with self.house.database.write() as session:
            plain = begin_session(session, user_id, Place("192.0.2.1", "Tests"))
        self.client.cookies.set(COOKIE, plain)
        return self

    def open(self, path: str, *, status: int = 200, headers: Mapping[str, str] | None = None) -> "Shown":
        """The page at this address."""
        answer: Any = self.client.get(path, headers=dict(headers or {}), follow_redirects=False)
        assert answer.status_code == status, (path, answer.status_code, answer.text[-2000:])
        return Shown(answer)

    def send(self, path: str, fields: Fields | None = None, *, status: int = 303, origin: str = HOME) -> "Shown":
        """Sends a form to this address."""
        headers = {"origin": origin} if origin else {}
        data = {name: value if isinstance(value, str) else list(value) for name, value in (fields or {}).items()}
        answer: Any = self.client.post(path, data=data, headers=headers, follow_redirects=False)
        assert answer.status_code == status, (path, answer.status_code, answer.text[-2000:])
        return Shown(answer)


@dataclass
class Shown:
    """What a browser shows."""

    answer: Any

    @property
    def text(self) -> str:
        """The words on the page, with one space between them."""
        reader = _Reader()
        reader.feed(self.answer.text)
        return " ".join(" ".join(reader.words).split())

    @property
    def html(self) -> str:
        return self.answer.text

    @property
    def leads_to(self) -> str:
        """Where the browser is sent on to."""
        return self.answer.headers["location"]

    @property
    def links(self) -> list[str]:
        """Every address that a link or form of the page leads to."""
        reader = _Reader()
        reader.feed(self.answer.text)
        return reader.links


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in {"script", "style"}
        self.links += [value for name, value in attrs if name in {"href", "action"} and value]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in {"script", "style"}

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.append(data)
