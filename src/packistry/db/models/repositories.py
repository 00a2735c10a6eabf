"""Repositories: what a Composer client is pointed at."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from packistry.db.models.base import NEVER_AGAIN, Base
from packistry.db.types import UTCDateTime


class Repository(Base):
    """The root (path "") or one under /r/{path}. Deleting marks; the path is free again at once."""

    __tablename__ = "repositories"
    __table_args__ = (
        Index(
            "uq_repositories_path_live",
            "path",
            unique=True,
            sqlite_where=text("deleted_at IS NULL"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
        NEVER_AGAIN,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(255))
    description: Mapped[str] = mapped_column(Text, default="")
    public: Mapped[bool] = mapped_column(default=False)
    # Unknown names inside a vendor hosted here answer 200 with an empty list, against dependency confusion.
    claims_vendors: Mapped[bool] = mapped_column(default=True)
    # Last-Modified of packages.json and list.json: whole seconds since 1970, strictly increasing.
    listing_modified: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
