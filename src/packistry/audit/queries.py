"""Reading the audit log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from sqlalchemy import ColumnElement, func, or_, select

from packistry.access.actors import Actor
from packistry.access.permissions import Permission
from packistry.access.rules import require
from packistry.db.engine import ReadSession
from packistry.db.models import AuditEvent
from packistry.db.parts import Found, Orders, Part, ascending, descending, read_part
from packistry.db.statements import like
from packistry.errors import NotFound

# Who may have done something, as the lines name the kind of it.
ACTOR_KINDS: Final = ("user", "deploy_token", "system", "anonymous")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which lines: of an event or a noun's events ("user"), with these words in the names of who and what, of a kind of
    actor, from an address, and of days in UTC, both included.
    """

    event: str = ""
    words: Sequence[str] = ()
    actor: str = ""
    address: str = ""
    since: date | None = None
    until: date | None = None


def list_events(
    session: ReadSession, actor: Actor, asked: Asked, *, offset: int, limit: int
) -> tuple[Sequence[AuditEvent], int]:
    """One page of the log, newest first, and how many lines there are in all."""
    require(actor, Permission.AUDIT_READ)
    conditions = _conditions(asked)
    total = session.scalar(select(func.count()).select_from(AuditEvent).where(*conditions)) or 0
    chosen = select(AuditEvent).where(*conditions).order_by(AuditEvent.id.desc()).offset(offset).limit(limit)
    return session.scalars(chosen).all(), total


EVENT_ORDERS: Final[Orders] = {"-id": descending(AuditEvent.id), "id": ascending(AuditEvent.id)}


def part_of_events(session: ReadSession, actor: Actor, part: Part, asked: Asked) -> Found[AuditEvent]:
    """A part of the log."""
    require(actor, Permission.AUDIT_READ)
    found = read_part(session, select(AuditEvent).where(*_conditions(asked)), part)
    return Found([row[0] for row in found.rows], found.last)


def event_at(session: ReadSession, actor: Actor, event_id: int) -> AuditEvent:
    """The line with this id. Refuses with NotFound."""
    require(actor, Permission.AUDIT_READ)
    found = session.get(AuditEvent, event_id)
    if found is None:
        raise NotFound("There is no such line in the audit log.")
    return found


def batch_of_events(
    session: ReadSession, actor: Actor, asked: Asked, *, before: int | None, limit: int
) -> Sequence[AuditEvent]:
    """The newest lines whose ids are below that one: all of them come in turn, whatever is written meanwhile."""
    require(actor, Permission.AUDIT_READ)
    chosen = select(AuditEvent).where(*_conditions(asked)).order_by(AuditEvent.id.desc()).limit(limit)
    return session.scalars(chosen if before is None else chosen.where(AuditEvent.id < before)).all()


def _conditions(asked: Asked) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if asked.event:
        found.append(or_(AuditEvent.event == asked.event, AuditEvent.event.like(f"{like(asked.event)}.%", escape="\\")))
    if asked.actor:
        found.append(AuditEvent.actor_kind == asked.actor)
    if asked.address:
        found.append(AuditEvent.address == asked.address)
    if asked.since is not None:
        found.append(AuditEvent.at >= _midnight(asked.since))
    if asked.until is not None and asked.until < date.max:
        found.append(AuditEvent.at < _midnight(asked.until + timedelta(days=1)))
    for word in asked.words:
        pattern = f"%{like(word.lower())}%"
        found.append(
            or_(
                func.lower(AuditEvent.actor_name).like(pattern, escape="\\"),
                func.lower(AuditEvent.subject_name).like(pattern, escape="\\"),
            )
        )
    return found


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
