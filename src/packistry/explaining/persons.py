"""Whose question it is: oneself, a token by its secret, or, for an administrator, anybody."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, select

from packistry.access.actors import Actor, Anonymous, UserActor, describe
from packistry.access.permissions import ALL_ABILITIES, Permission
from packistry.access.rules import may, require
from packistry.access.secrets import kind_of
from packistry.accounts.queries import find_user
from packistry.accounts.sign_in import user_actor
from packistry.db.engine import ReadSession
from packistry.db.models import Token, User
from packistry.db.types import is_id
from packistry.errors import NotFound
from packistry.tokens.queries import token_actor, view_of_token, why_not_good


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who installs, or would. `refused` says why nobody lets them in; `client` is what they last came with."""

    actor: Actor
    called: str
    refused: str | None = None
    client: str | None = None


def oneself(asker: Actor) -> Person:
    """The one who asks."""
    return Person(asker, describe(asker))


def stranger(asker: Actor) -> Person:
    """Somebody without a credential, of whom only administrators ask."""
    require(asker, Permission.ACCESS_EXPLAIN)
    return Person(Anonymous(), "somebody without a token")


def person_named(session: ReadSession, asker: Actor, email: str) -> Person:
    """A user, by e-mail address or id. Others than oneself only for administrators."""
    if isinstance(asker, UserActor) and email.strip().lower() in {asker.name.lower(), str(asker.user_id)}:
        return oneself(asker)
    require(asker, Permission.ACCESS_EXPLAIN)
    user = find_user(session, asker, email)
    refused = None if user.active else f"The account {user.email} is switched off. An administrator switches it on."
    return Person(user_actor(user, abilities=ALL_ABILITIES), user.email, refused)


def holder_of(session: ReadSession, asker: Actor, word: str) -> Person:
    """A token by its secret, as which its holder then asks; else by name or id, revoked ones too.

    By name an administrator finds deploy tokens, and everybody their own personal ones. Refuses with NotFound.
    """
    if kind_of(word) is not None:
        view = view_of_token(session, word)
        refusal = view.refusal
        return Person(view.actor, describe(view.actor), None if refusal is None else refusal.sentence)
    owners: list[ColumnElement[bool]] = []
    if may(asker, Permission.ACCESS_EXPLAIN):
        owners.append(Token.user_id.is_(None))
    if isinstance(asker, UserActor):
        owners.append(Token.user_id == asker.user_id)
    named = or_(Token.name == word, Token.id == int(word)) if is_id(word) else Token.name == word
    token = session.scalars(
        select(Token)
        .where(named, or_(*owners) if owners else Token.id.is_(None))
        # The name before the id, and what is in use before what was revoked.
        .order_by(Token.name != word, Token.revoked_at.is_not(None), Token.id.desc())
        .limit(1)
    ).first()
    if token is None:
        raise NotFound(f"There is no token {word}, or it is not yours to ask about.")
    user = None if token.user_id is None else session.get_one(User, token.user_id)
    actor = token_actor(token, user)
    return Person(actor, describe(actor), why_not_good(token, None, user), token.last_used_client)
