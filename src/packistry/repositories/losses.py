"""What would be lost with a repository, and who still uses it: told before somebody takes it away."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, SQLColumnExpression, func, or_, select

from packistry import clock
from packistry.db.engine import ReadSession
from packistry.db.models import Download, GrantRow, Package, Repository, Version

# What "still uses it" looks back at.
LATELY: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class RepositoryLoss:
    """Counts of what goes, of downloads within 30 days, and of who was given something of it."""

    packages: int
    versions: int
    downloads: int
    deploy_tokens: int
    users: int


def loss_of_repository(session: ReadSession, repository: Repository) -> RepositoryLoss:
    """For whoever may delete it; the rows are counted whoever sees them."""
    inside = select(Package.id).where(Package.repository_id == repository.id, Package.deleted_at.is_(None))
    versions = select(Version.id).where(Version.package_id.in_(inside))
    given = or_(GrantRow.repository_id == repository.id, GrantRow.package_id.in_(inside))
    day = (clock.now() - LATELY).date()
    downloads = select(func.sum(Download.downloads)).where(Download.version_id.in_(versions), Download.day >= day)
    return RepositoryLoss(
        packages=session.scalar(select(func.count()).select_from(inside.subquery())) or 0,
        versions=session.scalar(
            select(func.count()).select_from(versions.where(Version.deleted_at.is_(None)).subquery())
        )
        or 0,
        downloads=session.scalar(downloads) or 0,
        deploy_tokens=_holders(session, GrantRow.token_id, given),
        users=_holders(session, GrantRow.user_id, given),
    )


def _holders(session: ReadSession, column: SQLColumnExpression[int | None], given: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count(func.distinct(column))).where(given)) or 0
