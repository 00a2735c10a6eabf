"""Changing users. A change to a user is told to every reader, so that it holds from the next request on."""

import re
from collections.abc import Iterable
from typing import Final

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from packistry import clock
from packistry.access.actors import Actor, UserActor
from packistry.access.grants import Grant, Holder, replace_grants
from packistry.access.permissions import Permission, Role
from packistry.access.rules import require
from packistry.access.secrets import hash_password
from packistry.accounts.sessions import end_sessions
from packistry.audit.events import Event
from packistry.audit.log import Subject, record
from packistry.db.changes import user_key
from packistry.db.engine import WriteSession
from packistry.db.models import AccountLink, Token, User
from packistry.errors import AlreadyExists, Conflict, InvalidInput, NotFound

# Length is what counts; see NIST SP 800-63B. The upper bound keeps hashing from becoming a way to burn our time.
PASSWORD_CHARACTERS: Final = range(10, 1025)
NAME_CHARACTERS: Final = 255
# Not the grammar of RFC 5322: one @, something on both sides, no spaces. Whether mail arrives is another question.
EMAIL: Final = re.compile(r"[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+")


def create_user(
    session: WriteSession,
    actor: Actor,
    *,
    name: str,
    email: str,
    password_hash: str | None,
    role: Role = Role.USER,
    grants: Iterable[Grant] = (),
) -> User:
    """A new user. Without a password the account cannot sign in here until it gets one; see `make_password_hash`."""
    require(actor, Permission.USER_MANAGE)
    user = User(
        name=_valid_name(name),
        email=valid_email(email),
        role=role,
        password_hash=password_hash,
        active=True,
        created_at=clock.now(),
    )
    session.add(user)
    _flush_unique_email(session, user)
    replace_grants(session, Holder(user_id=user.id), grants)
    record(session, actor, Event.USER_CREATED, _subject(user), role=role)
    return user


def update_user(
    session: WriteSession,
    actor: Actor,
    user: User,
    *,
    name: str | None = None,
    email: str | None = None,
    role: Role | None = None,
    active: bool | None = None,
    grants: Iterable[Grant] | None = None,
) -> None:
    """Changes what is given; a list of grants replaces the old one. The last active administrator stays one."""
    require(actor, Permission.USER_MANAGE)
    _hold(session, user)
    wanted = {
        "name": None if name is None else _valid_name(name),
        "email": None if email is None else valid_email(email),
        "role": role,
        "active": active,
    }
    changes = {key: value for key, value in wanted.items() if value is not None and value != getattr(user, key)}
    if changes.get("role") == Role.USER or changes.get("active") is False:
        _keep_an_administrator(session, user)
    for key, value in changes.items():
        setattr(user, key, value)
    _flush_unique_email(session, user)
    if grants is not None:
        replace_grants(session, Holder(user_id=user.id), grants)
        changes["grants"] = "replaced"
    if changes:
        record(session, actor, Event.USER_UPDATED, _subject(user), **changes)
        session.changed(user_key(user.id))


def reset_password(session: WriteSession, actor: Actor, user: User, password_hash: str) -> None:
    """Sets a new password; the old one stops working with the next request."""
    require(actor, Permission.USER_MANAGE)
    set_password(session, user, password_hash)
    record(session, actor, Event.USER_PASSWORD_RESET, _subject(user))


def set_password(session: WriteSession, user: User, password_hash: str, *, keep_session: int | None = None) -> None:
    """The password of an account, whoever sets it: the right to, and the line in the log, are the caller's.

    Whoever signed in by the old one, perhaps not its owner, has to prove the new one; links to set another end.
    """
    _hold(session, user)
    user.password_hash = password_hash
    end_sessions(session, user.id, but=keep_session)
    session.execute(delete(AccountLink).where(AccountLink.user_id == user.id, AccountLink.used_at.is_(None)))
    session.changed(user_key(user.id))


def change_password(session: WriteSession, actor: UserActor, password_hash: str, *, keep_session: int) -> None:
    """The actor's own new password, the present one having been proved. Signs out every other browser."""
    require(actor, Permission.PERSONAL_TOKEN_MANAGE)
    user = session.get_one(User, actor.user_id)
    set_password(session, user, password_hash, keep_session=keep_session)
    record(session, actor, Event.USER_PASSWORD_CHANGED, _subject(user))


def delete_user(session: WriteSession, actor: Actor, user: User) -> None:
    """The user with grants and personal tokens is gone for readers; the row stays for the log and the statistics."""
    require(actor, Permission.USER_MANAGE)
    _hold(session, user)
    _keep_an_administrator(session, user)
    moment = clock.now()
    replace_grants(session, Holder(user_id=user.id), ())
    session.execute(update(Token).where(Token.user_id == user.id, Token.revoked_at.is_(None)).values(revoked_at=moment))
    user.deleted_at = moment
    user.active = False
    record(session, actor, Event.USER_DELETED, _subject(user))


def make_password_hash(password: str) -> str:
    """Checks and hashes a password. Takes 0.2 s, so call it before opening a write scope: SQLite has one writer."""
    if len(password) not in PASSWORD_CHARACTERS:
        shortest, longest = PASSWORD_CHARACTERS[0], PASSWORD_CHARACTERS[-1]
        raise InvalidInput(
            f"A password has {shortest} to {longest} characters; length is what counts.", field="password"
        )
    return hash_password(password)


def _hold(session: WriteSession, user: User) -> None:
    """Holds the user's row until the commit, as it is now. Refuses with NotFound when it was deleted meanwhile.

    The administrators' rows with it: two who remove each other at once must not both succeed. All in one order, or
    each of two changes could wait for the other.
    """
    chosen = select(User).where(or_(User.id == user.id, User.role == Role.ADMINISTRATOR)).order_by(User.id)
    # Not the strongest lock: rows that only point at a user need not wait for it.
    session.scalars(chosen.with_for_update(key_share=True).execution_options(populate_existing=True)).all()
    if user.deleted_at is not None:
        raise NotFound(f"The user {user.email} was deleted meanwhile.")


def _keep_an_administrator(session: WriteSession, user: User) -> None:
    if user.role != Role.ADMINISTRATOR or not user.active:
        return
    others = select(func.count()).where(
        User.role == Role.ADMINISTRATOR, User.active, User.deleted_at.is_(None), User.id != user.id
    )
    if not session.execute(others).scalar_one():
        raise Conflict(f"{user.email} is the last active administrator; make another one first.", field="role")


def _flush_unique_email(session: WriteSession, user: User) -> None:
    # Read before: a row of a session that failed can be asked for nothing more.
    email = user.email
    try:
        session.flush()
    except IntegrityError as fault:
        raise AlreadyExists(f"There is already a user {email}.", field="email") from fault


def _valid_name(name: str) -> str:
    trimmed = name.strip()
    if not trimmed or len(trimmed) > NAME_CHARACTERS:
        raise InvalidInput(f"A name has 1 to {NAME_CHARACTERS} characters.", field="name")
    return trimmed


def valid_email(email: str) -> str:
    """The address as it is kept. Refuses with InvalidInput what is none."""
    lowered = email.strip().lower()
    if len(lowered) > NAME_CHARACTERS or not EMAIL.fullmatch(lowered):
        raise InvalidInput(f"{email!r} is not an e-mail address.", field="email")
    return lowered


def _subject(user: User) -> Subject:
    return Subject("user", user.id, user.email)
