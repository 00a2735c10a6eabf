"""What happened to one package: the lines of the audit log about it and its versions, and who got it how often."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import and_, func, or_, select

from packistry import clock
from packistry.access.actors import Actor
from packistry.access.permissions import Permission
from packistry.access.rules import require
from packistry.db.engine import ReadSession
from packistry.db.models import Archive, AuditEvent, Download, GrantRow, Package, Version
from packistry.packages.queries import Page
from packistry.packages.requirements import list_dependents


@dataclass(frozen=True, slots=True)
class VersionDownloads:
    """How often a version was fetched from here, and how often clients told that they installed it."""

    version: str
    downloads: int
    installs: int


@dataclass(frozen=True, slots=True)
class Loss:
    """What goes with a package or one of its versions, and who still uses it. `dependents` are the first by name."""

    versions: int
    archives: int
    size_bytes: int
    last_download: date | None
    recent_downloads: int
    dependents: Sequence[str]
    dependents_in_all: int
    holders: int


# What counts as still in use.
RECENT_DAYS = 30
_SHOWN_DEPENDENTS = 10


def package_events(
    session: ReadSession, actor: Actor, package: Package, page: Page
) -> tuple[Sequence[AuditEvent], int]:
    """One page of the lines about the package and the versions it has, the latest first, and how many there are."""
    require(actor, Permission.AUDIT_READ)
    versions = select(Version.id).where(Version.package_id == package.id)
    chosen = or_(
        and_(AuditEvent.subject_kind == "package", AuditEvent.subject_id == package.id),
        and_(AuditEvent.subject_kind == "version", AuditEvent.subject_id.in_(versions)),
    )
    total = session.scalar(select(func.count()).select_from(AuditEvent).where(chosen)) or 0
    lines = select(AuditEvent).where(chosen).order_by(AuditEvent.id.desc()).offset(page.offset).limit(page.size)
    return session.scalars(lines).all(), total


def downloads_by_version(session: ReadSession, package: Package, days: int, limit: int) -> Sequence[VersionDownloads]:
    """The versions that were fetched most in these days, deleted ones too."""
    first = clock.now().date() - timedelta(days=days - 1)
    downloads, installs = func.sum(Download.downloads), func.sum(Download.installs)
    rows = session.execute(
        select(Version.version, downloads, installs)
        .join(Version, Version.id == Download.version_id)
        .where(Version.package_id == package.id, Download.day >= first)
        .group_by(Version.id, Version.version)
        .order_by(downloads.desc(), installs.desc(), Version.id.desc())
        .limit(limit)
    )
    return [VersionDownloads(version, int(fetched), int(installed)) for version, fetched, installed in rows]


def what_is_lost(session: ReadSession, actor: Actor, package: Package, version: Version | None = None) -> Loss:
    """What would go with the package, or with one version, and by whom it is used."""
    require(actor, Permission.PACKAGE_MANAGE)
    inside = select(Version.id).where(Version.package_id == package.id)
    if version is not None:
        inside = inside.where(Version.id == version.id)
    archives, size = session.execute(
        select(func.count(), func.coalesce(func.sum(Archive.size_bytes), 0)).where(Archive.version_id.in_(inside))
    ).one()
    since = clock.now().date() - timedelta(days=RECENT_DAYS - 1)
    counted = select(func.max(Download.day)).where(Download.version_id.in_(inside), Download.downloads > 0)
    recent = select(func.sum(Download.downloads)).where(Download.version_id.in_(inside), Download.day >= since)
    dependents, in_all = list_dependents(session, actor, package.name, page=Page(0, _SHOWN_DEPENDENTS))
    holders = select(func.count()).select_from(GrantRow).where(GrantRow.package_id == package.id)
    return Loss(
        versions=session.scalar(select(func.count()).select_from(inside.subquery())) or 0,
        archives=archives,
        size_bytes=int(size),
        last_download=session.scalar(counted),
        recent_downloads=int(session.scalar(recent) or 0),
        dependents=[each.name for each in dependents],
        dependents_in_all=in_all,
        holders=session.scalar(holders) or 0,
    )
