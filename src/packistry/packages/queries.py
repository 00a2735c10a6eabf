"""Reading packages and versions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select, true, tuple_

from packistry.access.actors import Actor
from packistry.access.rules import sees_everything, visible_packages, whole_repositories
from packistry.composer.documents import Provider, SearchHit
from packistry.composer.versions import normalise, sort_key
from packistry.db.engine import ReadSession
from packistry.db.models import Archive, Download, Package, ProvidedName, Repository, Version
from packistry.db.parts import Found, Orders, Part, ascending, descending, read_part
from packistry.db.statements import any_holds, like
from packistry.db.types import is_id
from packistry.errors import Conflict, InvalidVersion, NotFound


@dataclass(frozen=True, slots=True)
class PackageSummary:
    """A package in a list. `abandoned` is None, "" or the replacement, as set by hand."""

    id: int
    repository: str
    name: str
    type: str
    description: str
    latest_version: str | None
    abandoned: str | None
    downloads: int


@dataclass(frozen=True, slots=True)
class Published:
    """How much is here that is not deleted."""

    repositories: int
    packages: int
    versions: int


@dataclass(frozen=True, slots=True)
class VersionSummary:
    """A version with the archive it is served from."""

    id: int
    version: str
    normalised: str
    reference: str
    sha1: str
    sha256: str
    size_bytes: int
    released_at: datetime
    first_published_at: datetime
    default_branch: bool
    deleted: bool
    downloads: int
    installs: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list: how many rows to pass over, and how many to give."""

    offset: int = 0
    size: int = 15


def count_published(session: ReadSession) -> Published:
    """Of the whole house, whoever sees it: for monitoring."""
    counts = [
        session.scalar(select(func.count()).where(table.deleted_at.is_(None))) or 0
        for table in (Repository, Package, Version)
    ]
    return Published(*counts)


def find_package_named(
    session: ReadSession, actor: Actor, word: str, *, path: str | None = None, deleted: bool = False
) -> tuple[Package, Repository]:
    """The visible package with this name or id, in the repository at `path` or, without one, wherever it is the only.

    With `deleted` those that were deleted are found too, as purging needs; whoever sees everything finds those of
    deleted repositories as well. Refuses with NotFound, or Conflict when several repositories hold the name.
    """
    inside = Package.repository_id.in_(select(Repository.id).where(whole_repositories(actor)))
    seen = or_(inside, true() if sees_everything(actor) else false()) if deleted else visible_packages(actor)
    where = [seen, Package.id == int(word) if is_id(word) else Package.name == word.lower()]
    if path is not None:
        where.append(Repository.path == path)
    rows = session.execute(
        select(Package, Repository)
        .join(Repository, Repository.id == Package.repository_id)
        .where(*where)
        .order_by(Repository.path)
    ).all()
    # One in a repository that is there is meant before those whose repository is gone.
    rows = [row for row in rows if row[1].deleted_at is None] or rows
    if len(rows) > 1:
        places = ", ".join(f"{package.id} in {repository.path or '/'}" for package, repository in rows)
        raise Conflict(f"Several repositories hold {word}; say which with --repository, or by its id: {places}.")
    if not rows:
        where_looked = "" if path is None else f" in repository {path or '/'}"
        raise NotFound(f"There is no package {word}{where_looked}; `packistry package list` shows them.")
    return rows[0][0], rows[0][1]


def find_version(session: ReadSession, package: Package, version: str) -> Version:
    """The version of this spelling or another of the same version, deleted ones too. Refuses with NotFound."""
    try:
        normalised = normalise(version)
    except InvalidVersion as refusal:
        raise NotFound(f"{package.name} has no version {version!r}.") from refusal
    found = session.execute(
        select(Version).where(Version.package_id == package.id, Version.normalised == normalised)
    ).scalar_one_or_none()
    if found is None:
        raise NotFound(f"{package.name} has no version {version}.")
    return found


def list_packages(session: ReadSession, actor: Actor, repository: Repository | None = None) -> list[PackageSummary]:
    """All packages the actor sees, of one repository or of all, by path and name."""
    within = () if repository is None else (Package.repository_id == repository.id,)
    rows = session.execute(
        select(Package, Repository.path)
        .join(Repository, Repository.id == Package.repository_id)
        .where(visible_packages(actor), *within)
        .order_by(Repository.path, Package.name)
    )
    return [_summarise(package, path) for package, path in rows]


