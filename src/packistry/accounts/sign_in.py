"""Recognising a person by e-mail and password."""

from sqlalchemy import select

from packistry.access.actors import UserActor
from packistry.access.permissions import Ability, Role
from packistry.access.secrets import password_matches
from packistry.access.views import View, load_view, refused_view
from packistry.db.engine import Database
from packistry.db.keeping import Copy
from packistry.db.models import User
from packistry.db.watch import current_generation
from packistry.errors import Unauthenticated

# One and the same sentence for every cause: no oracle for which accounts exist.
REFUSAL = "The e-mail address or the password is wrong. Tokens go on working; use one where nobody is asked."


def view_of_password(database: Database, email: str, password: str) -> Copy[View]:
    """What this person may read: reading only, whatever the role. A wrong password gives a refused view.

    Takes about 0.2 s and 64 MiB, on purpose; run it in a bounded pool.
    """
    with database.read() as session:
        generation = current_generation(session)
        user = session.execute(
            select(User).where(User.email == email.strip().lower(), User.deleted_at.is_(None), User.active)
        ).scalar_one_or_none()
    # No session is held during the 0.2 s.
    if not password_matches(user.password_hash if user else None, password) or user is None:
        return _copy(refused_view(Unauthenticated(REFUSAL)), generation)
    with database.read() as session:
        # Read again: the account may have changed while we were hashing. The copy is as new as this look, so that
        # somebody else's changes in those 0.2 s do not make it too old to be kept.
        generation = current_generation(session)
        now = session.get(User, user.id)
        if now is None or not now.active or now.password_hash != user.password_hash:
            return _copy(refused_view(Unauthenticated(REFUSAL)), generation)
        return _copy(load_view(session, user_actor(now, abilities=frozenset({Ability.READ}))), generation)


def _copy(view: View, generation: int) -> Copy[View]:
    return Copy(view, generation, view.depends_on)


def user_actor(user: User, *, abilities: frozenset[Ability], address: str | None = None) -> UserActor:
    """The user as an actor without a token."""
    return UserActor(
        user_id=user.id,
        name=user.email,
        is_administrator=user.role == Role.ADMINISTRATOR,
        abilities=abilities,
        address=address,
    )
