"""Tokens: a deploy token or a personal token, and the secrets that open it."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from packistry.db.models.base import NEVER_AGAIN, Base
from packistry.db.types import JSONBytes, UTCDateTime


class Token(Base):
    """A deploy token (no user) or a personal token of one user. Revoked rows stay: statistics keep their owner."""

    __tablename__ = "tokens"
    __table_args__ = (
        Index(
            "uq_tokens_deploy_name_live",
            "name",
            unique=True,
            sqlite_where=text("user_id IS NULL AND revoked_at IS NULL"),
            postgresql_where=text("user_id IS NULL AND revoked_at IS NULL"),
        ),
        Index(
            "uq_tokens_personal_name_live",
            "user_id",
            "name",
            unique=True,
            sqlite_where=text("user_id IS NOT NULL AND revoked_at IS NULL"),
            postgresql_where=text("user_id IS NOT NULL AND revoked_at IS NULL"),
        ),
        NEVER_AGAIN,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str] = mapped_column(String(255))
    abilities: Mapped[list[str]] = mapped_column(JSONBytes)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    last_used_address: Mapped[str | None] = mapped_column(String(64))
    last_used_client: Mapped[str | None] = mapped_column(Text)


class TokenSecret(Base):
    """One secret of a token: its digest, never itself. Rotation adds one and lets the older run out."""

    __tablename__ = "token_secrets"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_id: Mapped[int] = mapped_column(ForeignKey("tokens.id"), index=True)
    # SHA-256 (hex) of what follows the prefix's hyphen, as the PHP product stores it.
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    # The first characters, so that a person recognises it in a list.
    hint: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    # None while it is the current one.
    valid_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
