"""Whether anything was ever fetched, for whoever waits for the first time."""

from dataclasses import dataclass

from sqlalchemy import func, or_, select

from packistry.access.actors import Actor
from packistry.access.rules import visible_packages
from packistry.db.engine import ReadSession
from packistry.db.models import Download, Package, Version


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a client got from here, or took from its cache and told of."""

    package: str
    version: str


def first_download(session: ReadSession, actor: Actor, awaited: Package) -> Fetched | None:
    """What clients got most often: of the package that is waited for, else of any that the actor sees."""
    row = session.execute(
        select(Package.name, Version.version)
        .join(Version, Version.package_id == Package.id)
        .join(Download, Download.version_id == Version.id)
        .where(visible_packages(actor), or_(Download.downloads > 0, Download.installs > 0))
        .group_by(Package.id, Package.name, Version.id, Version.version)
        .order_by(
            (Package.id == awaited.id).desc(), func.sum(Download.downloads + Download.installs).desc(), Version.id
        )
        .limit(1)
    ).first()
    return None if row is None else Fetched(row[0], row[1])
