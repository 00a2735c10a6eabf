"""The rules, one by one: what a role gives, whose personal tokens are whose, and the sentences of the refusals."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import pytest
from sqlalchemy import select

from packistry.access.actors import Actor, Anonymous, DeployTokenActor, System, UserActor
from packistry.access.grants import Grant
from packistry.access.permissions import ALL_ABILITIES, COMPOSER_ABILITIES, Ability, Permission
from packistry.access.rules import (
    repository_to_publish,
    require,
    require_personal_tokens,
    sees_everything,
    visible_packages,
)
from packistry.db.models import Package, Token
from packistry.errors import Forbidden, NotFound, Refusal, Unauthenticated
from packistry.house import House
from tests import factories
from tests.access.rows import package

ADA, EVE = 1, 2
READ = frozenset({Ability.READ})


def person(*, administrator: bool = False, abilities: frozenset[Ability] = ALL_ABILITIES) -> UserActor:
    return UserActor(user_id=ADA, name="ada@example.test", is_administrator=administrator, abilities=abilities)


def personal_token(*, administrator: bool) -> UserActor:
    return UserActor(
        user_id=ADA,
        name="ada@example.test",
        is_administrator=administrator,
        token_id=5,
        token_name="laptop",
        abilities=COMPOSER_ABILITIES,
    )


LIB = Grant("acme", "acme/lib")
DEPLOY = DeployTokenActor(token_id=9, name="ci", abilities=ALL_ABILITIES)
OWN = Permission.PERSONAL_TOKEN_MANAGE

# Actor, what the role gives, why.
ROLES: list[tuple[Actor, frozenset[Permission], str]] = [
    (System(), frozenset(Permission), "the operator could read the database file anyway"),
    (person(administrator=True), frozenset(Permission), "administrators do everything"),
    (person(), frozenset({OWN}), "users manage their own personal tokens"),
    (person(administrator=True, abilities=READ), frozenset(), "a password that was shown for reading reads"),
    (
        personal_token(administrator=True),
        frozenset(),
        "by Composer's abilities no token administers, whoever it belongs to",
    ),
    (DEPLOY, frozenset(), "nor does a machine's"),
    (Anonymous(), frozenset(), "nor does nobody"),
]


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize(("actor", "given", "why"), ROLES, ids=[row[2] for row in ROLES])
def test_a_role_gives_what_the_table_says(
    actor: Actor, given: frozenset[Permission], why: str, permission: Permission
) -> None:
    with _allowed(permission in given, Forbidden):
        require(actor, permission)


def test_the_refusal_names_who_lacks_what_and_where_to_turn() -> None:
    with pytest.raises(Forbidden) as refused:
        require(person(), Permission.USER_MANAGE)

    assert str(refused.value) == "ada@example.test lacks the permission user:manage; ask an administrator."


# Actor, may manage Ada's tokens, may manage Eve's, why.
OWNERS: list[tuple[Actor, bool, bool, str]] = [
    (person(), True, False, "one's own"),
    (person(administrator=True), True, False, "administrators have no business with others' tokens either"),
    (System(), True, True, "the operator"),
]


@pytest.mark.parametrize(("actor", "adas", "eves", "why"), OWNERS, ids=[row[3] for row in OWNERS])
def test_personal_tokens_are_their_owners_alone(actor: Actor, adas: bool, eves: bool, why: str) -> None:
    with _allowed(adas, NotFound):
        require_personal_tokens(actor, ADA)
    with _allowed(eves, NotFound):
        require_personal_tokens(actor, EVE)


@pytest.mark.parametrize("actor", [personal_token(administrator=True), DEPLOY, Anonymous()])
def test_a_token_makes_no_tokens(actor: Actor) -> None:
    with pytest.raises(Forbidden, match="lacks the permission personal_token:manage"):
        require_personal_tokens(actor, ADA)


def test_the_tokens_of_others_are_not_found() -> None:
    with pytest.raises(NotFound) as refused:
        require_personal_tokens(person(), EVE)

    assert str(refused.value) == "There is no such personal token, or it is not yours."


@pytest.mark.parametrize(
    ("actor", "everything"),
    [
        (System(), True),
        (person(administrator=True), True),
        (personal_token(administrator=True), True),
        (person(), False),
        (DEPLOY, False),
        (Anonymous(), False),
    ],
)
def test_only_the_operator_and_administrators_see_everything(actor: Actor, everything: bool) -> None:
    assert sees_everything(actor) is everything


@pytest.fixture
def acme(house: House) -> House:
    """A house with acme/lib and acme/other in the private repository acme, and the public one open."""
    factories.repository(house, "acme")
    factories.repository(house, "open", public=True)
    package(house, "acme", "acme/lib")
    package(house, "acme", "acme/other")
    return house


def deploy_token(house: House, *grants: Grant | str, abilities: str) -> DeployTokenActor:
    """A new deploy token called ci, as an actor."""
    factories.deploy_token(house, *grants, abilities=abilities, name="ci")
    with house.database.read() as session:
        token = session.scalars(select(Token).where(Token.name == "ci")).one()
    return DeployTokenActor(
        token_id=token.id, name=token.name, abilities=frozenset(Ability(name) for name in token.abilities)
    )


@dataclass(frozen=True)
class Publishing:
    """A token with these grants and abilities publishes `name` in the repository at `path`: refused, or not."""

    why: str
    grants: tuple[Grant | str, ...]
    abilities: str
    path: str
    name: str
    refusal: str | None = None


PUBLISHING = [
    Publishing("the repository's right is for new names too", ("acme",), "read write", "acme", "acme/new"),
    Publishing("a package's right is for its versions", (LIB,), "read write", "acme", "acme/lib"),
    Publishing("reading is not needed for publishing", (LIB,), "write", "acme", "acme/lib"),
    Publishing(
        "and for no other package, which is there but not visible",
        (LIB,),
        "read write",
        "acme",
        "acme/other",
        "deploy token ci may not publish acme/other here; it needs a grant with write on the repository or package.",
    ),
    Publishing(
        "nor for the same name in another repository",
        (LIB, "open"),
        "read write",
        "",
        "acme/lib",
        "There is no such repository, or it is not visible to you.",
    ),
    Publishing(
        "the right without the ability",
        ("acme",),
        "read",
        "acme",
        "acme/lib",
        "deploy token ci lacks the ability write; make a token with --ability write.",
    ),
    Publishing(
        "being public gives nobody write",
        ("acme",),
        "read write",
        "open",
        "acme/lib",
        "deploy token ci may not publish acme/lib here; it needs a grant with write on the repository or package.",
    ),
]


@pytest.mark.parametrize("case", PUBLISHING, ids=lambda case: case.why)
def test_publishing_needs_the_ability_and_the_right(acme: House, case: Publishing) -> None:
    actor = deploy_token(acme, *case.grants, abilities=case.abilities)

    with acme.database.read() as session:
        if case.refusal is None:
            assert repository_to_publish(session, actor, case.path, case.name).path == case.path
            return
        with pytest.raises((Forbidden, NotFound)) as refused:
            repository_to_publish(session, actor, case.path, case.name)
    assert str(refused.value) == case.refusal


@pytest.mark.parametrize("path", ["acme", "nowhere"])
def test_where_somebody_sees_nothing_there_is_nothing_to_publish_to(acme: House, path: str) -> None:
    actor = deploy_token(acme, "open", abilities="read write")

    with acme.database.read() as session, pytest.raises(NotFound) as refused:
        repository_to_publish(session, actor, path, "acme/lib")

    assert str(refused.value) == "There is no such repository, or it is not visible to you."


@pytest.mark.parametrize("path", ["acme", "open", "nowhere"])
def test_nobody_is_told_what_publishing_needs(acme: House, path: str) -> None:
    with acme.database.read() as session, pytest.raises(Unauthenticated) as refused:
        repository_to_publish(session, Anonymous(), path, "acme/lib")

    assert (
        str(refused.value) == "Publishing needs a token with the ability write, as Bearer or as the password of Basic."
    )


def test_a_list_of_what_is_visible_is_one_statement(acme: House) -> None:
    actor = deploy_token(acme, LIB, "open", abilities="read")

    with acme.database.read() as session:
        names = session.scalars(select(Package.name).where(visible_packages(actor))).all()

    assert names == ["acme/lib"]


def _allowed(allowed: bool, refusal: type[Refusal]) -> AbstractContextManager[object]:
    return nullcontext() if allowed else pytest.raises(refusal)
