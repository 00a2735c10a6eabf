"""Who asks: what a credential carries by itself, and how its owner is called in sentences."""

import pytest

from packistry.access.actors import (
    Actor,
    Anonymous,
    DeployTokenActor,
    System,
    UserActor,
    describe,
    has_ability,
)
from packistry.access.permissions import ALL_ABILITIES, COMPOSER_ABILITIES, Ability, Permission, Role

READ, WRITE = frozenset({Ability.READ}), frozenset({Ability.WRITE})
ADA = UserActor(user_id=1, name="ada@example.test", is_administrator=False)


def personal(abilities: frozenset[Ability]) -> UserActor:
    return UserActor(
        user_id=1,
        name="ada@example.test",
        is_administrator=True,
        abilities=abilities,
        token_id=2,
        token_name="laptop",
    )


def deploy(abilities: frozenset[Ability]) -> DeployTokenActor:
    return DeployTokenActor(token_id=3, name="ci", abilities=abilities)


# Actor, may its credential read, may it write, why.
ABILITIES: list[tuple[Actor, bool, bool, str]] = [
    (Anonymous(), True, False, "nobody reads what is public and publishes nothing"),
    (System(), True, True, "the operator"),
    (ADA, True, True, "a person without a token has every ability"),
    (personal(READ), True, False, "a token for reading, of an administrator too"),
    (personal(WRITE), False, True, "a token for publishing alone"),
    (deploy(READ), True, False, "a machine that installs"),
    (deploy(WRITE), False, True, "a machine that publishes"),
    (deploy(ALL_ABILITIES), True, True, "a machine that does both"),
]


@pytest.mark.parametrize(("actor", "reads", "writes", "why"), ABILITIES, ids=[row[3] for row in ABILITIES])
def test_a_credential_carries_its_own_abilities(actor: Actor, reads: bool, writes: bool, why: str) -> None:
    assert (has_ability(actor, Ability.READ), has_ability(actor, Ability.WRITE)) == (reads, writes), why


@pytest.mark.parametrize(
    ("actor", "words"),
    [
        (Anonymous(address="192.0.2.1"), "an anonymous caller"),
        (System(), "the command line"),
        (System(name="jobs process"), "the jobs process"),
        (ADA, "ada@example.test"),
        (personal(READ), "personal token laptop of ada@example.test"),
        (deploy(READ), "deploy token ci"),
    ],
)
def test_an_actor_is_called_by_a_name_that_people_know(actor: Actor, words: str) -> None:
    assert describe(actor) == words


def test_abilities_and_roles_are_spelled_as_the_command_line_and_the_php_product_spell_them() -> None:
    assert {ability.word: ability.value for ability in COMPOSER_ABILITIES} == {
        "read": "repository:read",
        "write": "repository:write",
    }
    assert all(ability.word == ability.value for ability in ALL_ABILITIES - COMPOSER_ABILITIES)
    assert [role.value for role in Role] == ["admin", "user"]
    assert all(value.count(":") == 1 for value in Permission)
