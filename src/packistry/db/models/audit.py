"""The audit log: who did what, on what, from where, when."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from packistry.db.models.base import Base
from packistry.db.types import JSONBytes, UTCDateTime


class AuditEvent(Base):
    """One thing that happened. Names are copied: the line still reads after its actor or subject is gone."""

    __tablename__ = "audit_events"
    __table_args__ = (Index(None, "at"), Index(None, "subject_kind", "subject_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    event: Mapped[str] = mapped_column(String(64))
    actor_kind: Mapped[str] = mapped_column(String(16))
    actor_id: Mapped[int | None]
    actor_name: Mapped[str] = mapped_column(Text)
    subject_kind: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[int | None]
    subject_name: Mapped[str] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(String(64))
    details: Mapped[dict[str, Any]] = mapped_column(JSONBytes)
