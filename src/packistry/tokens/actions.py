"""Making, changing, rotating and revoking tokens. Each change holds from the next request on, everywhere."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import or_, select, update
from sqlalchemy.exc import IntegrityError

from packistry import clock
from packistry.access.abilities import require_no_more
from packistry.access.actors import Actor
from packistry.access.grants import Grant, Holder, replace_grants
from packistry.access.permissions import COMPOSER_ABILITIES, Ability, Permission
from packistry.access.rules import require, require_personal_tokens
from packistry.access.secrets import MintedSecret, TokenKind, mint
from packistry.audit.events import Event
from packistry.audit.log import Subject, record
from packistry.db.changes import token_key
from packistry.db.engine import WriteSession
from packistry.db.models import Token, TokenSecret, User
from packistry.errors import AlreadyExists, InvalidInput, NotFound

NAME_CHARACTERS: Final = 255


def create_deploy_token(
    session: WriteSession,
    actor: Actor,
    *,
    name: str,
    grants: Iterable[Grant],
    abilities: frozenset[Ability],
    expires_at: datetime | None = None,
) -> tuple[Token, MintedSecret]:
    """A new deploy token and its secret, to be shown once. Tied to nothing it reads public repositories only.

    A tie is read and write; the token's abilities cut it down.
    """
    require(actor, Permission.DEPLOY_TOKEN_MANAGE)
    token, secret = _create(session, None, name=name, abilities=abilities, expires_at=expires_at)
    replace_grants(session, Holder(token_id=token.id), _tied(grants))
    record(session, actor, Event.DEPLOY_TOKEN_CREATED, _subject(token), abilities=token.abilities)
    return token, secret


def update_deploy_token(
    session: WriteSession,
    actor: Actor,
    token: Token,
    *,
    name: str | None = None,
    grants: Iterable[Grant] | None = None,
    abilities: frozenset[Ability] | None = None,
    expires_at: datetime | None = None,
    never_expires: bool = False,
) -> None:
    """Changes what is given; its secrets go on working."""
    require(actor, Permission.DEPLOY_TOKEN_MANAGE)
    _hold(session, token)
    if name is not None:
        token.name = _valid_name(name)
    if abilities is not None:
        token.abilities = _stored(abilities, of_machine=True)
    if expires_at is not None or never_expires:
        token.expires_at = None if never_expires else _future(expires_at)
    _flush_unique_name(session, token)
    if grants is not None:
        replace_grants(session, Holder(token_id=token.id), _tied(grants))
    record(session, actor, Event.DEPLOY_TOKEN_UPDATED, _subject(token), abilities=token.abilities)
    session.changed(token_key(token.id))


def create_personal_token(
    session: WriteSession,
    actor: Actor,
    user: User,
    *,
    name: str,
    abilities: frozenset[Ability],
    expires_at: datetime | None = None,
) -> tuple[Token, MintedSecret]:
    """A new personal token of the user and its secret, to be shown once."""
    require_personal_tokens(actor, user.id)
    require_no_more(actor, abilities)
    token, secret = _create(session, user, name=name, abilities=abilities, expires_at=expires_at)
    record(session, actor, Event.PERSONAL_TOKEN_CREATED, _subject(token), user=user.email, abilities=token.abilities)
    return token, secret


def rotate_token(session: WriteSession, actor: Actor, token: Token, *, overlap: timedelta) -> MintedSecret:
    """A new secret for the same token; all older ones run out after `overlap` (zero: at once), if not earlier."""
    deploy = _require_management(actor, token)
    if not deploy:
        # The new secret is for whoever asks: by a lesser token of the same user it would be a way up.
        require_no_more(actor, [Ability(name) for name in token.abilities])
    if overlap < timedelta():
        raise InvalidInput("The overlap cannot be negative.", field="overlap")
    _hold(session, token)
    end = clock.now() + overlap
    # Those of an earlier rotation too: whoever rotates at once has lost a secret, and may not know which.
    longer = or_(TokenSecret.valid_until.is_(None), TokenSecret.valid_until > end)
    session.execute(update(TokenSecret).where(TokenSecret.token_id == token.id, longer).values(valid_until=end))
    secret = _add_secret(session, token)
    event = Event.DEPLOY_TOKEN_ROTATED if deploy else Event.PERSONAL_TOKEN_ROTATED
    record(session, actor, event, _subject(token), overlap_seconds=int(overlap.total_seconds()))
    session.changed(token_key(token.id))
    return secret


def revoke_token(session: WriteSession, actor: Actor, token: Token) -> None:
    """The token is refused from the next request on. The row stays; its name is free again."""
    deploy = _require_management(actor, token)
    _hold(session, token)
    token.revoked_at = clock.now()
    record(session, actor, Event.DEPLOY_TOKEN_REVOKED if deploy else Event.PERSONAL_TOKEN_REVOKED, _subject(token))
    session.changed(token_key(token.id))


def _require_management(actor: Actor, token: Token) -> bool:
    """Refuses unless the actor may manage this token; says whether it is a deploy token."""
    if token.user_id is not None:
        require_personal_tokens(actor, token.user_id)
        return False
    require(actor, Permission.DEPLOY_TOKEN_MANAGE)
    return True


def _hold(session: WriteSession, token: Token) -> None:
    """Holds the token's row until the commit, as it is now: two rotations at once would leave two endless secrets.

    Refuses with NotFound when it was revoked meanwhile.
    """
    chosen = select(Token).where(Token.id == token.id).with_for_update(key_share=True)
    session.execute(chosen.execution_options(populate_existing=True)).all()
    if token.revoked_at is not None:
        raise NotFound(f"The token {token.name} was revoked meanwhile.")


def _create(
    session: WriteSession,
    user: User | None,
    *,
    name: str,
    abilities: frozenset[Ability],
    expires_at: datetime | None,
) -> tuple[Token, MintedSecret]:
    token = Token(
        user_id=user.id if user else None,
        name=_valid_name(name),
        abilities=_stored(abilities, of_machine=user is None),
        created_at=clock.now(),
        expires_at=_future(expires_at),
    )
    session.add(token)
    _flush_unique_name(session, token)
    return token, _add_secret(session, token)


def _add_secret(session: WriteSession, token: Token) -> MintedSecret:
    secret = mint(TokenKind.DEPLOY if token.user_id is None else TokenKind.PERSONAL)
    session.add(TokenSecret(token_id=token.id, digest=secret.digest, hint=secret.hint, created_at=clock.now()))
    return secret


def _tied(grants: Iterable[Grant]) -> list[Grant]:
    return [Grant(grant.repository, grant.package, write=True) for grant in grants]


def _stored(abilities: frozenset[Ability], *, of_machine: bool) -> list[str]:
    if not abilities:
        raise InvalidInput("A token needs at least one ability: read or write.", field="abilities")
    if of_machine and not abilities <= COMPOSER_ABILITIES:
        raise InvalidInput(
            "A deploy token never administers: give it read or write, and make a personal token for the API.",
            field="abilities",
        )
    return sorted(abilities)


def _future(expires_at: datetime | None) -> datetime | None:
    if expires_at is not None and expires_at <= clock.now():
        raise InvalidInput(f"{expires_at:%Y-%m-%d %H:%M} UTC is in the past.", field="expires_at")
    return expires_at


def _flush_unique_name(session: WriteSession, token: Token) -> None:
    name = token.name
    try:
        session.flush()
    except IntegrityError as fault:
        raise AlreadyExists(f"There is already a token {name}; rotate or delete it, or choose another name.") from fault


def _valid_name(name: str) -> str:
    trimmed = name.strip()
    if not trimmed or len(trimmed) > NAME_CHARACTERS:
        raise InvalidInput(f"A token's name has 1 to {NAME_CHARACTERS} characters.", field="name")
    return trimmed


def _subject(token: Token) -> Subject:
    return Subject("deploy_token" if token.user_id is None else "personal_token", token.id, token.name)
