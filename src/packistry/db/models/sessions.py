"""Sessions of people who signed in with a browser."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from packistry.db.models.base import NEVER_AGAIN, Base
from packistry.db.types import UTCDateTime


class BrowserSession(Base):
    """One browser in which somebody signed in. Its row goes when it ends."""

    __tablename__ = "browser_sessions"
    __table_args__ = (NEVER_AGAIN,)

    id: Mapped[int] = mapped_column(primary_key=True)
    # SHA-256 in hex of what the cookie holds: whoever reads the table cannot act as anybody.
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    # Where it was seen last, and what the browser calls itself.
    address: Mapped[str | None] = mapped_column(String(45))
    client: Mapped[str] = mapped_column(Text)
