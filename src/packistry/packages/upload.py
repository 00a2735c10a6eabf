"""A file somebody sent becomes a version. Mixes files and rows, because somebody waits for the answer.

The file is stored before its row is written: a crash leaves at most a file that no row names, never a version
without its file.
"""

import unicodedata
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from packistry import clock
from packistry.access.actors import Actor
from packistry.access.rules import repository_to_publish
from packistry.archives.digests import digest_file
from packistry.archives.limits import Limits
from packistry.archives.packer import pack_zip
from packistry.archives.reader import ArchiveContents, read_archive
from packistry.composer.manifest import Manifest, read_manifest
from packistry.composer.names import vendor_of
from packistry.composer.versions import WHITESPACE, is_dev, normalise, without_decoration
from packistry.db.engine import Database, ReadSession
from packistry.db.models import Archive, Package, Repository, Version
from packistry.db.statements import hold
from packistry.errors import InvalidManifest, InvalidName, InvalidVersion, Unavailable
from packistry.packages.conflicts import conflict, numbers_of, refuse_equal
from packistry.packages.documents import Address
from packistry.packages.publishing import Outcome, Publication, StoredArchive, Submission, publish_version, same_files
from packistry.storage.base import BlobStorage, Incoming
from packistry.storage.keys import archive_key

