"""How many statements the hot documents cost: none when they are kept, a fixed few when they are not."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, event
from starlette.testclient import TestClient

from packistry.house import House
from tests import factories


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """What the engines of this process are asked. The look at the generation has a connection of its own."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield seen
    event.remove(Engine, "before_cursor_execute", note)


# The token takes four (generation, token, grants of repositories and packages), whatever is asked. The public address
# that was chosen on the pages is asked for once in the life of a worker.
TOKEN = 5


@pytest.mark.parametrize(
    ("path", "most"),
    [("p2/acme/lib.json", TOKEN + 1), ("p2/acme/unknown.json", TOKEN + 4), ("packages.json", TOKEN + 5)],
)
def test_a_document_costs_statements_only_the_first_time(
    client: TestClient, house: House, statements: list[str], path: str, most: int
) -> None:
    factories.repository(house, "acme")
    factories.publish(house)
    headers = {"Authorization": f"Bearer {factories.deploy_token(house, 'acme')}"}
    statements.clear()

    client.get(f"/r/acme/{path}", headers=headers)
    first = [statement for statement in statements if statement.startswith("SELECT")]
    statements.clear()
    client.get(f"/r/acme/{path}", headers=headers)

    assert 0 < len(first) <= most, first
    assert [statement for statement in statements if statement.startswith("SELECT")] == []
