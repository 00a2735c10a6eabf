"""Counts of downloads and installs."""

from datetime import date

from sqlalchemy import Date
from sqlalchemy.orm import Mapped, mapped_column

from packistry.db.models.base import Base


class Download(Base):
    """Counts of one version on one day (UTC). No foreign key: counts stay when the version is purged."""

    __tablename__ = "downloads"

    version_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    # Archives sent by us; installs that clients reported, cached ones included.
    downloads: Mapped[int] = mapped_column(default=0)
    installs: Mapped[int] = mapped_column(default=0)