# First segments of addresses that are not Composer's. In no repository may a vendor have such a name: it could not be
# reached at the root.
RESERVED_VENDORS: Final = frozenset({"p2", "r", "incoming", "api", "auths", "health", "metrics"})
# Control characters, and halves of characters that no encoding has.
_UNREADABLE: Final = ("Cc", "Cs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What was sent: the repository's path, the name in the address (normalised), the version field as typed."""

    repository: str
    name: str
    version: str | None = None
    default_branch: bool = False


@dataclass(frozen=True, slots=True)
class Uploads:
    """Takes files in. One per process; thread-safe."""

    database: Database
    storage: BlobStorage
    limits: Limits
    public_url: str | None

    def receive(self) -> AbstractContextManager[Incoming]:
        """A file to write what is sent to; it is gone after the block unless it was published."""
        return self.storage.receive()

    def publish(self, actor: Actor, upload: Upload, incoming: Incoming) -> Publication:
        """Reads, stores and publishes the file that `incoming` holds. Blocking: seconds for a large archive.

        Asks for the right before anything is read and again with the write, in case it was taken away meanwhile.
        """
        self._require_right(actor, upload)
        contents = read_archive(incoming.path, self.limits)
        return self._publish_read(actor, upload, incoming, contents, read_manifest(contents.composer_json))

    def publish_as_named(
        self,
        actor: Actor,
        incoming: Incoming,
        *,
        repository: str,
        name: str | None = None,
        version: str | None = None,
        default_branch: bool = False,
    ) -> Publication:
        """As `publish`, for the operator, who need not say the name: it is the one in composer.json."""
        contents = read_archive(incoming.path, self.limits)
        manifest = read_manifest(contents.composer_json)
        upload = Upload(
            repository=repository, name=name or manifest.name, version=version, default_branch=default_branch
        )
        self._require_right(actor, upload)
        return self._publish_read(actor, upload, incoming, contents, manifest)

    def _require_right(self, actor: Actor, upload: Upload) -> None:
        refuse_reserved(upload.name)
        with self.database.read() as session:
            repository_to_publish(session, actor, upload.repository, upload.name)

    def _publish_read(
        self, actor: Actor, upload: Upload, incoming: Incoming, contents: ArchiveContents, manifest: Manifest
    ) -> Publication:
        version = _version_of(upload, manifest)
        default_branch = (upload.default_branch or manifest.default_branch) and is_dev(normalise(version))
        with self.database.read() as session:
            found = _already_there(session, upload, version, contents.content_digest)
        if found is not None and _says_it_all(found, default_branch=default_branch):
            return found
        with ExitStack() as stack:
            if found is not None:
                stored = _stored(found.archive)
            else:
                kept = incoming if contents.format == "zip" else self._repacked(stack, incoming, contents)
                stored = _store(kept, contents)
            submission = Submission(
                version=version,
                manifest=manifest,
                archive=stored,
                released_at=manifest.time or clock.now().replace(microsecond=0),
                readme=contents.readme,
                default_branch=default_branch,
            )
            return self._write(actor, upload, submission)

    def _repacked(self, stack: ExitStack, incoming: Incoming, contents: ArchiveContents) -> Incoming:
        """The same files as a zip: the only kind whose truncation Composer notices."""
        target = stack.enter_context(self.storage.receive())
        pack_zip(incoming.path, target, self.limits)
        return target

    def _write(self, actor: Actor, upload: Upload, submission: Submission) -> Publication:
        key = archive_key(submission.archive.sha256)
        with self.database.write() as session:
            # A purge of another version with these bytes removes the file under the same hold.
            hold(session, key)
            if not self.storage.exists(key):
                raise Unavailable("The same archive is being purged at this moment; upload it again.")
            repository = repository_to_publish(session, actor, upload.repository, upload.name)
            address = Address(self.public_url, repository.path)
            return publish_version(session, actor, repository, submission, address)


def refuse_reserved(name: str) -> None:
    """Refuses a package whose vendor is an address of the server."""
    vendor = vendor_of(name)
    if vendor in RESERVED_VENDORS:
        raise InvalidName(f"The vendor {vendor} is an address of this server; choose another vendor.", field="name")


def _version_of(upload: Upload, manifest: Manifest) -> str:
    """The version's spelling: the field, else composer.json's; both when they mean the same. Name and version agree."""
    if manifest.name != upload.name:
        raise InvalidManifest(
            f"composer.json says {manifest.name}, the address says {upload.name}; upload it under its own name.",
            field="name",
        )
    version = (upload.version or manifest.version or "").strip(WHITESPACE)
    if not version:
        raise InvalidVersion(
            'This archive has no version: send the field "version", or add "version" to composer.json.', field="version"
        )
    _refuse_unfit(version)
    if manifest.version and normalise(version) != normalise(manifest.version):
        raise InvalidVersion(
            f"The field says version {version}, composer.json says {manifest.version}; make them agree.",
            field="version",
        )
    return version


def _refuse_unfit(version: str) -> None:
    """What Composer reads as a version and nobody should publish under."""
    if any(unicodedata.category(character) in _UNREADABLE for character in version):
        raise InvalidVersion(f"The version {version!r} holds a control character; send it without.", field="version")
    bare = without_decoration(version)
    if bare != version:
        raise InvalidVersion(
            f"{version!r} asks for a version rather than naming one: publish it as {bare!r}.", field="version"
        )


def _already_there(session: ReadSession, upload: Upload, version: str, content_digest: str) -> Publication | None:
    """The version, live or deleted, with an archive of these very files: spares storing a file that no row would name.

    Refuses, as publishing would, other files for a stable version and a version that equals another one.
    """
    normalised = normalise(version)
    package = session.execute(
        select(Package)
        .join(Repository, Repository.id == Package.repository_id)
        .where(Repository.path == upload.repository, Repository.deleted_at.is_(None), Package.name == upload.name)
    ).scalar_one_or_none()
    if package is None:
        return None
    refuse_equal(session, package, numbers_of(session, package).equal_to(normalised))
    found = session.execute(
        select(Version).where(Version.package_id == package.id, Version.normalised == normalised)
    ).scalar_one_or_none()
    if found is None:
        return None
    archive = same_files(session, found, content_digest)
    if archive is None and not found.is_dev:
        raise conflict(upload.name, found, session.get_one(Archive, found.archive_id))
    return None if archive is None else Publication(package, found, archive, Outcome.UNCHANGED, ())


def _says_it_all(found: Publication, *, default_branch: bool) -> bool:
    """Whether nothing is left to be written."""
    version = found.version
    served = version.deleted_at is None and version.archive_id == found.archive.id
    return served and (version.default_branch or not default_branch)


def _stored(archive: Archive) -> StoredArchive:
    return StoredArchive(
        reference=archive.reference,
        sha1=archive.sha1,
        sha256=archive.sha256,
        size_bytes=archive.size_bytes,
        content_digest=archive.content_digest,
    )


def _store(kept: Incoming, contents: ArchiveContents) -> StoredArchive:
    digests = digest_file(kept.path)
    kept.keep(archive_key(digests.sha256))
    return StoredArchive(
        # The digest of the very bytes: an upload has no commit to name.
        reference=digests.sha256,
        sha1=digests.sha1,
        sha256=digests.sha256,
        size_bytes=digests.size_bytes,
        content_digest=contents.content_digest,
    )
