"""Changing packages and versions. Stable versions change only where an administrator accepted the very commit; dev
versions move on; every archive stays.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import Row, delete, func, select, update

from packistry import clock
from packistry.access.actors import Actor
from packistry.access.grants import drop_grants, end_writing
from packistry.access.permissions import Permission
from packistry.access.rules import require
from packistry.audit.events import Event
from packistry.audit.log import Subject, record
from packistry.composer.manifest import Manifest
from packistry.composer.metadata import Place, pack
from packistry.composer.names import normalise_name
from packistry.composer.versions import is_dev, normalise, remembered_sort_key, stability
from packistry.db.changes import document_key
from packistry.db.engine import ReadSession, WriteSession
from packistry.db.models import Archive, GrantRow, Package, ProvidedName, Repository, Version
from packistry.errors import NotFound
from packistry.packages.conflicts import conflict, refuse_equal
from packistry.packages.documents import Address, render_documents
from packistry.packages.holding import held_package, held_version, package_subject, package_to_publish
from packistry.packages.listing import raise_listing
from packistry.packages.requirements import write_requirements


@dataclass(frozen=True, slots=True)
class StoredArchive:
    """A file that the storage already keeps, under its sha256."""

    reference: str
    sha1: str
    sha256: str
    size_bytes: int
    content_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One version offered for publishing. `version` is as its author spells it; `released_at` is the commit's date."""

    version: str
    manifest: Manifest
    archive: StoredArchive
    released_at: datetime
    readme: tuple[str, bytes] | None = None
    source: dict[str, Any] | None = None
    default_branch: bool = False
    # An import: what makes a branch another one is its commit, though the files may be the same.
    by_commit: bool = False


class Outcome(StrEnum):
    """What became of a submission."""

    PUBLISHED = "published"
    MOVED = "moved"
    RESTORED = "restored"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Publication:
    """The version as it is now, the archive it is served from, and what the submission changed."""

    package: Package
    version: Version
    archive: Archive
    outcome: Outcome
    # The normalised versions that are not as they were: this one, and the default branch that it took over from.
    touched: Collection[str]


def publish_version(
    session: WriteSession, actor: Actor, repository: Repository, submission: Submission, address: Address
) -> Publication:
    """Publishes one version with its documents, or finds that the same files are already published.

    Refuses with VersionConflict when a stable version, live or deleted, holds other files. The caller has asked
    access.rules.repository_to_publish and has stored the file.
    """
    package = package_to_publish(session, actor, repository, submission.manifest.name)
    publication = put_version(session, actor, package, submission)
    if publication.outcome is not Outcome.UNCHANGED:
        refresh_package(session, package, address, publication.touched)
    return publication


def put_version(session: WriteSession, actor: Actor, package: Package, submission: Submission) -> Publication:
    """The rows of one version, without the documents: an import renders once for many versions."""
    normalised = normalise(submission.version)
    touched = {normalised, *(_default_branches(session, package) if submission.default_branch else ())}
    version = session.execute(
        select(Version).where(Version.package_id == package.id, Version.normalised == normalised)
    ).scalar_one_or_none()
    if version is None or version.deleted_at is not None:
        refuse_equal(session, package.id, package.name, normalised)
    if version is None:
        version, archive = _new_version(session, package, submission, normalised)
        record(session, actor, Event.VERSION_PUBLISHED, _subject(package, version), reference=archive.reference)
        return Publication(package, version, archive, Outcome.PUBLISHED, touched)
    may_change = version.is_dev or _is_accepted(version, submission)
    archive = _known_archive(session, version, submission, may_change=may_change)
    if archive is None and not may_change:
        raise conflict(package.name, version, session.get_one(Archive, version.archive_id))
    if archive is not None and version.archive_id == archive.id and version.deleted_at is None:
        unchanged = Publication(package, version, archive, Outcome.UNCHANGED, touched)
        return _make_default_only(session, actor, unchanged) if submission.default_branch else unchanged
    outcome = Outcome.MOVED if version.deleted_at is None else Outcome.RESTORED
    archive = archive or _new_archive(session, version, submission.archive)
    version.deleted_at, version.withdrawn = None, False
    version.updated_at = clock.now()
    # A stable version comes back as it was: its time and all that was told of it are part of what never changes.
    if may_change:
        _describe(version, submission)
        version.accepted_commit = version.refused_commit = None
    _settle(session, package, version, archive, submission)
    event = Event.VERSION_MOVED if outcome is Outcome.MOVED else Event.VERSION_RESTORED
    record(session, actor, event, _subject(package, version), reference=archive.reference)
    return Publication(package, version, archive, outcome, touched)


