"""The archive of a commit as it is served: read under the limits, packed anew by us, and stored."""

from packistry.archives.digests import digest_file
from packistry.archives.limits import Limits, spelled
from packistry.archives.packer import pack_package
from packistry.archives.reader import ArchiveContents
from packistry.archives.selection import Selection
from packistry.errors import ArchiveTooLarge
from packistry.packages.actions import StoredArchive
from packistry.storage.base import BlobStorage, Incoming
from packistry.storage.keys import archive_key


class Limited:
    """A file to be written to that refuses with ArchiveTooLarge what is more than the limit: a host's word for the size
    is not believed.
    """

    def __init__(self, incoming: Incoming, limit_bytes: int) -> None:
        self._incoming = incoming
        self._limit_bytes = limit_bytes
        self._written = 0

    def write(self, data: bytes, /) -> int:
        self._written += len(data)
        if self._written > self._limit_bytes:
            raise ArchiveTooLarge(
                f"It is larger than the {spelled(self._limit_bytes)} that PACKISTRY_MAX_UNPACKED_BYTES allows.",
                field="file",
            )
        return self._incoming.write(data)


def store_commit(
    storage: BlobStorage, downloaded: Incoming, commit: str, limits: Limits, selection: Selection
) -> tuple[StoredArchive, ArchiveContents]:
    """Keeps the package in what a host sent for a commit, and returns it with what is in it.

    Packed anew, so that the same files give the same bytes whatever the host does. Refuses with InvalidArchive and
    StorageFull.
    """
    with storage.receive() as packed:
        contents = pack_package(downloaded.path, packed, limits, selection)
        return _kept(packed, commit, contents.content_digest), contents


def _kept(incoming: Incoming, commit: str, content_digest: str) -> StoredArchive:
    digests = digest_file(incoming.path)
    incoming.keep(archive_key(digests.sha256))
    return StoredArchive(
        reference=commit,
        sha1=digests.sha1,
        sha256=digests.sha256,
        size_bytes=digests.size_bytes,
        content_digest=content_digest,
    )
