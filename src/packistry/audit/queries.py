"""Reading the audit log."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select

from packistry.access.actors import Actor
from packistry.access.permissions import Permission
from packistry.access.rules import require
from packistry.db.engine import ReadSession
from packistry.db.models import AuditEvent
from packistry.db.statements import like


@dataclass(frozen=True, slots=True)
class Asked:
    """Which lines: of an event or a noun's events ("user"), with these words in the names of who and what."""

    event: str = ""
    words: Sequence[str] = ()


def list_events(
    session: ReadSession, actor: Actor, asked: Asked, *, offset: int, limit: int
) -> tuple[Sequence[AuditEvent], int]:
    """One page of the log, newest first, and how many lines there are in all."""
    require(actor, Permission.AUDIT_READ)
    conditions = _conditions(asked)
    total = session.scalar(select(func.count()).select_from(AuditEvent).where(*conditions)) or 0
    chosen = select(AuditEvent).where(*conditions).order_by(AuditEvent.id.desc()).offset(offset).limit(limit)
    return session.scalars(chosen).all(), total


def _conditions(asked: Asked) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if asked.event:
        found.append(or_(AuditEvent.event == asked.event, AuditEvent.event.like(f"{like(asked.event)}.%", escape="\\")))
    for word in asked.words:
        pattern = f"%{like(word.lower())}%"
        found.append(
            or_(
                func.lower(AuditEvent.actor_name).like(pattern, escape="\\"),
                func.lower(AuditEvent.subject_name).like(pattern, escape="\\"),
            )
        )
    return found