def _default_branches(session: WriteSession, package: Package) -> Sequence[str]:
    marked = select(Version.normalised).where(Version.package_id == package.id, Version.default_branch)
    return session.scalars(marked).all()


def _make_default_only(session: WriteSession, actor: Actor, unchanged: Publication) -> Publication:
    """The same files again, with the wish to be the default branch, which is not in the files."""
    package, version = unchanged.package, unchanged.version
    if version.default_branch:
        return unchanged
    version.updated_at = clock.now()
    _make_default(session, package, version)
    record(session, actor, Event.VERSION_MOVED, _subject(package, version), reference=unchanged.archive.reference)
    return replace(unchanged, outcome=Outcome.MOVED)


def refresh_package(
    session: WriteSession, package: Package, address: Address, changed: Collection[str] | None = None
) -> None:
    """What is derived from the versions: the latest one, type and description as of it, and both documents.

    `changed` are the normalised versions that a change touched, `Publication.touched`; None is all of them.
    """
    # Reads that follow must see the rows of this transaction.
    session.flush()
    before = (package.type, package.description, package.deleted_at)
    default = _default_branch(session, package)
    mark = _shown_mark(package, default)
    if mark != package.shown_abandoned:
        # Every version carries the mark.
        package.shown_abandoned, changed = mark, None
    places = render_documents(session, package, address, changed)
    _show_latest(session, package, _latest_version(places, default))
    package.updated_at = clock.now()
    session.flush()
    if before != (package.type, package.description, package.deleted_at):
        raise_listing(session, package.repository_id)


def update_package(
    session: WriteSession, actor: Actor, package: Package, *, abandoned: str | None, address: Address
) -> None:
    """Marks the package abandoned on every version ("" without a replacement), or, with None, as composer.json says.

    Refuses with InvalidName a replacement that is no package name.
    """
    require(actor, Permission.PACKAGE_MANAGE)
    _refuse_deleted(held_package(session, package))
    package.abandoned = normalise_name(abandoned) if abandoned else abandoned
    record(session, actor, Event.PACKAGE_UPDATED, package_subject(package), abandoned=abandoned)
    refresh_package(session, package, address)


def delete_version(session: WriteSession, actor: Actor, package: Package, version: Version, address: Address) -> None:
    """Out of the metadata; its archives stay downloadable, because locks name them.

    Refuses with NotFound a version that is deleted already.
    """
    require(actor, Permission.PACKAGE_MANAGE)
    held_version(session, held_package(session, package), version)
    if version.deleted_at is not None:
        raise NotFound(f"{package.name} {version.version} is deleted already; purge it to remove its archives too.")
    take_out_version(session, actor, package, version)
    refresh_package(session, package, address, {version.normalised})


def take_out_version(
    session: WriteSession, actor: Actor, package: Package, version: Version, *, withdrawn: bool = False
) -> None:
    """The rows of a deletion, without the documents. `withdrawn`: by an import, which may also bring it back."""
    version.deleted_at, version.withdrawn = clock.now(), withdrawn
    version.default_branch = False
    session.execute(delete(ProvidedName).where(ProvidedName.version_id == version.id))
    record(session, actor, Event.VERSION_DELETED, _subject(package, version))


