"""Sessions of browsers: begun at sign-in, recognised by an opaque secret in a cookie, ended by anybody they belong to.

A session is no token: it opens the pages and the API, never Composer's addresses.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, delete, or_, select

from packistry import clock
from packistry.access.actors import UserActor
from packistry.access.permissions import ALL_ABILITIES
from packistry.accounts.sign_in import user_actor
from packistry.audit.events import Event
from packistry.audit.log import Subject, record
from packistry.db.engine import ReadSession, WriteSession
from packistry.db.models import BrowserSession, User
from packistry.errors import NotFound, Unauthenticated

# 256 random bits, as in a token.
SECRET_BYTES: Final = 32
# A row that says "seen a minute ago" is near enough; writing at every page is not worth it.
SEEN_EVERY: Final = timedelta(minutes=1)
CLIENT_CHARACTERS: Final = 255


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a session may rest, and how long it may last at all."""

    idle: timedelta
    absolute: timedelta


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request came from, as the list of sessions and the audit log show it."""

    address: str | None
    client: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that is good now."""

    session_id: int
    user: User
    actor: UserActor
    # Whether `note_seen` has something to write.
    stale: bool


def begin_session(session: WriteSession, user_id: int, place: Place, *, instead_of: int | None = None) -> str:
    """A new session of the user; returns what the cookie is to hold, which nobody can ask for again.

    `instead_of` is the session that the browser had before: its cookie goes, so it ends.

    Refuses with Unauthenticated when the account was switched off since the password was proved.
    """
    user = session.get(User, user_id)
    if user is None or not user.active:
        raise Unauthenticated("This account is switched off; ask an administrator.")
    if instead_of is not None:
        session.execute(delete(BrowserSession).where(BrowserSession.id == instead_of))
    plain = secrets.token_urlsafe(SECRET_BYTES)
    moment = clock.now()
    session.add(
        BrowserSession(
            digest=_digest(plain),
            user_id=user.id,
            created_at=moment,
            last_seen_at=moment,
            address=place.address,
            client=place.client[:CLIENT_CHARACTERS],
        )
    )
    actor = user_actor(user, abilities=ALL_ABILITIES, address=place.address)
    record(session, actor, Event.USER_SIGNED_IN, Subject("user", user.id, user.email))
    return plain


def find_session(session: ReadSession, plain: str, limits: Limits, place: Place) -> SignedIn | None:
    """Who this cookie belongs to; None when the session ended, or the account is switched off."""
    row = session.execute(
        select(BrowserSession, User)
        .join(User, User.id == BrowserSession.user_id)
        .where(BrowserSession.digest == _digest(plain), ~_over(limits), User.active, User.deleted_at.is_(None))
    ).one_or_none()
    if row is None:
        return None
    found, user = row
    actor = user_actor(user, abilities=ALL_ABILITIES, address=place.address)
    return SignedIn(found.id, user, actor, stale=found.last_seen_at + SEEN_EVERY <= clock.now())


def note_seen(session: WriteSession, session_id: int, place: Place) -> None:
    """The session is in use."""
    found = session.get(BrowserSession, session_id)
    if found is not None:
        found.last_seen_at = clock.now()
        found.address, found.client = place.address, place.client[:CLIENT_CHARACTERS]
        session.get_one(User, found.user_id).last_seen_at = found.last_seen_at


def list_sessions(session: ReadSession, actor: UserActor, limits: Limits) -> Sequence[BrowserSession]:
    """The actor's own sessions that are good, the one used last first."""
    mine = select(BrowserSession).where(BrowserSession.user_id == actor.user_id, ~_over(limits))
    return session.scalars(mine.order_by(BrowserSession.last_seen_at.desc(), BrowserSession.id.desc())).all()


def end_session(session: WriteSession, actor: UserActor, session_id: int) -> None:
    """Signs that browser out. Refuses with NotFound a session that is not the actor's own."""
    ended = session.execute(
        delete(BrowserSession)
        .where(BrowserSession.id == session_id, BrowserSession.user_id == actor.user_id)
        .returning(BrowserSession.id)
    ).first()
    if ended is None:
        raise NotFound("There is no such session, or it is not yours.")
    record(session, actor, Event.USER_SIGNED_OUT, Subject("user", actor.user_id, actor.name))


def end_other_sessions(session: WriteSession, actor: UserActor, own: int) -> None:
    """Signs the actor's other browsers out."""
    end_sessions(session, actor.user_id, but=own)
    record(session, actor, Event.USER_SIGNED_OUT, Subject("user", actor.user_id, actor.name), browsers="others")


def end_sessions(session: WriteSession, user_id: int, *, but: int | None = None) -> None:
    """Signs the user out everywhere, but for one browser: after another password, nobody stays in by the old one."""
    theirs = delete(BrowserSession).where(BrowserSession.user_id == user_id)
    session.execute(theirs if but is None else theirs.where(BrowserSession.id != but))


def forget_ended_sessions(session: WriteSession, limits: Limits) -> None:
    """Takes away the rows of sessions that are over."""
    session.execute(delete(BrowserSession).where(_over(limits)))


def _over(limits: Limits) -> ColumnElement[bool]:
    now = clock.now()
    return or_(BrowserSession.last_seen_at <= now - limits.idle, BrowserSession.created_at <= now - limits.absolute)


def _digest(plain: str) -> str:
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()
