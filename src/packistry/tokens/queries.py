"""Reading tokens, and recognising the one that a caller shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, or_, select

from packistry import clock
from packistry.access.actors import Actor, DeployTokenActor, UserActor
from packistry.access.grants import Grant, Holder, grants_of_each
from packistry.access.permissions import Ability, Permission, Role
from packistry.access.rules import require, require_personal_tokens
from packistry.access.secrets import TokenKind, digest_of, kind_of
from packistry.access.views import View, load_view, refused_view
from packistry.db.changes import token_key, user_key
from packistry.db.engine import ReadSession
from packistry.db.models import Token, TokenSecret, User
from packistry.db.parts import Found, Orders, Part, ascending, descending, read_part
from packistry.db.statements import any_holds
from packistry.db.types import is_id
from packistry.errors import NotFound, Unauthenticated


@dataclass(frozen=True, slots=True)
class TokenSummary:
    """A token without its secret. `grants` is empty for a personal token: it has its user's."""

    id: int
    name: str
    user: str | None
    hints: tuple[str, ...]
    abilities: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    last_used_address: str | None
    last_used_client: str | None
    grants: tuple[Grant, ...]


def view_of_token(session: ReadSession, plain: str) -> View:
    """What the holder of this token may read; a refused view that says why when it is not good.

    Costs no query for anything that is not a token of ours by its form.
    """
    kind = kind_of(plain)
    if kind is None:
        return refused_view(
            Unauthenticated("This is no Packistry token: a character is missing or wrong. Copy it again.")
        )
    row = session.execute(
        select(Token, TokenSecret.valid_until, User)
        .join(TokenSecret, TokenSecret.token_id == Token.id)
        .outerjoin(User, User.id == Token.user_id)
        .where(TokenSecret.digest == digest_of(plain), Token.user_id.is_(None) == (kind is TokenKind.DEPLOY))
    ).one_or_none()
    if row is None:
        return refused_view(Unauthenticated("This token is not known here; was it made on another server?"))
    token, valid_until, user = row
    refusal = why_not_good(token, valid_until, user)
    if refusal is not None:
        return refused_view(Unauthenticated(refusal), token_key(token.id), *([user_key(user.id)] if user else []))
    ends = min((moment for moment in (token.expires_at, valid_until) if moment is not None), default=None)
    return load_view(session, token_actor(token, user), expires_at=ends.timestamp() if ends else None)


def token_actor(token: Token, user: User | None) -> UserActor | DeployTokenActor:
    """The token as an actor: a personal one acts as its user is now, cut down to its abilities."""
    abilities = frozenset(Ability(name) for name in token.abilities)
    if user is None:
        return DeployTokenActor(token_id=token.id, name=token.name, abilities=abilities)
    return UserActor(
        user_id=user.id,
        name=user.email,
        is_administrator=user.role == Role.ADMINISTRATOR,
        abilities=abilities,
        token_id=token.id,
        token_name=token.name,
    )


def find_deploy_token(session: ReadSession, actor: Actor, name: str) -> Token:
    """The deploy token with this name or id, not a revoked one. Refuses with NotFound."""
    require(actor, Permission.DEPLOY_TOKEN_MANAGE)
    found = _named(session, name, Token.user_id.is_(None))
    if found is None:
        raise NotFound(f"There is no deploy token {name}; `packistry deploy-token list` shows them.")
    return found


def find_personal_token(session: ReadSession, actor: Actor, user: User, name: str) -> Token:
    """The user's own token with this name or id. Someone else's is NotFound."""
    require_personal_tokens(actor, user.id)
    found = _named(session, name, Token.user_id == user.id)
    if found is None:
        raise NotFound(f"{user.email} has no personal token {name}; `packistry personal-token list` shows them.")
    return found


def deploy_token_at(session: ReadSession, actor: Actor, token_id: int) -> Token:
    """The deploy token with this id, not a revoked one. Refuses with NotFound."""
    require(actor, Permission.DEPLOY_TOKEN_MANAGE)
    return _at(session, token_id, Token.user_id.is_(None))


def personal_token_at(session: ReadSession, actor: UserActor, token_id: int) -> Token:
    """The actor's own token with this id, not a revoked one. Someone else's is NotFound."""
    require_personal_tokens(actor, actor.user_id)
    return _at(session, token_id, Token.user_id == actor.user_id)


def list_deploy_tokens(session: ReadSession, actor: Actor) -> list[TokenSummary]:
    """All deploy tokens that are not revoked, by name."""
    require(actor, Permission.DEPLOY_TOKEN_MANAGE)
    rows = session.scalars(select(Token).where(Token.user_id.is_(None), _live()).order_by(Token.name))
    return _summarise(session, rows.all(), None)


def list_personal_tokens(session: ReadSession, actor: Actor, user: User) -> list[TokenSummary]:
    """One user's personal tokens that are not revoked, by name."""
    require_personal_tokens(actor, user.id)
    rows = session.scalars(select(Token).where(Token.user_id == user.id, _live()).order_by(Token.name))
    return _summarise(session, rows.all(), user)


