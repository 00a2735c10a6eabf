"""Links that let somebody in once: to set another password, and to accept an invitation.

Whoever holds one is let in, so the row keeps only its digest. It ends when it was used, after its time, or when whoever
made it may not any more.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.orm import aliased

from packistry import clock
from packistry.access.actors import Actor, System, UserActor
from packistry.access.grants import Grant
from packistry.access.permissions import ALL_ABILITIES, Permission, Role
from packistry.access.rules import require
from packistry.accounts.actions import create_user, set_password, valid_email
from packistry.accounts.sign_in import user_actor
from packistry.audit.events import Event
from packistry.audit.log import Subject, record
from packistry.db.engine import ReadSession, WriteSession
from packistry.db.models import AccountLink, User
from packistry.errors import AlreadyExists, Gone, NotFound

RESET, INVITATION = "reset", "invitation"
# 256 random bits, as in a token.
SECRET_BYTES: Final = 32
RESET_LASTS: Final = timedelta(hours=24)
INVITATION_LASTS: Final = timedelta(days=7)
# For whoever wonders what became of it; then the row goes.
KEPT: Final = timedelta(days=30)
_OVER: Final = "This link was used already, or its time has passed. Ask for another one."


def make_reset_link(session: WriteSession, actor: Actor, user: User) -> str:
    """The secret of a new link by which the user sets a password; links made before end. Shown once."""
    require(actor, Permission.USER_MANAGE)
    plain = secrets.token_urlsafe(SECRET_BYTES)
    _begin_reset(session, user, created_by=_maker(actor)).digest = digest_of(plain)
    record(session, actor, Event.USER_RESET_LINK_CREATED, Subject("user", user.id, user.email))
    return plain


def ask_for_reset(session: WriteSession, email: str, address: str | None) -> None:
    """Has a link mailed to the user with this address, if there is one who signs in by a password.

    Tells nothing: whoever asks must not learn which accounts there are.
    """
    user = session.scalars(
        select(User).where(User.email == email.strip().lower(), User.deleted_at.is_(None), User.active)
    ).first()
    if user is None or user.password_hash is None:
        return
    _begin_reset(session, user, created_by=None).mail_due_at = clock.now()
    asker = System(name="sign-in page", address=address)
    record(session, asker, Event.USER_RESET_LINK_CREATED, Subject("user", user.id, user.email), by="mail")


def invite(
    session: WriteSession, actor: Actor, *, email: str, role: Role, grants: Sequence[Grant], mailed: bool = False
) -> tuple[AccountLink, str]:
    """An invitation and the secret of its link; role and grants are given when it is accepted.

    Mailed, the secret in the mail is another one, and this one ends. Refuses an address that has an account.
    """
    require(actor, Permission.USER_MANAGE)
    address = valid_email(email)
    if session.scalars(select(User.id).where(User.email == address, User.deleted_at.is_(None))).first() is not None:
        raise AlreadyExists(f"There is already a user {address}.", field="email")
    session.execute(delete(AccountLink).where(AccountLink.kind == INVITATION, AccountLink.email == address))
    plain = secrets.token_urlsafe(SECRET_BYTES)
    link = _new(INVITATION, address, INVITATION_LASTS, _maker(actor))
    link.role, link.grants, link.digest = role, [asdict(grant) for grant in grants], digest_of(plain)
    link.mail_due_at = clock.now() if mailed else None
    session.add(link)
    session.flush()
    record(session, actor, Event.USER_INVITED, Subject("invitation", link.id, address), role=role)
    return link, plain


def list_invitations(session: ReadSession, actor: Actor) -> Sequence[AccountLink]:
    """Those that may still be accepted, the latest first."""
    require(actor, Permission.USER_MANAGE)
    chosen = select(AccountLink).where(AccountLink.kind == INVITATION, _is_good())
    return session.scalars(chosen.order_by(AccountLink.id.desc())).all()


def revoke_invitation(session: WriteSession, actor: Actor, link_id: int) -> None:
    """Ends it before it was accepted. Refuses with NotFound."""
    require(actor, Permission.USER_MANAGE)
    link = session.get(AccountLink, link_id)
    if link is None or link.kind != INVITATION or link.used_at is not None:
        raise NotFound("There is no such invitation, or it was accepted.")
    record(session, actor, Event.USER_INVITATION_REVOKED, Subject("invitation", link.id, link.email))
    session.delete(link)


def find_link(session: ReadSession, kind: str, plain: str) -> AccountLink:
    """The link with this secret, that is still good. Refuses with Gone, in the same words whatever is wrong with it."""
    link = session.scalars(
        select(AccountLink).where(AccountLink.kind == kind, AccountLink.digest == digest_of(plain), _is_good())
    ).first()
    if link is None:
        raise Gone(_OVER)
    return link


def reset_by_link(session: WriteSession, plain: str, password_hash: str, address: str | None) -> User:
    """Sets the password, once. Every browser of the user is signed out, and the present password ends."""
    link = _use(session, find_link(session, RESET, plain))
    user = session.get_one(User, link.user_id)
    actor = user_actor(user, abilities=ALL_ABILITIES, address=address)
    set_password(session, user, password_hash)
    record(session, actor, Event.USER_PASSWORD_RESET, Subject("user", user.id, user.email), by="link")
    return user


def accept_invitation(session: WriteSession, plain: str, *, name: str, password_hash: str, address: str | None) -> User:
    """The account that the invitation promised, once."""
    link = _use(session, find_link(session, INVITATION, plain))
    user = create_user(
        session,
        System(name="invitation", address=address),
        name=name,
        email=link.email,
        password_hash=password_hash,
        role=Role(link.role or Role.USER),
        grants=[Grant(**grant) for grant in link.grants],
    )
    actor = user_actor(user, abilities=ALL_ABILITIES, address=address)
    record(session, actor, Event.USER_INVITATION_ACCEPTED, Subject("invitation", link.id, link.email))
    return user


def forget_links(session: WriteSession) -> None:
    """Takes away the rows of links that are long over."""
    session.execute(delete(AccountLink).where(AccountLink.expires_at < clock.now() - KEPT))


def digest_of(plain: str) -> str:
    """As the row keeps it: 256 random bits need no slow hash."""
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


def _begin_reset(session: WriteSession, user: User, *, created_by: int | None) -> AccountLink:
    forget_links(session)
    session.execute(delete(AccountLink).where(AccountLink.kind == RESET, AccountLink.user_id == user.id))
    link = _new(RESET, user.email, RESET_LASTS, created_by)
    link.user_id = user.id
    session.add(link)
    return link


def _new(kind: str, email: str, lasts: timedelta, created_by: int | None) -> AccountLink:
    moment = clock.now()
    return AccountLink(
        kind=kind, email=email, grants=[], created_by=created_by, created_at=moment, expires_at=moment + lasts
    )


def _use(session: WriteSession, link: AccountLink) -> AccountLink:
    """Of two who use it at once, one does."""
    used = update(AccountLink).where(AccountLink.id == link.id, AccountLink.used_at.is_(None))
    if session.execute(used.values(used_at=clock.now()).returning(AccountLink.id)).first() is None:
        raise Gone(_OVER)
    return link


def _is_good() -> ColumnElement[bool]:
    """Not used, in time, its user not switched off, and whoever made it still somebody who may."""
    maker, whose = aliased(User), aliased(User)
    may = and_(maker.role == Role.ADMINISTRATOR, maker.active, maker.deleted_at.is_(None))
    return and_(
        AccountLink.used_at.is_(None),
        AccountLink.expires_at > clock.now(),
        or_(AccountLink.created_by.is_(None), AccountLink.created_by.in_(select(maker.id).where(may))),
        or_(
            AccountLink.user_id.is_(None),
            AccountLink.user_id.in_(select(whose.id).where(whose.active, whose.deleted_at.is_(None))),
        ),
    )


def _maker(actor: Actor) -> int | None:
    return actor.user_id if isinstance(actor, UserActor) else None
