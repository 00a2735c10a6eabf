"""Calls that are sent again under the same key: answered as the first one was, for a day, and done once.

The answer is a row of the transaction that did the work: after a crash either both are there or neither.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from sqlalchemy import delete

from packistry import clock
from packistry.access.actors import UserActor
from packistry.db.engine import Database, WriteSession
from packistry.db.models import KeptAnswer
from packistry.db.statements import hold
from packistry.errors import Conflict, InvalidInput, Unavailable
from packistry.sealing import Sealer

KEPT: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Repeatable:
    """One call: who sends it, under which key, and the digest of all that was asked."""

    actor: UserActor
    key: str
    digest: str


@dataclass(frozen=True, slots=True)
class Told:
    """An answer: its body may hold a secret."""

    status: int
    headers: dict[str, str]
    body: str = field(repr=False)


def find_answer(session: WriteSession, sealer: Sealer, call: Repeatable) -> Told | None:
    """What the call was answered before; None when it was not. Another one with the same key waits for the commit.

    Refuses another request under the same key with InvalidInput.
    """
    hold(session, f"answer {call.actor.user_id} {call.key}")
    row = session.get(KeptAnswer, (call.actor.user_id, _stored_key(call)))
    if row is None or row.created_at <= clock.now() - KEPT:
        return None
    try:
        kept = sealer.open(row.sealed)
    except Unavailable as refusal:
        raise Conflict("This key was used before the server got another secret key; choose another one.") from refusal
    if kept.pop("digest") != call.digest:
        raise InvalidInput(
            "This Idempotency-Key was sent with another request before; choose another key for this one.",
            field="Idempotency-Key",
        )
    headers = {name[1:]: value for name, value in kept.items() if name[0] == "-"}
    return Told(int(kept["status"]), headers, kept["body"])


def keep_answer(session: WriteSession, sealer: Sealer, call: Repeatable, told: Told) -> None:
    """Keeps it for a day. Committed with what the call did."""
    headers = {f"-{name}": value for name, value in told.headers.items()}
    sealed = sealer.seal({"digest": call.digest, "status": str(told.status), "body": told.body, **headers})
    session.merge(KeptAnswer(user_id=call.actor.user_id, key=_stored_key(call), sealed=sealed, created_at=clock.now()))


def forget_answers(database: Database) -> None:
    """Takes away what was kept long enough."""
    with database.write() as session:
        session.execute(delete(KeptAnswer).where(KeptAnswer.created_at <= clock.now() - KEPT))


def _stored_key(call: Repeatable) -> str:
    return hashlib.sha256(call.key.encode()).hexdigest()
