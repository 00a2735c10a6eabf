"""Packages as people look at them: lists that are searched and sorted, and all that is known of one.

Reads only. What Composer is told is rendered when something is published; see documents.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

import orjson
from sqlalchemy import ColumnElement, func, or_, select

from packistry import clock
from packistry.access.actors import Actor
from packistry.access.rules import visible_packages
from packistry.composer.versions import sort_key, stability
from packistry.db.engine import ReadSession
from packistry.db.models import Archive, Download, Package, Repository, Version
from packistry.db.statements import like
from packistry.errors import NotFound
from packistry.packages.queries import Page

# Whatever is asked for, a chart has no more bars.
MOST_DAYS: Final = 366
SORTS: Final = ("name", "updated", "downloads")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which packages of a list: with all words in name or description, of a repository by its path, of a type."""

    words: Sequence[str] = ()
    repository: str = ""
    type: str = ""
    sort: str = "name"


@dataclass(frozen=True, slots=True)
class PackageLine:
    """One package in a list."""

    name: str
    description: str
    repository: str
    repository_name: str
    type: str
    latest_version: str | None
    updated_at: datetime
    downloads: int
    abandoned: bool


@dataclass(frozen=True, slots=True)
class VersionLine:
    """One version in a list. `php` is what it requires of PHP, once `with_php` filled it in."""

    version: str
    normalised: str
    stability: str
    reference: str
    released_at: datetime
    size_bytes: int
    downloads: int
    default_branch: bool
    php: str = ""


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """All of one version. `manifest` is the part of composer.json that clients get, `readme` a file's name and text."""

    id: int
    line: VersionLine
    sha1: str
    sha256: str
    first_published_at: datetime
    source: Mapping[str, Any] | None
    warnings: Sequence[str]
    manifest: Mapping[str, Any]
    readme: tuple[str, bytes] | None


@dataclass(frozen=True, slots=True)
class PackageFacts:
    """One package with where it is."""

    package: Package
    repository: Repository


def browse_packages(
    session: ReadSession, actor: Actor, wanted: Wanted, page: Page
) -> tuple[Sequence[PackageLine], int]:
    """One page of the packages that the actor sees, and how many there are in all."""
    conditions = _conditions(actor, wanted)
    total = session.scalar(select(func.count()).select_from(Package).where(*conditions))
    # The few are chosen before their rows are read: an index has all that choosing needs.
    chosen = select(Package.id).where(*conditions).order_by(*_order(wanted.sort)).offset(page.offset).limit(page.size)
    rows = session.execute(
        select(Package, Repository.path, Repository.name)
        .join(Repository, Repository.id == Package.repository_id)
        .where(Package.id.in_(select(chosen.subquery().c.id)))
        .order_by(*_order(wanted.sort))
    ).all()
    return [_line(package, path, name) for package, path, name in rows], total or 0


def package_types(session: ReadSession, actor: Actor) -> Sequence[str]:
    """The types there are among the packages that the actor sees."""
    return session.scalars(select(Package.type).where(visible_packages(actor)).distinct().order_by(Package.type)).all()


