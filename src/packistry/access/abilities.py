"""What the abilities of a credential include, and what they refuse. They only take away; rules.py says the rest."""

from collections.abc import Collection
from dataclasses import replace

from packistry.access.actors import Actor, UserActor, describe
from packistry.access.permissions import COMPOSER_ABILITIES, Ability
from packistry.errors import Forbidden


def holds(abilities: Collection[Ability], wanted: Ability) -> bool:
    """Whether one of these includes the wanted one. Nothing but themselves includes Composer's."""
    if wanted in abilities:
        return True
    if wanted in COMPOSER_ABILITIES:
        return False
    area, _, right = wanted.value.partition(":")
    wider = {f"{area}:write", "admin:write"} if right == "read" else {"admin:write"}
    return bool(wider.intersection(abilities)) or (right == "read" and Ability.ADMIN_READ in abilities)


def require_ability(actor: Actor, ability: Ability) -> None:
    """Refuses a token that was not given the ability. Whoever signed in with a browser has them all."""
    if not isinstance(actor, UserActor) or not holds(actor.abilities, ability):
        raise Forbidden(
            f"{describe(actor)} lacks the ability {ability}; make a personal token with it, under /-/personal-tokens."
        )


def require_no_more(actor: Actor, abilities: Collection[Ability]) -> None:
    """Refuses what would give a token's holder more than the token itself does."""
    if not isinstance(actor, UserActor) or actor.token_id is None:
        return
    more = sorted(ability for ability in abilities if not holds(actor.abilities, ability))
    if more:
        raise Forbidden(f"{describe(actor)} cannot give what it was not given: {', '.join(more)}.")


def as_publisher(actor: Actor) -> Actor:
    """The actor with the right to publish by the API, where its grants give it. Refuses as `require_ability`."""
    require_ability(actor, Ability.PACKAGES_WRITE)
    assert isinstance(actor, UserActor), "nobody else has that ability"
    return replace(actor, abilities=actor.abilities | {Ability.WRITE})
