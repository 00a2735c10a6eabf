"""When and from where tokens were last used: gathered in memory and written in batches, never on the request path."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import or_, update

from packistry.db.engine import Database
from packistry.db.models import Token

# Longer ones say nothing more to a person who reads a list.
CLIENT_CHARACTERS: Final = 300

# Says the address a request came from, and what its client says it is.
Caller = Callable[[], tuple[str | None, str]]


class TokenUses:
    """The last use of each token since the last flush.

    Noted by the event loop at every request, so it only puts two references into a dictionary: who it was is asked at
    the flush.
    """

    def __init__(self) -> None:
        self._uses: dict[int, tuple[float, Caller]] = {}

    def note(self, token_id: int, caller: Caller) -> None:
        """The token was used just now."""
        self._uses[token_id] = time.time(), caller

    def flush(self, database: Database) -> None:
        """Writes the last uses; one that is older than what another worker wrote changes nothing."""
        uses, self._uses = self._uses, {}
        if not uses:
            return
        with database.write() as session:
            for token_id, (seconds, caller) in sorted(uses.items()):
                at = datetime.fromtimestamp(seconds, UTC)
                address, client = caller()
                older = or_(Token.last_used_at.is_(None), Token.last_used_at < at)
                session.execute(
                    update(Token)
                    .where(Token.id == token_id, older)
                    .values(last_used_at=at, last_used_address=address, last_used_client=client[:CLIENT_CHARACTERS])
                )