def delete_package(session: WriteSession, actor: Actor, package: Package, address: Address) -> None:
    """All versions out of the metadata and the name out of the lists; archives stay, because locks name them.

    For the same reason who was given the package goes on reading it, but loses the right to write: the name may come
    again as somebody else's. Refuses with NotFound a package that is deleted already.
    """
    require(actor, Permission.PACKAGE_MANAGE)
    _refuse_deleted(held_package(session, package))
    moment = clock.now()
    live = (Version.package_id == package.id, Version.deleted_at.is_(None))
    ids = session.scalars(select(Version.id).where(*live)).all()
    session.execute(update(Version).where(*live).values(deleted_at=moment, default_branch=False))
    session.execute(delete(ProvidedName).where(ProvidedName.version_id.in_(ids)))
    package.deleted_at = moment
    end_writing(session, package.id)
    record(session, actor, Event.PACKAGE_DELETED, package_subject(package), versions=len(ids))
    refresh_package(session, package, address)
    raise_listing(session, package.repository_id)
    session.changed(document_key(package.repository_id, package.name))


def purge_version(
    session: WriteSession, actor: Actor, package: Package, version: Version, address: Address
) -> list[str]:
    """The version and the rows of its archives are gone for good; returns the sha256 of files to look at.

    Files are removed afterwards by packages.purge, when no row names them any more.
    """
    require(actor, Permission.PACKAGE_MANAGE)
    held_version(session, held_package(session, package), version)
    files = session.scalars(select(Archive.sha256).where(Archive.version_id == version.id)).all()
    record(session, actor, Event.VERSION_PURGED, _subject(package, version), archives=len(files))
    session.execute(delete(Archive).where(Archive.version_id == version.id))
    session.execute(delete(ProvidedName).where(ProvidedName.version_id == version.id))
    session.execute(delete(Version).where(Version.id == version.id))
    session.expunge(version)
    refresh_package(session, package, address, {version.normalised})
    session.changed(document_key(package.repository_id, package.name))
    return list(files)


def purge_package(session: WriteSession, actor: Actor, package: Package, address: Address) -> list[str]:
    """All versions, deleted ones too, and the rows of their archives are gone for good; the name is out of the lists.

    So are the grants on it: nothing is left to read, and the name may come again as another thing. Returns the sha256
    of files to look at, as `purge_version` does. The package's row stays, so that its documents' dates never go back.
    """
    require(actor, Permission.PACKAGE_MANAGE)
    held_package(session, package)
    versions = session.execute(select(func.count()).where(Version.package_id == package.id)).scalar_one()
    inside = select(Version.id).where(Version.package_id == package.id)
    files = session.scalars(select(Archive.sha256).where(Archive.version_id.in_(inside))).all()
    session.execute(delete(Archive).where(Archive.version_id.in_(inside)))
    session.execute(delete(ProvidedName).where(ProvidedName.version_id.in_(inside)))
    session.execute(delete(Version).where(Version.package_id == package.id))
    drop_grants(session, GrantRow.package_id == package.id)
    package.deleted_at = package.deleted_at or clock.now()
    record(session, actor, Event.PACKAGE_PURGED, package_subject(package), versions=versions, archives=len(files))
    refresh_package(session, package, address)
    raise_listing(session, package.repository_id)
    session.changed(document_key(package.repository_id, package.name))
    return list(files)


def _new_version(
    session: WriteSession, package: Package, submission: Submission, normalised: str
) -> tuple[Version, Archive]:
    now = clock.now()
    version = Version(
        package_id=package.id,
        normalised=normalised,
        is_dev=is_dev(normalised),
        first_published_at=now,
        archive_id=0,
        default_branch=False,
    )
    _describe(version, submission)
    session.add(version)
    session.flush()
    archive = _new_archive(session, version, submission.archive)
    _settle(session, package, version, archive, submission, is_new=True)
    return version, archive


def _describe(version: Version, submission: Submission) -> None:
    manifest = submission.manifest
    version.version = submission.version
    version.published = pack(manifest.published)
    version.abandoned = _abandoned_mark(manifest)
    version.readme_name, version.readme = submission.readme or (None, None)
    version.warnings = list(manifest.warnings)
    version.released_at = submission.released_at
    version.updated_at = clock.now()
    version.source = submission.source


def _abandoned_mark(manifest: Manifest) -> str | None:
    if manifest.abandoned is False:
        return None
    return "" if manifest.abandoned is True else manifest.abandoned


