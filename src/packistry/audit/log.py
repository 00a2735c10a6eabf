"""Writing the audit log."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select, update

from packistry import clock
from packistry.access.actors import Actor, Anonymous, System, UserActor, describe
from packistry.audit.events import Event
from packistry.db.engine import Database, ReadSession, WriteSession
from packistry.db.models import AuditEvent

# Lines that one transaction changes: others write meanwhile.
BATCH: Final = 1_000


@dataclass(frozen=True, slots=True)
class Subject:
    """What an event is about: its noun, its id, and its name as it was then."""

    kind: str
    id: int | None
    name: str


def record(session: WriteSession, actor: Actor, event: Event, subject: Subject, **details: Any) -> None:
    """Adds one line, committed together with the change. Details are JSON without secrets."""
    kind, actor_id = _identity(actor)
    session.add(
        AuditEvent(
            at=clock.now(),
            event=event,
            actor_kind=kind,
            actor_id=actor_id,
            actor_name=describe(actor),
            subject_kind=subject.kind,
            subject_id=subject.id,
            subject_name=subject.name,
            address=actor.address,
            details=details,
        )
    )


def last_line_at(session: ReadSession) -> datetime | None:
    """When the last line was written; None without any."""
    return session.scalar(select(AuditEvent.at).order_by(AuditEvent.id.desc()).limit(1))


def forget_addresses(database: Database, before: datetime) -> int:
    """Takes the callers' addresses out of lines older than that; how many. The lines stay."""
    forgotten = 0
    while True:
        with database.write() as session:
            old = select(AuditEvent.id).where(AuditEvent.at < before, AuditEvent.address.is_not(None)).limit(BATCH)
            ids = session.scalars(old).all()
            session.execute(update(AuditEvent).where(AuditEvent.id.in_(ids)).values(address=None))
        forgotten += len(ids)
        if len(ids) < BATCH:
            return forgotten


def _identity(actor: Actor) -> tuple[str, int | None]:
    match actor:
        case Anonymous():
            return "anonymous", None
        case System():
            return "system", None
        case UserActor():
            return "user", actor.user_id
        case _:
            return "deploy_token", actor.token_id
