"""What an import left behind: versions, archives and documents in a form that two imports can be compared in."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from packistry.db.engine import ReadSession
from packistry.db.models import (
    Archive,
    AuditEvent,
    Document,
    ImportRef,
    ImportRun,
    Package,
    Project,
    Repository,
    Version,
)
from packistry.house import House
from packistry.sources.states import OPEN
from packistry.storage.keys import archive_key
from packistry.storage.local import LocalStorage

# The ids of versions are given in the order in which refs happened to be ready.
_DIST = re.compile(rb"(/-/dist/[^/]+/[^/]+/)\d+/")
# When we published it, left out where it is as in the version above; all other times are those of commits.
_PUBLISHED = re.compile(rb',"published-time":"[^"]*"')


@dataclass(frozen=True)
class Left:
    """A repository: each version with all that clients get of it, and its p2 documents byte for byte."""

    versions: dict[str, tuple[Any, ...]]
    documents: dict[str, bytes]


def left_in(house: House, path: str) -> Left:
    """What is in the repository, but for ids and the moments at which we did things."""
    with house.database.read() as session:
        rows = session.execute(
            select(Package.name, Version, Archive)
            .join(Version, Version.package_id == Package.id)
            .join(Archive, Archive.id == Version.archive_id)
            .join(Repository, Repository.id == Package.repository_id)
            .where(Repository.path == path)
        )
        versions = {f"{name} {version.normalised}": _told(version, archive) for name, version, archive in rows}
        documents = session.execute(
            select(Document.name, Document.template)
            .join(Repository, Repository.id == Document.repository_id)
            .where(Repository.path == path)
        )
        return Left(versions, {name: _timeless(template) for name, template in documents})


def _told(version: Version, archive: Archive) -> tuple[Any, ...]:
    shown = (version.version, version.published, version.released_at, version.source, version.default_branch)
    gone = (version.deleted_at is not None, version.withdrawn)
    return (*shown, *gone, archive.reference, archive.sha1, archive.sha256, archive.size_bytes, archive.content_digest)


def _timeless(template: bytes) -> bytes:
    return _PUBLISHED.sub(b"", _DIST.sub(rb"\1", template))


def faults_of(house: House, project_id: int) -> list[str]:
    """What an import must never leave, whatever happened to it, in sentences."""
    with house.database.read() as session:
        project = session.get_one(Project, project_id)
        found = [
            *_open(session, project),
            *_done_twice(session, project),
            *_told_twice(session, project),
            *_dangling(session),
        ]
    return found + list(_files(house))


def _open(session: ReadSession, project: Project) -> Iterator[str]:
    runs = select(ImportRun).where(ImportRun.project_id == project.id)
    for run in session.scalars(runs).all():
        if run.state in OPEN or run.reason:
            yield f"import {run.id} is {run.state}: {run.reason}"
    refs = select(ImportRef).join(ImportRun, ImportRun.id == ImportRef.run_id)
    wrong = refs.where(ImportRun.project_id == project.id, ImportRef.state.in_(("waiting", "failed", "cancelled")))
    for ref in session.scalars(wrong):
        yield f"{ref.kind} {ref.name} of import {ref.run_id} is {ref.state}: {ref.reason}"


def _done_twice(session: ReadSession, project: Project) -> Iterator[str]:
    done = (
        select(ImportRef.kind, ImportRef.name, ImportRef.commit)
        .join(ImportRun, ImportRun.id == ImportRef.run_id)
        .where(ImportRun.project_id == project.id, ImportRef.state == "imported")
    )
    for (kind, name, commit), count in Counter(tuple(row) for row in session.execute(done)).items():
        if count > 1:
            yield f"{kind} {name} at {commit[:12]} was imported {count} times"


def _told_twice(session: ReadSession, project: Project) -> Iterator[str]:
    """Each version was published once and moved once to each further commit, and the audit log says just that."""
    ids = session.scalars(select(Version.id).where(Version.project_id == project.id)).all()
    archives = Counter(session.scalars(select(Archive.version_id).where(Archive.version_id.in_(ids))))
    told = select(AuditEvent.subject_id).where(AuditEvent.subject_kind == "version")
    published = Counter(session.scalars(told.where(AuditEvent.event == "version.published")))
    changed = Counter(session.scalars(told.where(AuditEvent.event != "version.published")))
    for id_ in ids:
        if (published[id_], changed[id_]) != (1, archives[id_] - 1):
            yield f"version {id_} of {archives[id_]} archives was told {published[id_]} and {changed[id_]} times"
    made = select(AuditEvent.id).where(
        AuditEvent.event == "package.created", AuditEvent.subject_id == project.package_id
    )
    if len(session.scalars(made).all()) != 1:
        yield "the making of the package was not told once"


def _dangling(session: ReadSession) -> Iterator[str]:
    """Rows that name rows which are not there; where a foreign key keeps them from it, the database was asked."""
    archives = {row.id: row.version_id for row in session.execute(select(Archive.id, Archive.version_id))}
    versions = {row.id: row.archive_id for row in session.execute(select(Version.id, Version.archive_id))}
    for id_, archive_id in versions.items():
        if archives.get(archive_id) != id_:
            yield f"version {id_} is served from archive {archive_id}, which is not its own"
    yield from (f"archive {id_} has no version" for id_, version_id in archives.items() if version_id not in versions)
    named = select(ImportRef.id).where(ImportRef.state == "imported", ImportRef.version_id.is_(None))
    yield from (f"imported ref {id_} names no version" for id_ in session.scalars(named))


def _files(house: House) -> Iterator[str]:
    storage = house.storage
    assert isinstance(storage, LocalStorage)
    with house.database.read() as session:
        digests = set(session.scalars(select(Archive.sha256)))
    for digest in digests:
        path = storage.local_path(archive_key(digest))
        if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            yield f"the file {digest} is missing or damaged"
    yield from (f"{path.name} was left in incoming" for path in storage.incoming.iterdir())


def orphan_files(house: House) -> int:
    """Files that no row names: what a crash may leave between storing a file and its row."""
    with house.database.read() as session:
        named = {archive_key(digest) for digest in session.scalars(select(Archive.sha256))}
    return len(set(house.storage.keys()) - named)
