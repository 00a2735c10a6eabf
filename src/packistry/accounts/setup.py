"""The first administrator: made once, by whoever holds the link that the server printed when it started."""

import hashlib
import hmac
import secrets
from typing import Final

from sqlalchemy import select, update

from packistry.access.actors import System
from packistry.access.permissions import Role
from packistry.accounts.actions import create_user
from packistry.accounts.sessions import Place
from packistry.db.engine import ReadSession, WriteSession
from packistry.db.models import Installation, User
from packistry.errors import NotFound

# Read aloud and typed: no letter that is taken for another one. 32 letters, so 16 of them are 80 bits.
LETTERS: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
GROUPS, GROUP_LETTERS = 4, 4
ACTOR_NAME: Final = "set-up link"
GONE: Final = (
    "This link does not set this installation up: start the server again, and it prints a new one, "
    "or make the administrator with `packistry user add --role admin`."
)


def needs_setup(session: ReadSession) -> bool:
    """Whether nobody can administer this installation yet."""
    administrators = select(User.id).where(User.role == Role.ADMINISTRATOR, User.deleted_at.is_(None))
    return session.execute(administrators.limit(1)).first() is None


def offer_setup(session: WriteSession) -> str | None:
    """A new code, which takes the place of the one before; None once there is an administrator."""
    code = "-".join("".join(secrets.choice(LETTERS) for _ in range(GROUP_LETTERS)) for _ in range(GROUPS))
    code_wanted = code if needs_setup(session) else None
    digest = None if code_wanted is None else _digest(code_wanted)
    session.execute(update(Installation).values(setup_digest=digest))
    return code_wanted


def is_setup_code(session: ReadSession, code: str) -> bool:
    """Whether the code opens the set-up now."""
    kept = session.execute(select(Installation.setup_digest)).scalar_one()
    return kept is not None and hmac.compare_digest(kept, _digest(code)) and needs_setup(session)


def make_first_administrator(
    session: WriteSession, code: str, place: Place, *, name: str, email: str, password_hash: str
) -> int:
    """The administrator, for whom the code is used up; returns the user's id. Refuses with NotFound a code that does
    not hold: of two people who open the link at once, one is first.
    """
    # Held until the commit: on PostgreSQL the second one waits here, and then finds the code used.
    session.execute(select(Installation.id).with_for_update()).all()
    if not is_setup_code(session, code):
        raise NotFound(GONE)
    actor = System(name=ACTOR_NAME, address=place.address)
    user = create_user(session, actor, name=name, email=email, password_hash=password_hash, role=Role.ADMINISTRATOR)
    session.execute(update(Installation).values(setup_digest=None))
    return user.id


def _digest(code: str) -> str:
    """However it was typed: in small letters, or without its hyphens."""
    letters = code.replace("-", "").strip().upper()
    return hashlib.sha256(letters.encode("utf-8", "surrogatepass")).hexdigest()
