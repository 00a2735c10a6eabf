"""When tokens were last used, and people last seen: gathered in memory and written in batches, never by a request."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from sqlalchemy import or_, select, update

from packistry import clock
from packistry.db.engine import Database, WriteSession
from packistry.db.models import Token, User

# Longer ones say nothing more to a person who reads a list.
CLIENT_CHARACTERS: Final = 300
# In one transaction, each day: more tokens than this do not fall out of use in a day.
FORGOTTEN_AT_ONCE: Final = 10_000

# Says the address a request came from, and what its client says it is.
Caller = Callable[[], tuple[str | None, str]]


class TokenUses:
    """The last use of each token since the last flush.

    Noted by the event loop at every request, so it only puts two references into a dictionary: who it was is asked at
    the flush.
    """

    def __init__(self) -> None:
        self._uses: dict[int, tuple[datetime, Caller]] = {}
        self._seen: dict[int, datetime] = {}

    def note(self, token_id: int, caller: Caller) -> None:
        """The token was used just now."""
        self._uses[token_id] = clock.now(), caller

    def saw(self, user_id: int) -> None:
        """The user was here just now, by password or by a personal token."""
        self._seen[user_id] = clock.now()

    def flush(self, database: Database) -> None:
        """Writes the last uses; one that is older than what another worker wrote changes nothing.

        What cannot be written now is kept for the next time, unless the token was used again meanwhile.
        """
        uses, self._uses = self._uses, {}
        seen, self._seen = self._seen, {}
        if not (uses or seen):
            return
        try:
            with database.write() as session:
                for token_id, (at, caller) in sorted(uses.items()):
                    _write(session, token_id, at, *caller())
                for user_id, at in sorted(seen.items()):
                    _write_seen(session, user_id, at)
        except BaseException:
            self._uses = uses | self._uses
            self._seen = seen | self._seen
            raise


def forget_used_addresses(database: Database, before: datetime) -> int:
    """Takes the address out of last uses older than that; how many. When the token was used, and by what, stays."""
    with database.write() as session:
        old = select(Token.id).where(Token.last_used_at < before, Token.last_used_address.is_not(None))
        ids = session.scalars(old.limit(FORGOTTEN_AT_ONCE)).all()
        session.execute(update(Token).where(Token.id.in_(ids)).values(last_used_address=None))
    return len(ids)


def _write(session: WriteSession, token_id: int, at: datetime, address: str | None, client: str) -> None:
    older = or_(Token.last_used_at.is_(None), Token.last_used_at < at)
    # PostgreSQL takes no NUL, and one that cannot be written would keep all others from being written.
    shown = client.replace("\0", "")[:CLIENT_CHARACTERS]
    session.execute(
        update(Token)
        .where(Token.id == token_id, older)
        .values(last_used_at=at, last_used_address=address, last_used_client=shown)
    )


def _write_seen(session: WriteSession, user_id: int, at: datetime) -> None:
    older = or_(User.last_seen_at.is_(None), User.last_seen_at < at)
    session.execute(update(User).where(User.id == user_id, older).values(last_seen_at=at))
