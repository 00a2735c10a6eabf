"""Raising the generation, and keeping the feed of changes short."""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from packistry.db.changes import ChangeKey
from packistry.db.models.generation import Change, Generation

# A worker asks at every request, so it is never this far behind unless it slept; then it forgets everything.
FEED_LENGTH: Final = 10_000
# The feed is cut once in so many changes, not at each.
CUT_EVERY: Final = 1_000


def announce(session: Session, keys: Iterable[ChangeKey]) -> int:
    """Raises the generation by one and writes the keys under the new number, which it returns.

    Called last in a transaction: on PostgreSQL the row stays locked until the commit, so numbers become
    visible in their order and no reader skips one.
    """
    raised = update(Generation).where(Generation.id == 1).values(number=Generation.number + 1)
    number = session.execute(raised.returning(Generation.number)).scalar_one()
    session.execute(insert(Change), [{"number": number, "key": key} for key in sorted(keys)])
    if number % CUT_EVERY == 0:
        session.execute(delete(Change).where(Change.number <= number - FEED_LENGTH))
        session.execute(update(Generation).values(floor=max(number - FEED_LENGTH, 0)))
    return number