def _settle(
    session: WriteSession,
    package: Package,
    version: Version,
    archive: Archive,
    submission: Submission,
    *,
    is_new: bool = False,
) -> None:
    """What points at the version: its current archive, the names it provides, the one default branch."""
    version.archive_id = archive.id
    if not is_new:
        session.execute(delete(ProvidedName).where(ProvidedName.version_id == version.id))
    session.add_all(ProvidedName(version_id=version.id, name=name) for name in submission.manifest.provides)
    write_requirements(session, version, is_new=is_new)
    # Without the wish nothing is said: the mark is only taken away by another version that takes it.
    if submission.default_branch:
        _make_default(session, package, version)


def _make_default(session: WriteSession, package: Package, version: Version) -> None:
    version.default_branch = True
    others = update(Version).where(Version.package_id == package.id, Version.id != version.id)
    session.execute(others.values(default_branch=False))


def _new_archive(session: WriteSession, version: Version, stored: StoredArchive) -> Archive:
    archive = Archive(
        version_id=version.id,
        reference=stored.reference,
        sha1=stored.sha1,
        sha256=stored.sha256,
        content_digest=stored.content_digest,
        size_bytes=stored.size_bytes,
        made_at=clock.now(),
    )
    session.add(archive)
    session.flush()
    return archive


def _is_accepted(version: Version, submission: Submission) -> bool:
    """Whether an administrator said that this stable version is to be made from this very commit from now on."""
    return submission.by_commit and version.accepted_commit == submission.archive.reference


def _known_archive(
    session: ReadSession, version: Version, submission: Submission, *, may_change: bool
) -> Archive | None:
    if not (submission.by_commit and may_change):
        return same_files(session, version, submission.archive.content_digest)
    return session.scalars(
        select(Archive).where(Archive.version_id == version.id, Archive.reference == submission.archive.reference)
    ).first()


def same_files(session: ReadSession, version: Version, content_digest: str) -> Archive | None:
    """An archive of this version with the same files: for a stable one its only one, for a branch any it ever had."""
    rows = session.scalars(
        select(Archive).where(Archive.version_id == version.id, Archive.content_digest == content_digest)
    ).all()
    return next((row for row in rows if row.id == version.archive_id), rows[0] if rows else None)


def _default_branch(session: WriteSession, package: Package) -> Row[str, str | None] | None:
    """The normalised version of the live default branch, and its own mark "abandoned"."""
    return session.execute(
        select(Version.normalised, Version.abandoned).where(
            Version.package_id == package.id, Version.default_branch, Version.deleted_at.is_(None)
        )
    ).first()


def _shown_mark(package: Package, default: Row[str, str | None] | None) -> str | None:
    """The mark "abandoned" that all versions carry: set by hand, else by composer.json of the default branch."""
    if package.abandoned is not None or default is None:
        return package.abandoned
    return default.abandoned


def _refuse_deleted(package: Package) -> None:
    if package.deleted_at is not None:
        raise NotFound(f"{package.name} is deleted already; purge it to remove its archives too.")


def _latest_version(places: Sequence[Place], default: Row[str, str | None] | None) -> str | None:
    """The highest stable version by Composer's order, else the highest pre-release, else the default branch."""
    numbers = [place.version_normalized for place in places if not is_dev(place.version_normalized)]
    # A document is newest first, and mostly its first is stable: looking at all of two thousand would take 6 ms.
    stable = next((number for number in numbers if stability(number) == "stable"), None)
    if stable or numbers:
        return stable or numbers[0]
    if default is not None:
        return default.normalised
    return max((place.version_normalized for place in places), key=remembered_sort_key, default=None)


def _show_latest(session: WriteSession, package: Package, normalised: str | None) -> None:
    package.latest_version = None
    if normalised is None:
        return
    package.latest_version, packed = session.execute(
        select(Version.version, Version.published).where(
            Version.package_id == package.id, Version.normalised == normalised
        )
    ).one()
    published = orjson.loads(packed)
    package.type, package.description = published.get("type", "library"), published.get("description") or ""


def _subject(package: Package, version: Version) -> Subject:
    return Subject("version", version.id, f"{package.name} {version.version}")
