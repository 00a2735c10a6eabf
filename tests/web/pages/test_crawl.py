"""Everybody follows each link and fills in each form: nothing they may not see, no fault, no link to nowhere."""

from sqlalchemy import func, select
from starlette.testclient import TestClient

from packistry.access.grants import Grant
from packistry.access.permissions import Role
from packistry.accounts.sessions import Place, begin_session
from packistry.db.models import Base, Package, Repository, Source, Token, User, Version
from packistry.house import House
from packistry.web.pages.visits import COOKIE
from tests import factories
from tests.web.pages.crawling import Crawl
from tests.web.screens.world import fill

# Invented words in names: where one is read, that thing is seen.
HIDDEN = ("plugh", "frotz", "xyzzy", "gnusto", "rezrov", "zork")
# Of these what a user sees who was given acme/frotz of the repository xyzzy.
GIVEN = ("frotz", "xyzzy")
COUNTED: tuple[type[Base], ...] = (Package, Repository, Source, Token, User, Version)


def plant(house: House) -> dict[str, str]:
    """Things with words in their names; the cookies of people by what they are."""
    fill(house)
    factories.repository(house, "xyzzy")
    factories.publish(house, "acme/plugh", repository="", description="plugh")
    factories.publish(house, "acme/frotz", repository="xyzzy", description="frotz")
    factories.publish(house, "acme/gnusto", repository="xyzzy", require={"acme/frotz": "^1.0"})
    factories.deploy_token(house, "xyzzy", name="rezrov")
    people = {
        "administrator": factories.user(house, "zork@example.test", role=Role.ADMINISTRATOR),
        "given": factories.user(house, "given@example.test", Grant("xyzzy", "acme/frotz")),
        "nothing": factories.user(house, "nothing@example.test"),
    }
    with house.database.write() as session:
        return {who: begin_session(session, user, Place("192.0.2.1", "Tests")) for who, user in people.items()}


def counts(house: House) -> dict[str, int]:
    with house.database.read() as session:
        return {table.__tablename__: session.scalar(select(func.count()).select_from(table)) or 0 for table in COUNTED}


def test_everybody_finds_what_they_may_and_nothing_else(client: TestClient, house: House) -> None:
    sessions = plant(house)
    administrator = Crawl(client, {COOKIE: sessions["administrator"]})
    others = {
        "given": Crawl(client, {COOKIE: sessions["given"]}, [word for word in HIDDEN if word not in GIVEN], True),
        "nothing": Crawl(client, {COOKIE: sessions["nothing"]}, HIDDEN, True),
        "anonymous": Crawl(client, {}, HIDDEN, True),
    }

    administrator.follow("/-/")
    before = counts(house)
    for other in others.values():
        other.follow("/-/")
        other.try_addresses(administrator.pages)
        other.fill_in(administrator.forms - other.forms)
    after = counts(house)
    for other in others.values():
        other.takes_away = False
        other.fill_in(other.forms)
    administrator.fill_in(administrator.forms)

    assert administrator.wrong == []
    assert {who: other.wrong for who, other in others.items() if other.wrong} == {}
    assert after == before
    assert len(administrator.pages) > 50
    assert any("frotz" in page for page in others["given"].pages)
