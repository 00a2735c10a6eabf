"""Searching everything: what is found, in which order, and that nobody finds what they may not see."""

import pytest

from packistry.access.actors import System
from packistry.access.grants import Grant
from packistry.db.models import Source
from packistry.house import House
from packistry.packages.finding import find_names
from tests import factories
from tests.web.pages.browser import Browser
from tests.web.pages.test_deliveries import source_row


@pytest.fixture
def things(house: House) -> House:
    """Packages of two repositories, and a source."""
    factories.repository(house, "customers")
    factories.publish(house, "acme/http-client", repository="")
    factories.publish(house, "acme/a-client", repository="")
    factories.publish(house, "client/tools", repository="")
    factories.publish(house, "acme/client", repository="customers")
    with house.database.write() as session:
        session.add(source_row("Client host"))
    return house


def test_names_that_begin_with_the_word_come_first_and_of_them_the_shortest(things: House) -> None:
    with things.database.read() as session:
        found = [each.name for each in find_names(session, System(), ["CLIENT"], 10)]

    assert found == ["acme/client", "client/tools", "acme/a-client", "acme/http-client"]


ASKED: list[tuple[str, list[str], str]] = [
    ("acme/http", ["acme/http-client"], "a vendor and the beginning of a name"),
    ("client http", ["acme/http-client"], "all words, in any order"),
    ("acme/%", [], "a wildcard means itself"),
    ("_", [], "so does the other one"),
]


@pytest.mark.parametrize(("text", "names", "why"), ASKED, ids=[row[2] for row in ASKED])
def test_all_words_are_in_the_name(things: House, text: str, names: list[str], why: str) -> None:
    with things.database.read() as session:
        found = [each.name for each in find_names(session, System(), text.split(), 10)]

    assert found == names, why


@pytest.mark.usefixtures("things")
def test_an_administrator_finds_everything(administrator: Browser) -> None:
    links = administrator.open("/-/search?q=client").links

    assert {"/-/packages/acme/http-client", "/-/r/customers/acme/client", "/-/sources/1"} <= set(links)
    assert "/-/users/1" in administrator.open("/-/search?q=ADA").links
    assert "/-/repositories/customers" in administrator.open("/-/search?q=customers").links
    assert "/-/deploy-tokens/new" in administrator.open("/-/search?q=new+deploy").links


@pytest.mark.usefixtures("things")
def test_a_user_finds_only_what_was_given(plain_user: Browser, house: House) -> None:
    nothing = plain_user.open("/-/search?q=client")
    single = factories.user(house, "eve@example.test", Grant("customers", "acme/client"))
    plain_user.sign_in(single)

    found = plain_user.open("/-/search?q=client", headers={"x-partial": "palette"})

    assert "Nothing that you may see" in nothing.text
    assert [link for link in found.links if not link.startswith("/-/static")] == ["/-/r/customers/acme/client"]
    assert "/-/users" not in plain_user.open("/-/search").links
    assert "eve@" not in plain_user.open("/-/search?q=eve", headers={"x-partial": "palette"}).html


def test_before_a_word_there_are_the_pages(administrator: Browser) -> None:
    part = administrator.open("/-/search?q=", headers={"x-partial": "palette"})

    assert "<html" not in part.html
    assert "/-/audit" in part.links


def test_what_is_searched_for_is_no_markup(administrator: Browser, house: House) -> None:
    with house.database.write() as session:
        session.add(Source(**{**_row(), "name": "<i>x</i>"}))

    html = administrator.open("/-/search?q=%3Ci%3E", headers={"x-partial": "palette"}).html

    assert "<i>" not in html
    assert "&lt;i&gt;x" in html


def _row() -> dict[str, object]:
    row = source_row()
    names = ("provider", "address", "credential", "settings", "concurrency", "created_at")
    return {name: getattr(row, name) for name in names}
