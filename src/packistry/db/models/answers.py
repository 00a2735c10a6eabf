"""Answers that are kept for callers that ask again."""

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from packistry.db.models.base import Base
from packistry.db.types import UTCDateTime


class KeptAnswer(Base):
    """What a call of the API was answered, under the key that its caller chose for it."""

    __tablename__ = "kept_answers"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    # SHA-256 in hex of the caller's key, which may be long.
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    # The request's digest and the answer, sealed: it may hold the secret of a new token.
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
