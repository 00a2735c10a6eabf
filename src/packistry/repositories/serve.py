"""What a repository answers, kept in memory as it was rendered. Mixes files and rows: archives are found here too.

Everything is checked against the generation before each use (db/watch.py); access/ says who may have it.
"""

import asyncio
import gzip
import hashlib
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from email.utils import formatdate
from functools import cached_property, partial
from pathlib import Path
from typing import Any, BinaryIO, Concatenate, Final, ParamSpec, TypeVar

from sqlalchemy import Select, and_, bindparam, select, true

from packistry.access.answers import Door, door
from packistry.access.views import View
from packistry.composer.metadata import complete, empty_document
from packistry.composer.names import vendor_of
from packistry.composer.versions import normalise
from packistry.db.changes import ChangeKey, document_key, listing_key, repository_key
from packistry.db.engine import Database, ReadSession
from packistry.db.keeping import Copy, Keeper
from packistry.db.models import Archive, Document, Generation, Package, Repository, Version
from packistry.db.watch import Forgetful, current_generation
from packistry.errors import InvalidVersion, NotFound
from packistry.packages.documents import DEV_SUFFIX, compress, repository_base
from packistry.repositories.listings import Listing, root_listing
from packistry.repositories.queries import FACTS, RepositoryFacts, repository_facts
from packistry.storage.base import BlobStorage, missing
from packistry.storage.keys import BlobKey, archive_key

P = ParamSpec("P")
R = TypeVar("R")

# What a kept document weighs beside its bytes, as measured: keys, headers and the tables that find it.
OVERHEAD_BYTES: Final = 1_600
# Repositories and addresses of archives that are kept; each is a few hundred bytes.
MAX_ENTRIES: Final = 20_000
# Without a public address each Host header is an address of its own; more than a few are somebody's game. One that
# was asked for within this time keeps its place, whatever else is made up.
MAX_BASES: Final = 8
BASE_SECONDS: Final = 60.0
# All that is known of one document, in one statement made once: making it anew took three times as long as running it.
# The package's id is None when there is no such package, or no longer.
_STORED: Final[Select[*tuple[Any, ...]]] = (
    select(
        Generation.number,
        Package.id,
        Document.template,
        Document.gzip,
        Document.gzip_base,
        Document.last_modified,
        *FACTS,
    )
    .select_from(Repository)
    .join(Generation, true())
    .outerjoin(Document, and_(Document.repository_id == Repository.id, Document.name == bindparam("name")))
    .outerjoin(Package, and_(Package.id == Document.package_id, Package.deleted_at.is_(None)))
    .where(Repository.path == bindparam("path"), Repository.deleted_at.is_(None))
)
# The archives of a package, deleted ones too, because locks name them: the generation and the fields of Dist.
_DISTS: Final[Select[*tuple[Any, ...]]] = (
    select(
        Generation.number,
        Repository.id,
        Repository.public,
        Package.id,
        Package.name,
        Version.id,
        Version.version,
        Archive.sha256,
        Archive.size_bytes,
    )
    .select_from(Repository)
    .join(Generation, true())
    .join(Package, Package.repository_id == Repository.id)
    .join(Version, Version.package_id == Package.id)
    .join(Archive, Archive.version_id == Version.id)
    .where(Repository.path == bindparam("path"), Repository.deleted_at.is_(None), Package.name == bindparam("name"))
    .limit(1)
)
_DIST: Final = _DISTS.where(Version.id == bindparam("version_id"), Archive.reference == bindparam("reference"))
_CURRENT_DIST: Final = _DISTS.where(Version.normalised == bindparam("normalised"), Archive.id == Version.archive_id)


@dataclass(frozen=True)
class ServedDocument:
    """One p2 document as it is sent, for one address of the repository.

    `package_id` is None for a name that is not here; such a document is empty when the repository claims its vendor.
    """

    repository: RepositoryFacts
    name: str
    package_id: int | None
    claimed: bool
    packed: bytes
    last_modified: bytes

    def is_open_to(self, view: View) -> bool:
        """Whether the caller may read the real document; else see `hidden`."""
        facts = self.repository
        return self.package_id is not None and view.may_read_package(facts.id, self.package_id, public=facts.public)

    def is_answered(self, view: View) -> bool:
        """Whether the door of the repository is open to the caller."""
        facts = self.repository
        return door(view, facts.id, public=facts.public) is Door.OPEN

    def hidden(self) -> "ServedDocument | None":
        """What those get who may not see the package: an empty document, or None when the name is not claimed."""
        return _claim(self.repository, self.name) if self.claimed else None

    def plain(self) -> bytes:
        """For the rare client that takes no gzip."""
        return gzip.decompress(self.packed)

    @cached_property
    def etag(self) -> bytes:
        """Weak: the same document may be sent packed or plain."""
        return weak_etag(self.packed)