TOKEN_ORDERS: Final[Orders] = {
    "name": ascending(Token.name, Token.id),
    "-name": descending(Token.name, Token.id),
    "-created": descending(Token.created_at, Token.id),
    "created": ascending(Token.created_at, Token.id),
}


def part_of_deploy_tokens(
    session: ReadSession, actor: Actor, part: Part, *, words: Sequence[str] = ()
) -> Found[TokenSummary]:
    """A part of the deploy tokens that are not revoked, with all words in the name."""
    require(actor, Permission.DEPLOY_TOKEN_MANAGE)
    return _part(session, part, words, None)


def part_of_personal_tokens(
    session: ReadSession, actor: Actor, user: User, part: Part, *, words: Sequence[str] = ()
) -> Found[TokenSummary]:
    """A part of one user's personal tokens that are not revoked, with all words in the name."""
    require_personal_tokens(actor, user.id)
    return _part(session, part, words, user)


def _part(session: ReadSession, part: Part, words: Sequence[str], user: User | None) -> Found[TokenSummary]:
    owner = Token.user_id.is_(None) if user is None else Token.user_id == user.id
    chosen = select(Token).where(owner, _live(), *(any_holds(word, Token.name) for word in words))
    found = read_part(session, chosen, part)
    return Found(_summarise(session, [row[0] for row in found.rows], user), found.last)


def summarise_token(session: ReadSession, token: Token, user: User | None) -> TokenSummary:
    """The row as data."""
    return _summarise(session, [token], user)[0]


def _summarise(session: ReadSession, tokens: Sequence[Token], user: User | None) -> list[TokenSummary]:
    """All of them are this user's, or deploy tokens."""
    hints = _hints(session, [token.id for token in tokens])
    # A personal token has what its user has.
    grants = {} if user else grants_of_each(session, [Holder(token_id=token.id) for token in tokens])
    return [
        TokenSummary(
            id=token.id,
            name=token.name,
            user=user.email if user else None,
            hints=tuple(hints.get(token.id, ())),
            abilities=tuple(Ability(name).word for name in token.abilities),
            created_at=token.created_at,
            expires_at=token.expires_at,
            last_used_at=token.last_used_at,
            last_used_address=token.last_used_address,
            last_used_client=token.last_used_client,
            grants=tuple(grants.get(Holder(token_id=token.id), ())),
        )
        for token in tokens
    ]


def _hints(session: ReadSession, token_ids: Sequence[int]) -> dict[int, list[str]]:
    """How the secrets begin that are good now, the newest first, by token."""
    still_valid = or_(TokenSecret.valid_until.is_(None), TokenSecret.valid_until > clock.now())
    rows = session.execute(
        select(TokenSecret.token_id, TokenSecret.hint)
        .where(TokenSecret.token_id.in_(token_ids), still_valid)
        .order_by(TokenSecret.id.desc())
    )
    found: dict[int, list[str]] = {}
    for token_id, hint in rows:
        found.setdefault(token_id, []).append(hint)
    return found


def why_not_good(token: Token, valid_until: datetime | None, user: User | None) -> str | None:
    """The sentence for the one who holds it; None when the token is good now."""
    now = clock.now()
    called = f"The deploy token {token.name}" if user is None else f"Your personal token {token.name}"
    renew = f"`packistry {'deploy-token' if user is None else 'personal-token'} add`"
    if token.revoked_at is not None:
        return f"{called} was revoked on {token.revoked_at:%Y-%m-%d}. Ask an administrator for a new one ({renew})."
    if user is not None and (user.deleted_at is not None or not user.active):
        return f"{called} belongs to an account that is switched off. Ask an administrator."
    if token.expires_at is not None and token.expires_at <= now:
        return f"{called} expired on {token.expires_at:%Y-%m-%d}. Ask an administrator for a new one ({renew})."
    if valid_until is not None and valid_until <= now:
        return f"{called} was rotated and this secret ended on {valid_until:%Y-%m-%d}. Use the new secret."
    return None


def _live() -> ColumnElement[bool]:
    return Token.revoked_at.is_(None)


def _at(session: ReadSession, token_id: int, owner: ColumnElement[bool]) -> Token:
    found = session.execute(select(Token).where(owner, _live(), Token.id == token_id)).scalar_one_or_none()
    if found is None:
        raise NotFound("There is no such token, or it was revoked.")
    return found


def _named(session: ReadSession, name: str, owner: ColumnElement[bool]) -> Token | None:
    """The owner's token with this name; else the one with this id, since a token may be called "7" too."""
    by_name = session.execute(select(Token).where(owner, _live(), Token.name == name)).scalar_one_or_none()
    if by_name is not None or not is_id(name):
        return by_name
    return session.execute(select(Token).where(owner, _live(), Token.id == int(name))).scalar_one_or_none()
