"""What a package's grants give once it was deleted or purged, and may have come again as another thing."""

import pytest
from sqlalchemy import select

from packistry.access.actors import UserActor
from packistry.access.grants import Grant
from packistry.access.rules import repository_to_publish
from packistry.db.changes import token_key, user_key
from packistry.db.models import GrantRow, Package, Token
from packistry.errors import Forbidden
from packistry.house import House
from packistry.packages.actions import delete_package, purge_package
from packistry.packages.documents import Address
from tests import factories
from tests.factories import OPERATOR

ADDRESS = Address(None, "acme")
LIB = Grant("acme", "acme/lib", write=True)


@pytest.fixture
def ada(house: House) -> int:
    """A user who may write acme/lib, and a deploy token tied to it and to another package."""
    factories.repository(house, "acme")
    factories.publish(house)
    factories.publish(house, "acme/other")
    factories.deploy_token(house, LIB, Grant("acme", "acme/other"), name="ci")
    return factories.user(house, "ada@example.test", LIB)


def the_package(house: House) -> Package:
    with house.database.read() as session:
        return session.scalars(select(Package).where(Package.name == "acme/lib")).one()


def grants(house: House) -> list[bool]:
    """The right to write of each grant on acme/lib."""
    with house.database.read() as session:
        found = select(GrantRow.write).where(GrantRow.package_id == the_package(house).id)
        return list(session.scalars(found))


def test_a_deleted_package_leaves_reading_to_its_holders_and_tells_them(house: House, ada: int) -> None:
    with house.database.write() as session:
        delete_package(session, OPERATOR, session.get_one(Package, the_package(house).id), ADDRESS)
        token = session.scalars(select(Token.id)).one()
        assert {user_key(ada), token_key(token)} < session.changed_keys

    assert grants(house) == [False, False]
    factories.publish(house, version="2.0.0", description="another thing")
    actor = UserActor(user_id=ada, name="ada@example.test", is_administrator=False)
    with house.database.read() as session, pytest.raises(Forbidden):
        repository_to_publish(session, actor, "acme", "acme/lib")


def test_a_purged_package_leaves_no_grant_and_tells_the_holders(house: House, ada: int) -> None:
    with house.database.write() as session:
        purge_package(session, OPERATOR, session.get_one(Package, the_package(house).id), ADDRESS)
        token = session.scalars(select(Token.id)).one()
        assert {user_key(ada), token_key(token)} < session.changed_keys

    assert grants(house) == []
    with house.database.read() as session:
        assert len(session.scalars(select(GrantRow)).all()) == 1, "the one on the other package"
