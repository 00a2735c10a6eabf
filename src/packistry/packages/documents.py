"""Rendering what clients read of a package, in the transaction that changed it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, Row, select
from zlib_ng import gzip_ng

from packistry import clock
from packistry.composer.metadata import (
    BASE_MARK,
    Place,
    PublishedVersion,
    Written,
    complete,
    revise_document,
    write_document,
)
from packistry.composer.versions import is_dev
from packistry.db.changes import document_key
from packistry.db.engine import WriteSession
from packistry.db.models import Archive, Document, Package, Version

# Smaller by a tenth than level 1 and still 2 ms for the largest documents we know (1 MB).
GZIP_LEVEL: Final = 6
DEV_SUFFIX: Final = "~dev"
# What is told of a version: the columns of `_TOLD`.
_VersionRow: TypeAlias = Row[*tuple[Any, ...]]
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


def render_documents(
    session: WriteSession, package: Package, address: Address, changed: Collection[str] | None = None
) -> list[Place]:
    """Writes both p2 documents of the package and returns the places of their versions, the stable document's first.

    `changed` names, normalised, the versions that are not as they were rendered last; None renders all of them. A
    document that did not change keeps its bytes and its date.
    """
    places: list[Place] = []
    for name, is_unstable in ((package.name, False), (package.name + DEV_SUFFIX, True)):
        document = session.get(Document, (package.repository_id, name))
        if document is None or document.places is None or changed is None:
            written = write_document(package.name, _published(session, package, Version.is_dev == is_unstable))
        else:
            concerned = [normalised for normalised in changed if is_dev(normalised) == is_unstable]
            written = _revised(session, package, document, document.places, concerned)
        _store(session, package, name, written, address)
        places += written.places
    return places


def _revised(
    session: WriteSession, package: Package, document: Document, places: Sequence[Any], changed: Collection[str]
) -> Written:
    def look_up(wanted: Collection[str]) -> list[PublishedVersion]:
        return _published(session, package, Version.normalised.in_(wanted))

    come = {version.version_normalized: version for version in (look_up(changed) if changed else ())}
    before = Written(document.template, [Place(*place) for place in places])
    return revise_document(package.name, before, {each: come.get(each) for each in changed}, look_up)


def _published(session: WriteSession, package: Package, which: ColumnElement[bool]) -> list[PublishedVersion]:
    """Those of the live versions, from plain rows: two thousand objects would cost more than rendering."""
    rows = session.execute(_TOLD.where(Version.package_id == package.id, Version.deleted_at.is_(None), which))
    return [_entry(package.name, row, package.shown_abandoned) for row in rows]


def compress(document: bytes) -> bytes:
    """The document as gzip, the same bytes for the same document."""
    packed: bytes = _untyped.compress(document, compresslevel=GZIP_LEVEL, mtime=0)
    return packed


def dist_path(name: str, version_id: int, reference: str) -> str:
    """An archive's address below its repository's. It holds the reference, so that no client mistakes the bytes."""
    return f"/-/dist/{name}/{version_id}/{reference}.zip"


def _entry(name: str, row: _VersionRow, package_mark: str | None) -> PublishedVersion:
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


def _store(session: WriteSession, package: Package, name: str, written: Written, address: Address) -> None:
    template = written.document
    document = session.get(Document, (package.repository_id, name))
    places = [tuple(place) for place in written.places]
    if document is not None and document.template == template and document.gzip_base == address.base:
        document.places = places
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
    document.places = places
    document.gzip_base = address.base
    document.gzip = None if address.base is None else compress(complete(template, address.base))
    session.changed(document_key(package.repository_id, package.name))
