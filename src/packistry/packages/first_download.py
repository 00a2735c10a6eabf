"""Whether a package was ever fetched, for whoever waits for the first time."""

from sqlalchemy import func, or_, select

from packistry.db.engine import ReadSession
from packistry.db.models import Download, Package, Version


def downloaded_version(session: ReadSession, package: Package) -> str | None:
    """The version that clients fetched, or took from their cache, most often; None while nobody did."""
    row = session.execute(
        select(Version.version)
        .join(Download, Download.version_id == Version.id)
        .where(Version.package_id == package.id, or_(Download.downloads > 0, Download.installs > 0))
        .group_by(Version.id, Version.version)
        .order_by(func.sum(Download.downloads + Download.installs).desc(), Version.id)
        .limit(1)
    ).first()
    return None if row is None else row[0]
