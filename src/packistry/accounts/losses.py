"""What would stop with an account: told before somebody takes it out."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select

from packistry import clock
from packistry.db.engine import ReadSession
from packistry.db.models import Token, User


@dataclass(frozen=True, slots=True)
class UserLoss:
    """The personal tokens that work still, and when one was last used."""

    tokens: int
    last_used_at: datetime | None


def loss_of_user(session: ReadSession, user: User) -> UserLoss:
    """For whoever may delete the user."""
    good = (
        Token.user_id == user.id,
        Token.revoked_at.is_(None),
        or_(Token.expires_at.is_(None), Token.expires_at > clock.now()),
    )
    tokens, last = session.execute(select(func.count(), func.max(Token.last_used_at)).where(*good)).one()
    return UserLoss(tokens, last)
