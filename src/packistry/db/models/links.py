"""Links that let somebody in once: another password, or an account that an invitation makes."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from packistry.db.models.base import NEVER_AGAIN, Base
from packistry.db.types import JSONBytes, UTCDateTime


class AccountLink(Base):
    """One link, for one use. What it gives is in the row, so that the link itself says nothing."""

    __tablename__ = "account_links"
    __table_args__ = (NEVER_AGAIN,)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    # SHA-256 in hex of the secret in the link; None until the mail is written that holds it.
    digest: Mapped[str | None] = mapped_column(String(64), unique=True)
    # Whose password it sets; None for an invitation.
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    email: Mapped[str] = mapped_column(String(255))
    # What an invitation gives when it is accepted.
    role: Mapped[str | None] = mapped_column(String(16))
    grants: Mapped[list[dict[str, Any]]] = mapped_column(JSONBytes)
    # Who made it; None for the command line, and for who asked for it by mail.
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # When it is to be mailed next; None when it is not, or was.
    mail_due_at: Mapped[datetime | None] = mapped_column(UTCDateTime, index=True)
    mail_attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    # Why the last attempt to mail it failed.
    mail_problem: Mapped[str | None] = mapped_column(Text)
