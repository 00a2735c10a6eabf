"""Giving and taking, by the names people use."""

import pytest
from sqlalchemy import select

from packistry.access.grants import Grant, Holder, grants_of, replace_grants
from packistry.db.changes import token_key, user_key
from packistry.db.models import GrantRow, Package, Repository
from packistry.errors import InvalidInput
from packistry.house import House
from packistry.packages.actions import delete_package
from packistry.packages.documents import Address
from packistry.repositories.actions import delete_repository
from tests import factories
from tests.access.rows import package
from tests.factories import OPERATOR

LIB = Grant("acme", "acme/lib")


@pytest.fixture
def acme(house: House) -> House:
    """A house with the package acme/lib in the repository acme."""
    factories.repository(house, "acme")
    package(house, "acme", "acme/lib")
    return house


def give(house: House, holder: Holder, *grants: Grant) -> list[Grant]:
    """What the holder has afterwards."""
    with house.database.write() as session:
        replace_grants(session, holder, grants)
    with house.database.read() as session:
        return grants_of(session, holder)


def test_a_holder_has_exactly_what_was_given_last(acme: House) -> None:
    holder = Holder(user_id=factories.user(acme))

    assert give(acme, holder, LIB, Grant("acme"), Grant("", write=True)) == [Grant("", write=True), Grant("acme"), LIB]
    assert give(acme, holder, Grant("acme", write=True)) == [Grant("acme", write=True)]
    assert give(acme, holder) == []


@pytest.mark.parametrize("order", [(True, False), (False, True), (True, True)])
def test_what_is_said_twice_is_given_once_as_the_wider_one(acme: House, order: tuple[bool, bool]) -> None:
    holder = Holder(user_id=factories.user(acme))
    grants = [Grant(place, name, write) for place, name in (("acme", None), ("acme", "acme/lib")) for write in order]

    assert give(acme, holder, *grants) == [Grant("acme", write=True), Grant("acme", "acme/lib", write=True)]


def test_a_holders_grants_are_nobody_elses(acme: House) -> None:
    ada, eve = Holder(user_id=factories.user(acme, "a@x.test")), Holder(user_id=factories.user(acme, "e@x.test"))
    give(acme, ada, LIB)

    give(acme, eve, Grant("acme"))

    with acme.database.read() as session:
        assert grants_of(session, ada) == [LIB]


@pytest.mark.parametrize(
    ("grant", "field", "words"),
    [
        (Grant("nowhere"), "repositories", "There is no repository nowhere;"),
        (Grant("nowhere", "acme/lib"), "repositories", "There is no repository nowhere;"),
        (Grant("acme", "acme/none"), "packages", "There is no package acme/none in repository acme;"),
        (Grant("", "acme/lib"), "packages", "There is no package acme/lib in repository /;"),
    ],
)
def test_a_grant_of_what_is_not_there_is_refused_and_changes_nothing(
    acme: House, grant: Grant, field: str, words: str
) -> None:
    holder = Holder(user_id=factories.user(acme))
    give(acme, holder, LIB)

    with pytest.raises(InvalidInput, match=words) as refused:
        give(acme, holder, grant)

    assert refused.value.field == field
    with acme.database.read() as session:
        assert grants_of(session, holder) == [LIB]


def test_what_was_deleted_is_given_to_nobody_anew(acme: House) -> None:
    factories.repository(acme, "gone")
    holder = Holder(user_id=factories.user(acme))
    give(acme, holder, LIB, Grant("gone"))
    with acme.database.write() as session:
        found = session.scalars(select(Package).where(Package.name == "acme/lib")).one()
        delete_package(session, OPERATOR, found, Address(None, "acme"))
        repository = session.scalars(select(Repository).where(Repository.path == "gone")).one()
        delete_repository(session, OPERATOR, repository, with_packages=False)

    other = Holder(user_id=factories.user(acme, "bob@example.test"))
    with acme.database.read() as session:
        # A package's archives are still for old locks, and for whoever may read them; a repository is gone.
        assert grants_of(session, holder) == [LIB]
    with pytest.raises(InvalidInput):
        give(acme, other, LIB)
    with pytest.raises(InvalidInput):
        give(acme, holder, Grant("gone"))


def test_what_is_held_of_a_deleted_package_stays_and_can_be_taken(acme: House) -> None:
    holder = Holder(user_id=factories.user(acme))
    give(acme, holder, LIB)
    with acme.database.write() as session:
        found = session.scalars(select(Package).where(Package.name == "acme/lib")).one()
        delete_package(session, OPERATOR, found, Address(None, "acme"))

    give(acme, holder, LIB, Grant("acme"))
    with acme.database.read() as session:
        kept = grants_of(session, holder)
    give(acme, holder)

    assert kept == [Grant("acme"), LIB]
    with acme.database.read() as session:
        assert grants_of(session, holder) == []


def test_a_path_that_was_used_again_gives_nothing_of_the_old_repository(acme: House) -> None:
    holder = Holder(user_id=factories.user(acme))
    give(acme, holder, Grant("acme"), LIB)
    with acme.database.write() as session:
        repository = session.scalars(select(Repository).where(Repository.path == "acme")).one()
        delete_repository(session, OPERATOR, repository, with_packages=True)
    factories.repository(acme, "acme")

    with acme.database.read() as session:
        assert grants_of(session, holder) == []
        assert session.scalars(select(GrantRow)).all() == []


def test_readers_know_a_holder_by_its_key() -> None:
    assert Holder(user_id=3).key == user_key(3) == "user:3"
    assert Holder(token_id=4).key == token_key(4) == "token:4"


def test_readers_are_told_that_the_holder_changed(acme: House) -> None:
    user_id = factories.user(acme)

    with acme.database.write() as session:
        replace_grants(session, Holder(user_id=user_id), [LIB])
        assert session.changed_keys == {user_key(user_id)}
