"""Rendering what clients read of a package, in the transaction that changed it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from sqlalchemy import Row, select
from zlib_ng import gzip_ng

from packistry import clock
from packistry.composer.documents import BASE_MARK, PublishedVersion, complete, package_document
from packistry.db.changes import document_key
from packistry.db.engine import WriteSession
from packistry.db.models import Archive, Document, Package, Version

# Smaller by a tenth than level 1 and still 2 ms for the largest documents we know (1 MB).
GZIP_LEVEL: Final = 6
DEV_SUFFIX: Final = "~dev"
# What is told of a version: the columns of `live_versions`.
VersionRow: TypeAlias = Row[*tuple[Any, ...]]
_TOLD: Final = select(
    Version.id,
    Version.version,
    Version.normalised,
    Version.is_dev,
    Version.published,
    Version.abandoned,
    Version.released_at,
    Version.first_published_at,
    Version.default_branch,
    Version.source,
    Archive.reference,
    Archive.sha1,
).join(Archive, Archive.id == Version.archive_id)
# zlib-ng comes without types.
_untyped: Any = gzip_ng


@dataclass(frozen=True, slots=True)
class Address:
    """Where a repository is reached, when that is known at publish time: its path and the public address."""

    public_url: str | None
    path: str

    @property
    def base(self) -> str | None:
        """The repository's own address without a trailing slash; None while the public address is not known."""
        return None if self.public_url is None else repository_base(self.public_url, self.path)


def repository_base(public_url: str, path: str) -> str:
    """The repository's address below this public address: itself for the root, else /r/{path}."""
    return f"{public_url}/r/{path}" if path else public_url


def live_versions(session: WriteSession, package: Package) -> Sequence[VersionRow]:
    """Everything that is told of each version, as plain rows: two thousand objects would cost more than rendering."""
    return session.execute(_TOLD.where(Version.package_id == package.id, Version.deleted_at.is_(None))).all()


def render_documents(session: WriteSession, package: Package, versions: Sequence[VersionRow], address: Address) -> None:
    """Both p2 documents of the package with these versions. One that did not change keeps its bytes and its date."""
    mark = package.shown_abandoned
    for name, is_dev in ((package.name, False), (package.name + DEV_SUFFIX, True)):
        entries = [_entry(package.name, row, mark) for row in versions if row.is_dev == is_dev]
        _store(session, package, name, package_document(package.name, entries), address)


def compress(document: bytes) -> bytes:
    """The document as gzip, the same bytes for the same document."""
    packed: bytes = _untyped.compress(document, compresslevel=GZIP_LEVEL, mtime=0)
    return packed


def dist_path(name: str, version_id: int, reference: str) -> str:
    """An archive's address below its repository's. It holds the reference, so that no client mistakes the bytes."""
    return f"/-/dist/{name}/{version_id}/{reference}.zip"


def _entry(name: str, row: VersionRow, package_mark: str | None) -> PublishedVersion:
    # Taken apart at once: asking a row for each column by name takes three times as long as all the rest here.
    version_id, version, normalised, _, published, abandoned, released, first, default, source, reference, sha1 = row
    mark = abandoned if package_mark is None else package_mark
    url = BASE_MARK + dist_path(name, version_id, reference)
    return PublishedVersion(
        name=name,
        version=version,
        version_normalized=normalised,
        published=published,
        dist={"type": "zip", "url": url, "reference": reference, "shasum": sha1},
        published_time=first,
        source=source,
        time=released,
        default_branch=default,
        abandoned=False if mark is None else mark or True,
    )


def _store(session: WriteSession, package: Package, name: str, template: bytes, address: Address) -> None:
    document = session.get(Document, (package.repository_id, name))
    if document is not None and document.template == template and document.gzip_base == address.base:
        return
    now = int(clock.now().timestamp())
    if document is None:
        document = Document(
            repository_id=package.repository_id, name=name, package_id=package.id, last_modified=now, template=template
        )
        session.add(document)
    elif document.template != template:
        # Composer asks by whole seconds: two changes in one second must still have two dates. Another public address
        # alone is dated by the server that serves it; see repositories.readdress.
        document.last_modified = max(now, document.last_modified + 1)
        document.template = template
    document.gzip_base = address.base
    document.gzip = None if address.base is None else compress(complete(template, address.base))
    session.changed(document_key(package.repository_id, package.name))
