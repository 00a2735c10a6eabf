"""What each page asks the database: so many statements, however long the lists on it are."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, event
from starlette.testclient import TestClient

from packistry.accounts.sessions import Place, begin_session
from packistry.house import House
from packistry.web.pages.visits import COOKIE
from tests.web.screens.world import RICH, fill

# How many statements a page takes, the one among them that recognises who asks. None hangs on how much is listed.
MOST = {
    "/-/": 12,
    "/-/search?q=acme": 6,
    "/-/packages": 6,
    "/-/packages?q=acme&sort=-downloads": 6,
    f"/-/packages/{RICH}": 9,
    f"/-/packages/{RICH}/versions": 5,
    f"/-/packages/{RICH}/versions/2.1.3": 7,
    f"/-/packages/{RICH}/dependencies": 6,
    f"/-/packages/{RICH}/dependents": 7,
    "/-/repositories": 2,
    "/-/repositories/customers": 3,
    "/-/sources": 2,
    "/-/sources/1": 8,
    "/-/sources/1/deliveries": 4,
    "/-/imports": 4,
    "/-/imports/2": 6,
    "/-/deploy-tokens": 5,
    "/-/deploy-tokens/1": 6,
    "/-/personal-tokens": 3,
    "/-/users": 5,
    "/-/users/2": 7,
    "/-/audit": 3,
    "/-/profile": 2,
}


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """What the engines of this process are asked, without the settings of a connection."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith(("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")):
            seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield seen
    event.remove(Engine, "before_cursor_execute", note)


def test_a_page_costs_a_few_statements(client: TestClient, house: House, statements: list[str]) -> None:
    fill(house)
    with house.database.write() as session:
        client.cookies.set(COOKIE, begin_session(session, 1, Place("192.0.2.1", "Tests")))
    # The first visit notes where the browser is now.
    client.get("/-/profile")

    costs: dict[str, int] = {}
    for path in MOST:
        statements.clear()
        assert client.get(path, follow_redirects=False).status_code == 200, path
        costs[path] = len(statements)

    assert {path: cost for path, cost in costs.items() if cost > MOST[path]} == {}
