"""docs/routes.md lists every address that answers, and its rights and credentials are those that hold."""

import ast
import asyncio
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import BaseRoute, Route

from packistry.app import wire
from packistry.house import open_house
from packistry.settings import Settings
from packistry.web import wire as wire_module
from tests.factories import package_zip
from tests.tools import ROOT
from tests.web.hosts import add, hook
from tests.web.worlds import SUB, World, settings_in, world

PAGE = ROOT / "docs" / "routes.md"
ROW = re.compile(r"^\| ([A-Z, ]+) \| `([^`]+)` \| (read|write|metrics|-) \| ([a-z, -]+) \| .+ \|$", re.MULTILINE)
EXAMPLES = {"vendor": "acme", "name": "lib", "version": "1.0.0", "id": "1", "reference": "ab", "virtual": "ext-json"}
# One source, whose first project goes to the root repository and whose second one to the other.
HOOKED = {"provider": "git", "source": "1", "repository": SUB}
METHODS = {"READ": wire_module.READ, "WRITE": wire_module.WRITE}


@dataclass(frozen=True)
class Row:
    """One line of the page."""

    methods: frozenset[str]
    address: str
    right: str
    credentials: frozenset[str]

    @property
    def rest(self) -> str:
        """An example of the address below a repository, with a slash in front."""
        examples = EXAMPLES | HOOKED | {"project": "2" if self.address.startswith("/r/") else "1"}
        return re.sub(r"\{(\w+)\}", lambda part: examples[part[1]], self.address.removeprefix("{repository}"))

    def __str__(self) -> str:
        return f"{'/'.join(sorted(self.methods))} {self.address}"


@cache
def rows() -> list[Row]:
    return [
        Row(frozenset(methods.split(", ")), address, right, frozenset(credentials.split(", ")) - {"-"})
        for methods, address, right, credentials in ROW.findall(PAGE.read_text(encoding="utf-8"))
    ]


def handlers_in_the_code() -> set[tuple[frozenset[str], str]]:
    """Methods and handler of each Route that wire.py makes."""
    made = (node for node in ast.walk(ast.parse(Path(wire_module.__file__).read_text(encoding="utf-8"))))
    calls = [node for node in made if isinstance(node, ast.Call) and ast.unparse(node.func) == "Route"]
    assert len(calls) > 5, "the wire makes its routes in another way now"
    return {(METHODS[ast.unparse(call.args[0])], ast.unparse(call.args[1]).rpartition(".")[2]) for call in calls}


def handlers_of_the_page(settings: Settings) -> set[tuple[frozenset[str], str]]:
    """What the wire itself picks for the example of each line, with the methods that the line names."""

    async def ask() -> set[tuple[frozenset[str], str]]:
        with open_house(settings) as house, ThreadPoolExecutor(1) as executor:
            async with wire(house, executor) as app:
                picked = [(row, app.route(row.rest[1:], method)) for row in wire_rows() for method in row.methods]
        assert [str(row) for row, route in picked if route is None or route.methods != row.methods] == []
        return {(row.methods, getattr(route.handler, "__name__", "")) for row, route in picked if route}

    return asyncio.run(ask())


def wire_rows() -> list[Row]:
    return [row for row in rows() if row.address.startswith("{repository}")]


def test_every_address_of_the_wire_is_listed_with_its_methods(tmp_path: Path) -> None:
    assert handlers_of_the_page(Settings(data_dir=tmp_path / "data")) == handlers_in_the_code()


def test_every_address_behind_the_wire_is_listed_with_its_methods(house: Any) -> None:
    routes = asyncio.run(routes_behind(house))
    listed = {(row.address, row.methods) for row in rows() if row not in wire_rows()}

    # The pages have a list of their own.
    shown = {(route.path, frozenset(route.methods or ())) for route in routes if isinstance(route, Route)}
    assert {each for each in shown if each[0] != "/" and not each[0].startswith("/-/")} == listed
    # What is below the API is in its own document.
    assert [getattr(route, "path", "") for route in routes if not isinstance(route, Route)] == ["/api/v1"]


async def routes_behind(house: Any) -> Sequence[BaseRoute]:
    with ThreadPoolExecutor(1) as executor:
        async with wire(house, executor) as app:
            behind: Any = app.behind
            return behind.routes


# Who asks, which credential that is, and whether he reads or writes in the private repository.
CALLERS: list[tuple[str, str, str]] = [
    ("nobody", "", "nothing"),
    ("reader", "token", "read"),
    ("writer", "token", "write"),
    ("user who may read", "token", "read"),
    ("user who may write", "token", "write"),
    ("password", "password", "write"),
]


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[World]:
    """A world whose repositories are private."""
    folder = tmp_path_factory.mktemp("routes")
    with world(settings_in(folder / "data", migrated_file), "private") as made:
        first = hook(made.house, made.client, "git", repository="")
        add(made.house, made.client, first.source(), "acme/widgets.git", repository=SUB)
        yield made


@pytest.mark.parametrize("row", rows(), ids=str)
@pytest.mark.parametrize(("caller", "credential", "right"), CALLERS)
def test_the_right_and_the_credentials_of_an_address_are_those_of_the_page(
    private: World, row: Row, caller: str, credential: str, right: str
) -> None:
    allowed = row.right == "-" or (credential in row.credentials and right in {row.right, "write"})

    answer = private.ask(*_request(private, row), private.caller(caller, SUB), **_body(row))

    assert (answer.status_code < 300) is allowed, answer.text
    assert allowed or answer.status_code in {401, 403}


def _request(here: World, row: Row) -> tuple[str, str, str]:
    """Method, repository and the rest of an address that leads to something."""
    method = "POST" if "POST" in row.methods else "GET"
    if "{reference}" in row.address:
        return method, SUB, here.dists[SUB, "acme/lib"]
    return method, SUB if row in wire_rows() else "", row.rest


def _body(row: Row) -> dict[str, Any]:
    if row.right == "write":
        # The archive that is there already: nothing changes.
        return {"files": {"file": package_zip("acme/lib", version="1.0.0")}}
    return {"json": {"downloads": []}} if "POST" in row.methods else {}
