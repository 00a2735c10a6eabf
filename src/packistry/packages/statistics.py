"""How much there is, as one caller sees it."""

from dataclasses import dataclass

from sqlalchemy import func, select

from packistry.access.actors import Actor
from packistry.access.rules import visible_packages, visible_repositories
from packistry.db.engine import ReadSession
from packistry.db.models import Package, Repository, Version


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts of what is not deleted, and the downloads of these packages."""

    repositories: int
    packages: int
    versions: int
    downloads: int


def totals_for(session: ReadSession, actor: Actor) -> Totals:
    """Of all that the actor sees."""
    seen = visible_packages(actor)
    packages, downloads = session.execute(
        select(func.count(), func.coalesce(func.sum(Package.downloads), 0)).select_from(Package).where(seen)
    ).one()
    inside = Version.package_id.in_(select(Package.id).where(seen))
    versions = session.scalar(select(func.count()).select_from(Version).where(inside, Version.deleted_at.is_(None)))
    shown = select(func.count()).select_from(Repository).where(visible_repositories(actor))
    return Totals(session.scalar(shown) or 0, packages, versions or 0, int(downloads))
