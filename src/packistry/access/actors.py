"""Actors: whoever asks. An actor is who was recognised, at this moment; what it may do is in rules.py."""

from dataclasses import dataclass

from packistry.access.permissions import COMPOSER_ABILITIES, Ability


@dataclass(frozen=True, slots=True, kw_only=True)
class Anonymous:
    """Nobody, or somebody whose credential was not good."""

    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """The operator at the command line of the machine, who could read the database file anyway."""

    name: str = "command line"
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserActor:
    """A user, by password or by one of the user's personal tokens, whose abilities then cut the rights down."""

    user_id: int
    name: str
    is_administrator: bool
    abilities: frozenset[Ability] = COMPOSER_ABILITIES
    token_id: int | None = None
    token_name: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployTokenActor:
    """A deploy token: a machine. It never administers."""

    token_id: int
    name: str
    abilities: frozenset[Ability]
    address: str | None = None


Actor = Anonymous | System | UserActor | DeployTokenActor


def has_ability(actor: Actor, ability: Ability) -> bool:
    """Whether the credential itself carries the ability; the right to a target is asked of rules.py."""
    match actor:
        case Anonymous():
            return ability is Ability.READ
        case System():
            return True
        case _:
            return ability in actor.abilities


def describe(actor: Actor) -> str:
    """The actor in words, for sentences: "deploy token ci", "ada@example.test"."""
    match actor:
        case Anonymous():
            return "an anonymous caller"
        case System():
            return f"the {actor.name}"
        case UserActor(token_name=None):
            return actor.name
        case UserActor():
            return f"personal token {actor.token_name} of {actor.name}"
        case _:
            return f"deploy token {actor.name}"
