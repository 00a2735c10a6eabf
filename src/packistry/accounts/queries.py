"""Reading users."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select

from packistry.access.actors import Actor, UserActor
from packistry.access.grants import Grant, Holder, grants_of_each
from packistry.access.permissions import Permission, Role
from packistry.access.rules import require
from packistry.db.engine import ReadSession
from packistry.db.models import User
from packistry.db.parts import Found, Orders, Part, ascending, descending, read_part
from packistry.db.statements import all_in, any_holds
from packistry.db.types import is_id
from packistry.errors import NotFound


@dataclass(frozen=True, slots=True)
class UserSummary:
    """A user with what was given to them."""

    id: int
    name: str
    email: str
    role: str
    active: bool
    created_at: datetime
    last_seen_at: datetime | None
    grants: tuple[Grant, ...]


def find_user(session: ReadSession, actor: Actor, name: str) -> User:
    """The user with this e-mail address or id. Refuses with NotFound."""
    require(actor, Permission.USER_MANAGE)
    chosen = User.id == int(name) if is_id(name) else User.email == name.strip().lower()
    user = session.execute(select(User).where(chosen, User.deleted_at.is_(None))).scalar_one_or_none()
    if user is None:
        raise NotFound(f"There is no user {name}; `packistry user list` shows them.")
    return user


def user_at(session: ReadSession, actor: Actor, user_id: int) -> User:
    """The user with this id. Refuses with NotFound."""
    require(actor, Permission.USER_MANAGE)
    user = session.get(User, user_id)
    if user is None or user.deleted_at is not None:
        raise NotFound("There is no such user.")
    return user


def own_user(session: ReadSession, actor: UserActor) -> User:
    """The one who asks."""
    return session.get_one(User, actor.user_id)


def list_users(session: ReadSession, actor: Actor) -> list[UserSummary]:
    """All users by e-mail address."""
    require(actor, Permission.USER_MANAGE)
    users = session.scalars(select(User).where(User.deleted_at.is_(None)).order_by(User.email)).all()
    return _summarise(session, users)


def name_users(session: ReadSession, actor: Actor, words: Sequence[str], limit: int) -> Sequence[tuple[int, str, str]]:
    """Ids, names and e-mail addresses of users with all words in either, by address."""
    require(actor, Permission.USER_MANAGE)
    conditions = [User.deleted_at.is_(None), *all_in(User.name + " " + User.email, words)]
    chosen = select(User.id, User.name, User.email).where(*conditions).order_by(User.email).limit(limit)
    return [(number, name, email) for number, name, email in session.execute(chosen)]


USER_ORDERS: Final[Orders] = {
    "email": ascending(User.email, User.id),
    "-email": descending(User.email, User.id),
    "name": ascending(User.name, User.id),
    "-name": descending(User.name, User.id),
    "-created": descending(User.created_at, User.id),
    "created": ascending(User.created_at, User.id),
}


def part_of_users(
    session: ReadSession,
    actor: Actor,
    part: Part,
    *,
    words: Sequence[str] = (),
    role: Role | None = None,
    active: bool | None = None,
) -> Found[UserSummary]:
    """A part of the users, with all words in name or e-mail address."""
    require(actor, Permission.USER_MANAGE)
    chosen = select(User).where(User.deleted_at.is_(None), *(any_holds(word, User.name, User.email) for word in words))
    if role is not None:
        chosen = chosen.where(User.role == role)
    if active is not None:
        chosen = chosen.where(User.active == active)
    found = read_part(session, chosen, part)
    return Found(_summarise(session, [row[0] for row in found.rows]), found.last)


def summarise_user(session: ReadSession, user: User) -> UserSummary:
    """The row as data, with its grants."""
    return _summarise(session, [user])[0]


def _summarise(session: ReadSession, users: Sequence[User]) -> list[UserSummary]:
    grants = grants_of_each(session, [Holder(user_id=user.id) for user in users])
    return [
        UserSummary(
            id=user.id,
            name=user.name,
            email=user.email,
            role=user.role,
            active=user.active,
            created_at=user.created_at,
            last_seen_at=user.last_seen_at,
            grants=tuple(grants[Holder(user_id=user.id)]),
        )
        for user in users
    ]
