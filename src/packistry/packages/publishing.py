"""Publishing: versions are put into a package. A stable one never changes, unless an administrator accepted the very
commit; a branch moves on; every archive stays.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, select, update

from packistry import clock
from packistry.access.actors import Actor
from packistry.audit.events import Event
from packistry.audit.log import record
from packistry.composer.manifest import Manifest
from packistry.composer.metadata import pack
from packistry.composer.versions import is_dev, normalise
from packistry.db.engine import ReadSession, WriteSession
from packistry.db.models import Archive, Package, ProvidedName, Repository, Version
from packistry.packages.actions import refresh_package
from packistry.packages.conflicts import conflict, numbers_of, refuse_equal
from packistry.packages.documents import Address
from packistry.packages.holding import package_to_publish, version_subject
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
    publishing = Publishing(session, actor, package)
    publication = publishing.put(submission)
    publishing.settle()
    if publication.outcome is not Outcome.UNCHANGED:
        refresh_package(session, package, address, publication.touched)
    return publication


class Publishing:
    """Puts versions into one package, which is held, without its documents: an import renders once for many versions.

    New versions have their ids once they are settled; statements for many rows at once take a third of the time.
    """

    def __init__(self, session: WriteSession, actor: Actor, package: Package) -> None:
        self._session, self._actor, self._package = session, actor, package
        # Read once, for each new version is held against all others.
        self._numbers = numbers_of(session, package)
        self._new: list[_New] = []

    def put(self, submission: Submission) -> Publication:
        """The version as it is to be. Refuses with VersionConflict, before anything is changed."""
        normalised = normalise(submission.version)
        equal = self._numbers.equal_to(normalised)
        if any(new.version.normalised in {normalised, *equal} for new in self._new):
            # What is asked of the database next is about these.
            self.settle()
        version = self._known(normalised)
        if version is None or version.deleted_at is not None:
            refuse_equal(self._session, self._package, equal)
        touched = {normalised, *(self._default_branches() if submission.default_branch else ())}
        if version is None:
            return self._put_new(submission, normalised, touched)
        return self._put_known(version, submission, touched)

    def settle(self) -> None:
        """Writes the rows of all new versions. What points at them is written with it."""
        versions = [new.version for new in self._new]
        self._session.add_all(versions)
        self._session.flush()
        for new in self._new:
            new.archive.version_id = new.version.id
        self._session.add_all(new.archive for new in self._new)
        self._session.flush()
        for new in self._new:
            new.version.archive_id = new.archive.id
            self._provide(new.version, new.submission, is_new=True)
            self._record(Event.VERSION_PUBLISHED, new.version, new.archive)
        self._new.clear()

    def _known(self, normalised: str) -> Version | None:
        if normalised not in self._numbers:
            return None
        chosen = select(Version).where(Version.package_id == self._package.id, Version.normalised == normalised)
        return self._session.execute(chosen).scalar_one()

    def _put_new(self, submission: Submission, normalised: str, touched: Collection[str]) -> Publication:
        version = Version(
            package_id=self._package.id,
            normalised=normalised,
            is_dev=is_dev(normalised),
            first_published_at=clock.now(),
            archive_id=0,
            default_branch=False,
        )
        _describe(version, submission)
        archive = _archive_row(submission.archive)
        self._numbers.add(normalised)
        self._new.append(_New(version, archive, submission))
        return Publication(self._package, version, archive, Outcome.PUBLISHED, touched)

    def _put_known(self, version: Version, submission: Submission, touched: Collection[str]) -> Publication:
        session, package = self._session, self._package
        may_change = version.is_dev or _is_accepted(version, submission)
        archive = _known_archive(session, version, submission, may_change=may_change)
        if archive is None and not may_change:
            raise conflict(package.name, version, session.get_one(Archive, version.archive_id))
        if archive is not None and version.archive_id == archive.id and version.deleted_at is None:
            unchanged = Publication(package, version, archive, Outcome.UNCHANGED, touched)
            return self._make_default_only(unchanged) if submission.default_branch else unchanged
        outcome = Outcome.MOVED if version.deleted_at is None else Outcome.RESTORED
        archive = archive or self._add_archive(version, submission)
        version.deleted_at, version.withdrawn = None, False
        version.updated_at = clock.now()
        # A stable version comes back as it was: its time and all that was told of it are part of what never changes.
        if may_change:
            _describe(version, submission)
            version.accepted_commit = version.refused_commit = None
        version.archive_id = archive.id
        session.execute(delete(ProvidedName).where(ProvidedName.version_id == version.id))
        self._provide(version, submission, is_new=False)
        self._record(Event.VERSION_MOVED if outcome is Outcome.MOVED else Event.VERSION_RESTORED, version, archive)
        return Publication(package, version, archive, outcome, touched)

    def _default_branches(self) -> Iterable[str]:
        marked = select(Version.normalised).where(Version.package_id == self._package.id, Version.default_branch)
        return self._session.scalars(marked)

    def _make_default_only(self, unchanged: Publication) -> Publication:
        """The same files again, with the wish to be the default branch, which is not in the files."""
        version = unchanged.version
        if version.default_branch:
            return unchanged
        version.updated_at = clock.now()
        self._make_default(version)
        self._record(Event.VERSION_MOVED, version, unchanged.archive)
        return replace(unchanged, outcome=Outcome.MOVED)

    def _add_archive(self, version: Version, submission: Submission) -> Archive:
        archive = _archive_row(submission.archive)
        archive.version_id = version.id
        self._session.add(archive)
        self._session.flush()
        return archive

    def _provide(self, version: Version, submission: Submission, *, is_new: bool) -> None:
        """What else points at the version: the names it provides and requires, the one default branch."""
        names = submission.manifest.provides
        self._session.add_all(ProvidedName(version_id=version.id, name=name) for name in names)
        write_requirements(self._session, version, is_new=is_new)
        # Without the wish nothing is said: the mark is only taken away by another version that takes it.
        if submission.default_branch:
            self._make_default(version)

    def _make_default(self, version: Version) -> None:
        version.default_branch = True
        others = update(Version).where(Version.package_id == self._package.id, Version.id != version.id)
        self._session.execute(others.values(default_branch=False))

    def _record(self, event: Event, version: Version, archive: Archive) -> None:
        subject = version_subject(self._package, version)
        record(self._session, self._actor, event, subject, reference=archive.reference)


@dataclass(frozen=True, slots=True)
class _New:
    """A version that is not written yet."""

    version: Version
    archive: Archive
    submission: Submission


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


def _archive_row(stored: StoredArchive) -> Archive:
    return Archive(
        reference=stored.reference,
        sha1=stored.sha1,
        sha256=stored.sha256,
        content_digest=stored.content_digest,
        size_bytes=stored.size_bytes,
        made_at=clock.now(),
    )


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
