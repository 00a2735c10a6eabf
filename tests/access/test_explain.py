"""The sentences of `access explain`: what each ground is called, and who may ask."""

import pytest
from sqlalchemy import select

from packistry.access.actors import Actor, Anonymous, DeployTokenActor, System, UserActor
from packistry.access.explain import Explanation, explain_publish, explain_read
from packistry.access.grants import Grant
from packistry.access.permissions import ALL_ABILITIES, Ability, Role
from packistry.db.models import Package, Repository
from packistry.errors import Forbidden
from packistry.house import House
from packistry.packages.actions import delete_package
from packistry.packages.documents import Address
from packistry.repositories.actions import delete_repository
from tests import factories
from tests.access.rows import package

ASKING = System()
WHO = "ada@example.test"


@pytest.fixture
def acme(house: House) -> House:
    """A house with the packages acme/lib and acme/other in the private repository acme."""
    factories.repository(house, "acme")
    package(house, "acme", "acme/lib")
    package(house, "acme", "acme/other")
    return house


def ada(house: House, *grants: Grant, role: Role = Role.USER, abilities: frozenset[Ability] = ALL_ABILITIES) -> Actor:
    identity = factories.user(house, WHO, *grants, role=role)
    return UserActor(user_id=identity, name=WHO, is_administrator=role is Role.ADMINISTRATOR, abilities=abilities)


def read(house: House, whom: Actor, name: str | None = None, path: str = "acme") -> Explanation:
    with house.database.read() as session:
        repository = session.scalars(select(Repository).where(Repository.path == path)).one()
        return explain_read(session, ASKING, whom, repository, name)


def publish(house: House, whom: Actor, name: str | None = None, path: str = "acme") -> Explanation:
    with house.database.read() as session:
        repository = session.scalars(select(Repository).where(Repository.path == path)).one()
        return explain_publish(session, ASKING, whom, repository, name)


def test_nothing_was_given(acme: House) -> None:
    whom = ada(acme)

    assert read(acme, whom) == Explanation(False, (f"{WHO} has no grant for repository acme.",))
    assert read(acme, whom, "acme/lib") == Explanation(
        False, (f"{WHO} has no grant for repository acme or its package acme/lib.",)
    )
    assert publish(acme, whom) == Explanation(False, (f"{WHO} has no grant with write for repository acme.",))
    assert publish(acme, whom, "acme/lib") == Explanation(
        False, (f"{WHO} has no grant with write for repository acme or its package acme/lib.",)
    )


def test_the_repository_was_given_to_read(acme: House) -> None:
    whom = ada(acme, Grant("acme"))

    assert read(acme, whom) == Explanation(True, (f"{WHO} was given repository acme.",))
    assert read(acme, whom, "acme/lib") == Explanation(True, (f"{WHO} was given repository acme.",))
    assert publish(acme, whom) == Explanation(False, (f"{WHO} has no grant with write for repository acme.",))


def test_the_repository_was_given_with_write(acme: House) -> None:
    whom = ada(acme, Grant("acme", write=True))

    assert publish(acme, whom, "acme/new") == Explanation(True, (f"{WHO} was given repository acme with write.",))
    assert publish(acme, whom, "acme/lib") == Explanation(True, (f"{WHO} was given repository acme with write.",))


def test_one_package_was_given(acme: House) -> None:
    whom = ada(acme, Grant("acme", "acme/lib", write=True))

    part = f"{WHO} was given single packages of repository acme and sees only those."
    assert read(acme, whom) == Explanation(True, (part,))
    assert read(acme, whom, "acme/lib") == Explanation(True, (f"{WHO} was given package acme/lib of repository acme.",))
    assert publish(acme, whom, "acme/lib") == Explanation(
        True, (f"{WHO} was given package acme/lib of repository acme with write.",)
    )
    assert not read(acme, whom, "acme/other").may
    assert not publish(acme, whom).may
    assert not publish(acme, whom, "acme/other").may


def test_a_package_that_was_deleted_still_shows_its_repository_for_old_locks(acme: House) -> None:
    whom = ada(acme, Grant("acme", "acme/lib"))
    with acme.database.write() as session:
        found = session.scalars(select(Package).where(Package.name == "acme/lib")).one()
        delete_package(session, ASKING, found, Address(None, "acme"))

    part = f"{WHO} was given single packages of repository acme and sees only those."
    assert read(acme, whom) == Explanation(True, (part,))
    assert read(acme, whom, "acme/lib") == Explanation(False, ("There is no package acme/lib in repository acme.",))


def test_a_public_repository_is_everybodys_to_read_and_nobodys_to_write(acme: House) -> None:
    factories.repository(acme, "open", public=True)

    assert read(acme, Anonymous(), path="open") == Explanation(
        True, ("Everybody may read repository open: it is public.",)
    )
    assert publish(acme, ada(acme), path="open") == Explanation(
        False, (f"{WHO} has no grant with write for repository open.",)
    )
    assert publish(acme, Anonymous(), path="open") == Explanation(
        False, ("an anonymous caller lacks the ability write.",)
    )


def test_every_ground_is_named(acme: House) -> None:
    factories.repository(acme, "open", public=True)
    whom = ada(acme, Grant("open"), role=Role.ADMINISTRATOR)

    assert read(acme, whom, path="open").reasons == (
        "Everybody may read repository open: it is public.",
        f"{WHO} may do everything, by role.",
        f"{WHO} was given repository open.",
    )


def test_the_root_repository_has_no_path_to_name(house: House) -> None:
    assert read(house, System(), path="") == Explanation(True, ("the command line may do everything, by role.",))
    assert not read(house, Anonymous(), path="").may
    assert "for the root repository" in read(house, Anonymous(), path="").reasons[0]


def test_a_package_that_is_not_there(acme: House) -> None:
    assert read(acme, System(), "acme/none") == Explanation(
        False, ("There is no package acme/none in repository acme.",)
    )
    assert publish(acme, System(), "acme/none").may


def test_a_missing_ability_comes_before_every_ground(acme: House) -> None:
    writer = DeployTokenActor(token_id=99, name="ci", abilities=frozenset({Ability.WRITE}))
    reader = DeployTokenActor(token_id=99, name="ci", abilities=frozenset({Ability.READ}))

    assert read(acme, writer) == Explanation(False, ("deploy token ci lacks the ability read.",))
    assert publish(acme, reader) == Explanation(False, ("deploy token ci lacks the ability write.",))


def test_a_repository_that_was_deleted_is_nobodys(acme: House) -> None:
    with acme.database.write() as session:
        repository = session.scalars(select(Repository).where(Repository.path == "acme")).one()
        delete_repository(session, ASKING, repository, with_packages=True)

    assert read(acme, System()) == Explanation(False, ("repository acme was deleted.",))
    assert publish(acme, System()) == Explanation(False, ("repository acme was deleted.",))


def test_only_administrators_may_ask(acme: House) -> None:
    asking = ada(acme)

    with acme.database.read() as session:
        repository = session.scalars(select(Repository).where(Repository.path == "acme")).one()
        with pytest.raises(Forbidden, match="access:explain"):
            explain_read(session, asking, asking, repository, "acme/lib")
        with pytest.raises(Forbidden, match="access:explain"):
            explain_publish(session, asking, asking, repository, "acme/lib")