def find_package_at(session: ReadSession, actor: Actor, path: str, name: str) -> PackageFacts:
    """The visible package in the repository at this path ("" is the root). Refuses with NotFound."""
    row = session.execute(
        select(Package, Repository)
        .join(Repository, Repository.id == Package.repository_id)
        .where(visible_packages(actor), Repository.path == path, Package.name == name.lower())
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such package, or it is not visible to you.")
    return PackageFacts(row[0], row[1])


def version_lines(session: ReadSession, package: Package) -> list[VersionLine]:
    """Every version that clients are told of, the highest first, branches last."""
    counts = (
        select(Download.version_id, func.sum(Download.downloads).label("downloads"))
        .where(Download.version_id.in_(select(Version.id).where(Version.package_id == package.id)))
        .group_by(Download.version_id)
        .subquery()
    )
    rows = session.execute(
        select(
            Version.version,
            Version.normalised,
            Version.released_at,
            Version.default_branch,
            Archive.reference,
            Archive.size_bytes,
            func.coalesce(counts.c.downloads, 0),
        )
        .join(Archive, Archive.id == Version.archive_id)
        .outerjoin(counts, counts.c.version_id == Version.id)
        .where(Version.package_id == package.id, Version.deleted_at.is_(None))
    ).all()
    lines = [
        VersionLine(version, normalised, stability(normalised), reference, released, size, int(downloads), default)
        for version, normalised, released, default, reference, size, downloads in rows
    ]
    return sorted(lines, key=lambda line: (line.stability != "dev", sort_key(line.normalised)), reverse=True)


def with_php(session: ReadSession, package: Package, lines: Sequence[VersionLine]) -> list[VersionLine]:
    """The lines with what each requires of PHP; for those that are shown, since each composer.json has to be read."""
    rows = session.execute(
        select(Version.normalised, Version.published).where(
            Version.package_id == package.id, Version.normalised.in_([line.normalised for line in lines])
        )
    )
    required = {normalised: _php(orjson.loads(published)) for normalised, published in rows}
    return [replace(line, php=required.get(line.normalised, "")) for line in lines]


def version_facts(session: ReadSession, package: Package, line: VersionLine) -> VersionFacts:
    """All of one version of the package."""
    version, archive, readme = session.execute(
        select(Version, Archive, Version.readme)
        .join(Archive, Archive.id == Version.archive_id)
        .where(Version.package_id == package.id, Version.normalised == line.normalised)
    ).one()
    return VersionFacts(
        id=version.id,
        line=line,
        sha1=archive.sha1,
        sha256=archive.sha256,
        first_published_at=version.first_published_at,
        source=version.source,
        warnings=version.warnings,
        manifest=orjson.loads(version.published),
        readme=None if version.readme_name is None or readme is None else (version.readme_name, readme),
    )


def downloads_by_day(session: ReadSession, package: Package, days: int) -> list[tuple[date, int]]:
    """Downloads of all versions on each of the last days, today the last; days without any have 0."""
    today = clock.now().date()
    first = today - timedelta(days=min(days, MOST_DAYS) - 1)
    rows = session.execute(
        select(Download.day, func.sum(Download.downloads))
        .where(
            Download.day >= first, Download.version_id.in_(select(Version.id).where(Version.package_id == package.id))
        )
        .group_by(Download.day)
    )
    counted = {day: int(count) for day, count in rows}
    return [
        (first + timedelta(days=at), counted.get(first + timedelta(days=at), 0)) for at in range(min(days, MOST_DAYS))
    ]


def places_of(session: ReadSession, actor: Actor, name: str) -> Sequence[str]:
    """The paths of the repositories in which the actor sees a package of this name."""
    return session.scalars(
        select(Repository.path)
        .join(Package, Package.repository_id == Repository.id)
        .where(visible_packages(actor), Package.name == name.lower())
        .order_by(Repository.path)
    ).all()


def hosted_names(session: ReadSession, actor: Actor, names: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """Those of the names that are packages the actor sees, with the paths of their repositories."""
    rows = session.execute(
        select(Package.name, Repository.path)
        .join(Repository, Repository.id == Package.repository_id)
        .where(visible_packages(actor), Package.name.in_([name.lower() for name in names]))
    )
    found: dict[str, list[str]] = {}
    for name, path in rows:
        found.setdefault(name, []).append(path)
    return found


def _conditions(actor: Actor, wanted: Wanted) -> list[ColumnElement[bool]]:
    found = [visible_packages(actor)]
    for word in wanted.words:
        pattern = f"%{like(word.lower())}%"
        found.append(
            or_(Package.name.like(pattern, escape="\\"), func.lower(Package.description).like(pattern, escape="\\"))
        )
    if wanted.repository:
        path = "" if wanted.repository == "/" else wanted.repository
        found.append(Package.repository_id.in_(select(Repository.id).where(Repository.path == path)))
    if wanted.type:
        found.append(Package.type == wanted.type)
    return found


def _order(sort: str) -> Sequence[Any]:
    columns: dict[str, Any] = {"name": Package.name, "updated": Package.updated_at, "downloads": Package.downloads}
    chosen = columns[sort.removeprefix("-")]
    # The id last: rows that are alike must not change places between two pages.
    return (chosen.desc() if sort.startswith("-") else chosen, Package.name, Package.id)


def _line(package: Package, path: str, repository: str) -> PackageLine:
    return PackageLine(
        name=package.name,
        description=package.description,
        repository=path,
        repository_name=repository,
        type=package.type,
        latest_version=package.latest_version,
        updated_at=package.updated_at,
        downloads=package.downloads,
        abandoned=package.shown_abandoned is not None,
    )


def _php(manifest: dict[str, Any]) -> str:
    """What a version requires of PHP, "" when nothing."""
    # PHP writes an empty object as [].
    require: Any = manifest.get("require") or {}
    return str(require.get("php", ""))
