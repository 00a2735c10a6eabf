"""Callers of the API: a person's token or browser, and what is said of an answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.testclient import TestClient

from packistry.access.permissions import Ability
from packistry.accounts.sessions import Place, begin_session
from packistry.db.models import User
from packistry.house import House
from packistry.tokens.actions import create_personal_token
from packistry.web.pages.visits import COOKIE
from tests.factories import OPERATOR

HOME = "http://packistry.test"
_numbers = iter(range(1, 1_000_000))


@dataclass
class Caller:
    """Whoever calls, by the headers that prove it."""

    client: TestClient
    headers: dict[str, str] = field(default_factory=dict[str, str])

    def ask(self, method: str, path: str, *, status: int = 200, **options: Any) -> Any:
        """The answer to this call below /api/v1."""
        headers: Mapping[str, str] = options.pop("headers", {})
        answer = self.client.request(method, f"/api/v1{path}", headers={**self.headers, **headers}, **options)
        assert answer.status_code == status, (method, path, answer.status_code, answer.text[-2000:])
        return answer

    def get(self, path: str, *, status: int = 200, **options: Any) -> Any:
        """What is answered, understood."""
        return self.ask("GET", path, status=status, **options).json()

    def post(self, path: str, body: Any = None, *, status: int = 201, **options: Any) -> Any:
        return self.ask("POST", path, status=status, json=body, **options).json()

    def refused(self, method: str, path: str, status: int, **options: Any) -> str:
        """The code of the problem."""
        answer = self.ask(method, path, status=status, **options)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
        return answer.json()["code"]


def by_token(client: TestClient, house: House, user_id: int, *abilities: Ability) -> Caller:
    """The user with a new personal token of these abilities."""
    with house.database.write() as session:
        owner = session.get_one(User, user_id)
        name = f"api-{next(_numbers)}"
        _, secret = create_personal_token(session, OPERATOR, owner, name=name, abilities=frozenset(abilities))
    return Caller(client, {"authorization": f"Bearer {secret.plain}"})


def by_browser(client: TestClient, house: House, user_id: int, *, origin: str = HOME) -> Caller:
    """The user's browser, in a page of this origin."""
    with house.database.write() as session:
        plain = begin_session(session, user_id, Place("192.0.2.1", "Tests"))
    return Caller(client, {"cookie": f"{COOKIE}={plain}", "origin": origin})
