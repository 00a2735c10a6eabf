"""What this installation is told of itself by the pages: one row."""

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from packistry.db.models.base import Base


class Installation(Base):
    """One row, id 1, made by the migration."""

    __tablename__ = "installation"

    id: Mapped[int] = mapped_column(primary_key=True)
    # The public address that an administrator chose; PACKISTRY_PUBLIC_URL overrides it.
    public_url: Mapped[str | None] = mapped_column(Text)
    # SHA-256 in hex of the code in the link that the last start printed; none once there is an administrator.
    setup_digest: Mapped[str | None] = mapped_column(String(64))
