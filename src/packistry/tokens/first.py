"""The token of the set-up: the one with which an administrator installs a package for the first time."""

from datetime import timedelta
from typing import Final

from sqlalchemy import select

from packistry.access.actors import UserActor
from packistry.access.permissions import Ability
from packistry.access.secrets import MintedSecret
from packistry.db.engine import ReadSession, WriteSession
from packistry.db.models import Token, User
from packistry.tokens.actions import create_personal_token, rotate_token
from packistry.tokens.queries import TokenSummary, summarise_token

NAME: Final = "set-up"
# Of commands that were pasted already, while others are shown.
OVERLAP: Final = timedelta(hours=1)


def first_token(session: ReadSession, user: User) -> TokenSummary | None:
    """The token, once it was made."""
    token = _find(session, user)
    return None if token is None else summarise_token(session, token, user)


def mint_first_token(session: WriteSession, actor: UserActor, user: User) -> MintedSecret:
    """A secret that reads what the user sees. Asked for again it takes the place of the one before, after an hour."""
    token = _find(session, user)
    if token is not None:
        return rotate_token(session, actor, token, overlap=OVERLAP)
    abilities = frozenset({Ability.READ})
    return create_personal_token(session, actor, user, name=NAME, abilities=abilities)[1]


def _find(session: ReadSession, user: User) -> Token | None:
    mine = select(Token).where(Token.user_id == user.id, Token.name == NAME, Token.revoked_at.is_(None))
    return session.scalars(mine).one_or_none()