@dataclass(frozen=True, slots=True)
class Dist:
    """An archive that is served, and whose it is."""

    repository_id: int
    public: bool
    package_id: int
    package: str
    version_id: int
    version: str
    sha256: str
    size_bytes: int

    @property
    def key(self) -> BlobKey:
        return archive_key(self.sha256)

    @property
    def file_name(self) -> str:
        """vendor-name-version.zip, without characters that a header or a file system would mind."""
        spelled = f"{self.package}-{self.version}".replace("/", "-")
        return "".join(letter if letter.isalnum() or letter in "._-+" else "-" for letter in spelled) + ".zip"


class Registry:
    """Finds what is asked for. One per worker, used from its event loop; the reading itself runs in threads."""

    def __init__(
        self,
        database: Database,
        storage: BlobStorage,
        executor: Executor,
        *,
        cache_bytes: int,
        public_url: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.database = database
        self._storage = storage
        self._executor = executor
        self._documents: Keeper[tuple[str, str, str], ServedDocument] = Keeper(cache_bytes)
        self._repositories: Keeper[str, RepositoryFacts] = Keeper(MAX_ENTRIES)
        self._dists: Keeper[tuple[str | int, ...], Dist] = Keeper(MAX_ENTRIES)
        self._roots: Keeper[tuple[str, str], Listing] = Keeper(MAX_ENTRIES)
        self._public_url = public_url
        # When each public address was last missed here.
        self._bases: dict[str, float] = {}

    @property
    def subscribers(self) -> tuple[Forgetful, ...]:
        """Everything that must be told of changes."""
        return self._documents, self._repositories, self._dists, self._roots

    def kept_document(self, public_base: str, path: str, name: str) -> ServedDocument | None:
        """The document if it is in memory. `public_base` is the root's address without a trailing slash."""
        return self._documents.get((public_base, path, name))

    async def document(self, view: View, public_base: str, path: str, name: str) -> ServedDocument | None:
        """The document of "vendor/name" or "vendor/name~dev"; None when there is no such repository.

        It is kept only when this caller may have it: strangers do not fill the memory with addresses they made up.
        """
        copy = await self.run(self._read_document, repository_base(public_base, path), path, name)
        if copy is not None and copy.value.is_answered(view) and self._is_kept_base(public_base):
            self._documents.put((public_base, path, name), copy)
        return copy.value if copy else None

    async def repository(self, path: str) -> RepositoryFacts | None:
        """The repository at this path; None when there is none."""
        kept = self._repositories.get(path)
        if kept is not None:
            return kept
        copy = await self.run(self._read_repository, path)
        if copy is not None:
            self._repositories.put(path, copy)
        return copy.value if copy else None

    async def root(self, public_base: str, view: View, facts: RepositoryFacts) -> Listing:
        """packages.json as this caller sees it; the one of those who see everything is kept."""
        whole = view.sees_whole(facts.id, public=facts.public)
        kept = self._roots.get((public_base, facts.path)) if whole else None
        if kept is not None:
            return kept
        copy = await self.run(self._read_root, repository_base(public_base, facts.path), view, facts)
        # Asked of what was read: the repository may have become private since `facts`.
        if copy.value.whole and self._is_kept_base(public_base):
            self._roots.put((public_base, facts.path), copy)
        return copy.value

    async def read(
        self, function: Callable[Concatenate[ReadSession, P], R], *arguments: P.args, **named: P.kwargs
    ) -> R:
        """Runs a reading function with a session of its own, in a thread."""

        def in_scope() -> R:
            with self.database.read() as session:
                return function(session, *arguments, **named)

        return await self.run(in_scope)

    async def dist(self, path: str, name: str, version_id: int, reference: str) -> Dist:
        """The archive at its own address, of deleted versions too. Refuses with NotFound."""
        return await self._dist(_DIST, path=path, name=name, version_id=version_id, reference=reference)

    async def current_dist(self, path: str, name: str, version: str) -> Dist:
        """The archive that the version is served from now. Refuses with NotFound, also what is no version at all."""
        try:
            normalised = normalise(version)
        except InvalidVersion as refusal:
            raise _no_archive() from refusal
        return await self._dist(_CURRENT_DIST, path=path, name=name, normalised=normalised)

    async def find_file(self, dist: Dist) -> Path | None:
        """Where the archive lies, if this storage has local files. Refuses with NotFound when the file is missing."""
        path = self._storage.local_path(dist.key)
        # A local look takes two microseconds, handing it to a thread a hundred.
        there = await self.run(self._storage.exists, dist.key) if path is None else path.exists()
        if not there:
            raise missing(dist.key)
        return path

    def open_file(self, dist: Dist) -> BinaryIO:
        """The archive's bytes. Blocking. Refuses with NotFound."""
        return self._storage.open(dist.key)

    async def run(self, function: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
        """Runs blocking work in this worker's threads."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, partial(function, *arguments, **named))

    async def _dist(self, statement: Select[*tuple[Any, ...]], **wanted: str | int) -> Dist:
        # The two statements want different things, so the values alone tell them apart.
        key = tuple(wanted.values())
        kept = self._dists.get(key)
        if kept is not None:
            return kept
        copy = await self.run(self._read_dist, statement, wanted)
        if copy is None:
            raise _no_archive()
        self._dists.put(key, copy)
        return copy.value

    def _is_kept_base(self, public_base: str) -> bool:
        """Whether documents for this address have a place: always for the one that is set."""
        if public_base == self._public_url():
            return True
        now = time.monotonic()
        if public_base not in self._bases and len(self._bases) >= MAX_BASES:
            oldest = min(self._bases, key=self._bases.__getitem__)
            if self._bases[oldest] > now - BASE_SECONDS:
                return False
            del self._bases[oldest]
        self._bases[public_base] = now
        return True

    def _read_repository(self, path: str) -> Copy[RepositoryFacts] | None:
        with self.database.read() as session:
            generation = current_generation(session)
            facts = repository_facts(session, path)
        if facts is None:
            return None
        return Copy(facts, generation, frozenset({repository_key(facts.id), listing_key(facts.id)}))

    def _read_root(self, base: str, view: View, facts: RepositoryFacts) -> Copy[Listing]:
        with self.database.read() as session:
            generation = current_generation(session)
            # Read again: the date must be of the same snapshot as the body, or clients keep an old body for good.
            facts = repository_facts(session, facts.path) or facts
            listing = root_listing(session, view, facts, base)
        return Copy(listing, generation, frozenset({repository_key(facts.id), listing_key(facts.id)}))

    def _read_document(self, base: str, path: str, name: str) -> Copy[ServedDocument] | None:
        package_name = name.removesuffix(DEV_SUFFIX)
        with self.database.read() as session:
            # Past the mapper, which would take longer than the reading.
            row = session.connection().execute(_STORED, {"path": path, "name": name}).one_or_none()
            if row is None:
                return None
            generation, package_id, template, packed, packed_for, modified, *columns = row
            facts = RepositoryFacts(*columns)
            depends_on: set[ChangeKey] = {repository_key(facts.id), document_key(facts.id, package_name)}
            if package_id is None:
                # Whether the vendor is hosted changes with the listing.
                depends_on.add(listing_key(facts.id))
                document = _absent(session, facts, package_name)
            else:
                packed = packed if packed_for == base else compress(complete(template, base))
                date = http_date(modified)
                document = ServedDocument(facts, package_name, package_id, facts.claims_vendors, packed, date)
        return Copy(document, generation, frozenset(depends_on), OVERHEAD_BYTES + len(document.packed))

    def _read_dist(self, statement: Select[*tuple[Any, ...]], wanted: dict[str, str | int]) -> Copy[Dist] | None:
        with self.database.read() as session:
            row = session.connection().execute(statement, wanted).first()
        if row is None:
            return None
        generation, *columns = row
        dist = Dist(*columns)
        keys = frozenset({repository_key(dist.repository_id), document_key(dist.repository_id, dist.package)})
        return Copy(dist, generation, keys)


def weak_etag(body: bytes) -> bytes:
    """An ETag for clients other than Composer, which looks at dates alone."""
    return b'W/"' + hashlib.blake2b(body, digest_size=12).hexdigest().encode() + b'"'


def http_date(seconds: int) -> bytes:
    """Seconds since 1970 as Last-Modified spells them."""
    return formatdate(seconds, usegmt=True).encode()


# The date of every empty document: equal for all of them, and older than any real one.
EMPTY_DATE: Final = http_date(946_684_800)


def _absent(session: ReadSession, facts: RepositoryFacts, name: str) -> ServedDocument:
    # Deleted ones count: a vendor that was ours stays claimed.
    hosted = select(Package.id).where(Package.repository_id == facts.id, Package.vendor == vendor_of(name)).limit(1)
    claimed = facts.claims_vendors and session.execute(hosted).first() is not None
    return ServedDocument(facts, name, None, claimed, b"", EMPTY_DATE)


def _claim(facts: RepositoryFacts, name: str) -> ServedDocument:
    """A document that claims the name and has no version: clients then ask no other repository for it."""
    return ServedDocument(facts, name, None, True, compress(empty_document(name)), EMPTY_DATE)


def _no_archive() -> NotFound:
    return NotFound("There is no such archive, or it is not visible to you.")
