"""The generation: one number that every change visible to readers raises, and the feed of what changed under it."""

from sqlalchemy import BigInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from packistry.db.models.base import Base


class Generation(Base):
    """One row. `number` rises with each change; changes up to `floor` are no longer in the feed."""

    __tablename__ = "generation"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)
    floor: Mapped[int] = mapped_column(BigInteger)
    # The public address that served documents name; a server that starts with another one dates them anew.
    public_url: Mapped[str | None] = mapped_column(Text)


class Change(Base):
    """One key that changed under a generation: "listing:1", "document:1:acme/lib", "user:3", "token:7"."""

    __tablename__ = "changes"

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(String(600), primary_key=True)
