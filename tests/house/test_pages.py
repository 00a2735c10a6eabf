"""docs/pages.md lists every page with its methods and who may open it."""

import asyncio
import re

from starlette.routing import Route
from starlette.testclient import TestClient

from packistry.house import House
from tests.house.test_routes import routes_behind
from tests.tools import ROOT

PAGE = ROOT / "docs" / "pages.md"
ROW = re.compile(r"^\| ([A-Z, ]+) \| `([^`]+)` \| (anybody|public|session) \| .+ \|$", re.MULTILINE)
LOST = "/-/{rest:path}"


def listed() -> dict[str, tuple[set[str], str]]:
    """Methods and visitors of each page, by its address."""
    found = ROW.findall(PAGE.read_text(encoding="utf-8"))
    return {address: (set(methods.split(", ")), who) for methods, address, who in found}


def test_every_page_is_listed_with_its_methods(house: House) -> None:
    routes = [route for route in asyncio.run(routes_behind(house)) if isinstance(route, Route)]
    pages = {route.path: set(route.methods or ()) - {"HEAD"} for route in routes if route.path[:3] in {"/", "/-/"}}
    pages.pop(LOST)

    assert pages == {address: methods for address, (methods, _) in listed().items()}


def test_whoever_did_not_sign_in_is_led_to_where_one_does(client: TestClient) -> None:
    origin = {"origin": "http://packistry.test"}
    for address, (methods, who) in listed().items():
        for method in methods:
            path = re.sub(r"\{[^}]+\}", "1", address)
            answer = client.request(method, path, headers=origin, follow_redirects=False)
            led = answer.status_code == 303 and answer.headers["location"].startswith("/-/sign-in?next=")
            # Of what is public nothing is here: that leads to the same place.
            assert led == (who != "anybody"), (method, address, answer.status_code)
