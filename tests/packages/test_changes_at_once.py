"""Two changes of one package at once: the second waits for the first and sees what it left."""

import json
import threading
from collections.abc import Callable

import pytest
from sqlalchemy import select

from packistry.composer.metadata import complete, expand
from packistry.db.engine import WriteSession
from packistry.db.models import Document, Package, Version
from packistry.errors import NotFound
from packistry.house import House
from packistry.packages.actions import delete_package, delete_version, purge_package, purge_version, update_package
from packistry.packages.documents import Address
from packistry.packages.queries import find_package_named, find_version
from tests import factories
from tests.factories import OPERATOR

ADDRESS = Address(None, "acme")
Change = Callable[[House], object]


@pytest.fixture
def acme(house: House) -> House:
    """A house with acme/lib 1.0.0 and 2.0.0 in it."""
    factories.repository(house, "acme")
    factories.publish(house, version="1.0.0")
    factories.publish(house, version="2.0.0")
    return house


def package(session: WriteSession) -> Package:
    return find_package_named(session, OPERATOR, "acme/lib", path="acme", deleted=True)[0]


def delete(session: WriteSession, version: str) -> None:
    found = package(session)
    delete_version(session, OPERATOR, found, find_version(session, found, version), ADDRESS)


def purge(session: WriteSession, version: str) -> None:
    found = package(session)
    purge_version(session, OPERATOR, found, find_version(session, found, version), ADDRESS)


def publish_third(house: House) -> None:
    factories.publish(house, version="3.0.0")


def within(change: Callable[[WriteSession], object]) -> Change:
    def run(house: House) -> None:
        with house.database.write() as session:
            change(session)

    return run


def at_once(house: House, first: Callable[[WriteSession], object], second: Change) -> list[type[Exception]]:
    """Both changes, the second begun while the first is not committed; what the second was refused with."""
    refused: list[type[Exception]] = []

    def run() -> None:
        try:
            second(house)
        except NotFound as refusal:
            refused.append(type(refusal))

    other = threading.Thread(target=run)
    with house.database.write() as session:
        first(session)
        other.start()
        other.join(0.5)
        assert other.is_alive(), "it waits for the first"
    other.join(60)
    return refused


def told(house: House) -> set[str]:
    """The stable versions clients are told of."""
    with house.database.read() as session:
        template = session.scalars(select(Document.template).where(Document.name == "acme/lib")).one()
    [entries] = json.loads(complete(template, "http://x"))["packages"].values()
    return {entry["version"] for entry in expand(entries)}


def live(house: House) -> set[str]:
    with house.database.read() as session:
        return set(session.scalars(select(Version.version).where(Version.deleted_at.is_(None))))


@pytest.mark.parametrize(
    ("second", "left"),
    [
        (publish_third, {"2.0.0", "3.0.0"}),
        (within(lambda session: delete(session, "2.0.0")), set[str]()),
        (within(lambda session: purge(session, "2.0.0")), set[str]()),
        (within(lambda session: delete_package(session, OPERATOR, package(session), ADDRESS)), set[str]()),
        (within(lambda session: purge_package(session, OPERATOR, package(session), ADDRESS)), set[str]()),
        (
            within(lambda session: update_package(session, OPERATOR, package(session), abandoned="", address=ADDRESS)),
            {"2.0.0"},
        ),
    ],
    ids=["publish", "delete", "purge", "delete package", "purge package", "update"],
)
def test_the_metadata_is_what_both_changes_left(acme: House, second: Change, left: set[str]) -> None:
    at_once(acme, lambda session: delete(session, "1.0.0"), second)

    assert told(acme) == live(acme) == left


def test_a_version_that_was_published_meanwhile_is_told(acme: House) -> None:
    def refresh(session: WriteSession) -> None:
        update_package(session, OPERATOR, package(session), abandoned=None, address=ADDRESS)

    at_once(acme, refresh, publish_third)

    assert told(acme) == live(acme) == {"1.0.0", "2.0.0", "3.0.0"}


def test_what_would_have_come_back_is_published_anew_when_it_is_purged_meanwhile(acme: House) -> None:
    with acme.database.write() as session:
        delete(session, "1.0.0")

    at_once(acme, lambda session: purge(session, "1.0.0"), lambda house: factories.publish(house, version="v1.0"))

    assert told(acme) == live(acme) == {"v1.0", "2.0.0"}


@pytest.mark.parametrize("second", [delete, purge])
def test_what_was_purged_meanwhile_is_not_there(acme: House, second: Callable[[WriteSession, str], None]) -> None:
    refused = at_once(acme, lambda session: purge(session, "1.0.0"), within(lambda session: second(session, "1.0.0")))

    assert refused == [NotFound]
    assert told(acme) == {"2.0.0"}


def test_what_was_deleted_meanwhile_cannot_be_deleted_again(acme: House) -> None:
    refused = at_once(acme, lambda session: delete(session, "1.0.0"), within(lambda session: delete(session, "1.0.0")))

    assert refused == [NotFound]