PACKAGE_ORDERS: Final[Orders] = {
    "name": ascending(Package.name, Package.id),
    "-name": descending(Package.name, Package.id),
    "updated": ascending(Package.updated_at, Package.id),
    "-updated": descending(Package.updated_at, Package.id),
    "downloads": ascending(Package.downloads, Package.id),
    "-downloads": descending(Package.downloads, Package.id),
}


def part_of_packages(
    session: ReadSession,
    actor: Actor,
    part: Part,
    *,
    words: Sequence[str] = (),
    repository: str | None = None,
    name: str | None = None,
    kind: str | None = None,
) -> Found[PackageSummary]:
    """A part of the packages the actor sees: with all words in name or description, of a repository by its path."""
    chosen = _located().where(visible_packages(actor))
    for word in words:
        chosen = chosen.where(any_holds(word, Package.name, Package.description))
    for column, wanted in ((Repository.path, repository), (Package.name, name), (Package.type, kind)):
        if wanted is not None:
            chosen = chosen.where(column == wanted)
    found = read_part(session, chosen, part)
    return Found([_summarise(row[0], row[1].path) for row in found.rows], found.last)


def package_at(
    session: ReadSession, actor: Actor, package_id: int, *, deleted: bool = False
) -> tuple[Package, Repository, PackageSummary]:
    """The visible package with this id; with `deleted` also one that was deleted, for whoever sees everything.

    Refuses with NotFound.
    """
    seen = true() if deleted and sees_everything(actor) else visible_packages(actor)
    row = session.execute(_located().where(seen, Package.id == package_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such package, or it is not visible to you.")
    return row[0], row[1], _summarise(row[0], row[1].path)


def _located() -> Select[Package, Repository]:
    return select(Package, Repository).join(Repository, Repository.id == Package.repository_id)


def summarise_package(session: ReadSession, package: Package) -> PackageSummary:
    """The row as data, with its repository's path."""
    path = session.execute(select(Repository.path).where(Repository.id == package.repository_id)).scalar_one()
    return _summarise(package, path)


def package_downloads(session: ReadSession, package: Package) -> int:
    """Downloads of all versions it ever had, as written so far."""
    return session.execute(select(Package.downloads).where(Package.id == package.id)).scalar_one()


def list_versions(session: ReadSession, package: Package) -> list[VersionSummary]:
    """All versions, deleted ones too, highest first."""
    rows = session.execute(_counted_versions(package.id)).all()
    ordered = sorted(rows, key=lambda row: sort_key(row[0].normalised), reverse=True)
    return [_summarise_version(*row) for row in ordered]


VERSION_ORDERS: Final[Orders] = {
    "-published": descending(Version.first_published_at, Version.id),
    "published": ascending(Version.first_published_at, Version.id),
    "-released": descending(Version.released_at, Version.id),
    "released": ascending(Version.released_at, Version.id),
}


def part_of_versions(
    session: ReadSession, package: Package, part: Part, *, deleted: bool | None = None, dev: bool | None = None
) -> Found[VersionSummary]:
    """A part of the package's versions, deleted ones too unless told otherwise. The order is not Composer's."""
    chosen = _counted_versions(package.id)
    if deleted is not None:
        chosen = chosen.where(Version.deleted_at.is_not(None) if deleted else Version.deleted_at.is_(None))
    if dev is not None:
        chosen = chosen.where(Version.is_dev == dev)
    found = read_part(session, chosen, part)
    return Found([_summarise_version(*tuple(row)[:4]) for row in found.rows], found.last)


def version_at(session: ReadSession, package: Package, version_id: int) -> tuple[Version, VersionSummary]:
    """The package's version with this id, deleted ones too. Refuses with NotFound."""
    row = session.execute(_counted_versions(package.id).where(Version.id == version_id)).one_or_none()
    if row is None:
        raise NotFound(f"{package.name} has no such version.")
    return row[0], _summarise_version(*row)


def _counted_versions(package_id: int) -> Select[Version, Archive, int, int]:
    counts = (
        select(
            Download.version_id,
            func.sum(Download.downloads).label("downloads"),
            func.sum(Download.installs).label("installs"),
        )
        # Named here too: no database carries the condition of the outer statement into a grouping.
        .where(Download.version_id.in_(select(Version.id).where(Version.package_id == package_id)))
        .group_by(Download.version_id)
        .subquery()
    )
    return (
        select(Version, Archive, func.coalesce(counts.c.downloads, 0), func.coalesce(counts.c.installs, 0))
        .join(Archive, Archive.id == Version.archive_id)
        .outerjoin(counts, counts.c.version_id == Version.id)
        .where(Version.package_id == package_id)
    )


def package_names(
    session: ReadSession, actor: Actor, repository_id: int, *, pattern: str = "", vendor: str = "", kind: str = ""
) -> list[str]:
    """Names the actor sees in a repository, sorted. `pattern` is a glob in which only * is special, any case."""
    conditions: list[ColumnElement[bool]] = [Package.repository_id == repository_id, visible_packages(actor)]
    if pattern:
        conditions.append(Package.name.like(like(pattern.lower()).replace("*", "%"), escape="\\"))
    if vendor:
        conditions.append(Package.vendor == vendor.lower())
    if kind:
        conditions.append(Package.type == kind.lower())
    return list(session.scalars(select(Package.name).where(*conditions).order_by(Package.name)))


def search_packages(
    session: ReadSession, actor: Actor, repository_id: int, *, words: Sequence[str], kind: str, page: Page
) -> tuple[list[tuple[Package, int]], int]:
    """One page of (Package, downloads) in which every word is part of name or description, and how many there are.

    Names that hold all the words come before those that only describe them; then by downloads and name.
    """
    in_name = [Package.name.like(f"%{like(word.lower())}%", escape="\\") for word in words]
    anywhere = [
        or_(in_name[at], func.lower(Package.description).like(f"%{like(word.lower())}%", escape="\\"))
        for at, word in enumerate(words)
    ]
    conditions = [Package.repository_id == repository_id, visible_packages(actor), *anywhere]
    if kind:
        conditions.append(Package.type == kind.lower())
    total = session.execute(select(func.count()).select_from(Package).where(*conditions)).scalar_one()
    rows = session.scalars(
        select(Package)
        .where(*conditions)
        # PostgreSQL orders by no constant, so without words there is no such order.
        .order_by(*([and_(*in_name).desc()] if words else []), Package.downloads.desc(), Package.name)
        .offset(page.offset)
        .limit(page.size)
    ).all()
    return [(package, package.downloads) for package in rows], total


def search_hit(package: Package, downloads: int, url: str) -> SearchHit:
    """A search row as clients read it."""
    return SearchHit(
        name=package.name,
        description=package.description,
        url=url,
        repository="",
        downloads=downloads,
        abandoned=False if package.shown_abandoned is None else package.shown_abandoned or True,
    )


def providers_of(session: ReadSession, actor: Actor, repository_id: int, name: str) -> list[Provider]:
    """The visible packages of which a live version provides the name, without the package of that very name."""
    providing = select(Version.package_id).join(ProvidedName, ProvidedName.version_id == Version.id)
    rows = session.scalars(
        select(Package)
        .where(
            Package.repository_id == repository_id,
            visible_packages(actor),
            Package.name != name,
            Package.id.in_(providing.where(ProvidedName.name == name, Version.deleted_at.is_(None))),
        )
        .order_by(Package.name)
    )
    return [Provider(package.name, package.description, package.type) for package in rows]


def visible_version_ids(
    session: ReadSession, actor: Actor, repository_id: int, installs: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], int]:
    """Ids of those (package name, normalised version) that exist and are visible."""
    rows = session.execute(
        select(Package.name, Version.normalised, Version.id)
        .join(Version, Version.package_id == Package.id)
        .where(
            Package.repository_id == repository_id,
            visible_packages(actor),
            tuple_(Package.name, Version.normalised).in_(list(installs)),
        )
    )
    return {(name, normalised): version_id for name, normalised, version_id in rows}


def _summarise(package: Package, path: str) -> PackageSummary:
    return PackageSummary(
        id=package.id,
        repository=path,
        name=package.name,
        type=package.type,
        description=package.description,
        latest_version=package.latest_version,
        abandoned=package.abandoned,
        downloads=package.downloads,
    )


def _summarise_version(version: Version, archive: Archive, downloads: int, installs: int) -> VersionSummary:
    return VersionSummary(
        id=version.id,
        version=version.version,
        normalised=version.normalised,
        reference=archive.reference,
        sha1=archive.sha1,
        sha256=archive.sha256,
        size_bytes=archive.size_bytes,
        released_at=version.released_at,
        first_published_at=version.first_published_at,
        default_branch=version.default_branch,
        deleted=version.deleted_at is not None,
        downloads=downloads,
        installs=installs,
        warnings=tuple(version.warnings),
    )
