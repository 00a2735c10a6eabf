"""The archive of a commit as it is served: read under the limits, packed anew by us, and stored."""

import threading
from collections.abc import Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Final

from packistry.archives.digests import DigestingWriter, Digests
from packistry.archives.limits import Limits, spelled
from packistry.archives.packer import ProjectArchive, open_project
from packistry.archives.reader import SMALL_BYTES, ArchiveContents
from packistry.archives.selection import Selection
from packistry.errors import ArchiveTooLarge
from packistry.packages.publishing import StoredArchive
from packistry.storage.base import BlobStorage, Incoming
from packistry.storage.keys import archive_key

# Most of the work on a small archive is done under Python's own lock, for which eight threads fight: one after the
# other they import a third faster, and take a third less of the processor. Compressing a large one needs no lock.
_TURN: Final = threading.Lock()


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


@dataclass(frozen=True, slots=True)
class CommitArchive:
    """What a host sent for a commit, open to be looked into and packed."""

    storage: BlobStorage
    commit: str
    project: ProjectArchive

    @property
    def composer_json(self) -> bytes:
        """Of the package; one byte more than allowed where it is larger."""
        return self.project.composer_json

    def keep(self, selection: Selection) -> tuple[StoredArchive, ArchiveContents]:
        """Stores the package, and returns it with what is in it.

        Packed anew, so that the same files give the same bytes whatever the host does. Refuses with InvalidArchive and
        StorageFull.
        """
        with self.storage.receive() as packed:
            with _turn(self.project.archive.size_bytes):
                writer = DigestingWriter(packed.write)
                contents = self.project.pack(writer, selection)
            digests = writer.digests()
            packed.keep(archive_key(digests.sha256))
        return _stored(self.commit, digests, contents), contents


@contextmanager
def open_commit(
    storage: BlobStorage, downloaded: Incoming, commit: str, limits: Limits, folder: str
) -> Generator[CommitArchive | None]:
    """What a host sent for a commit, readable within the block; None when the project has no composer.json there."""
    with ExitStack() as stack:
        with _turn(downloaded.path.stat().st_size):
            project = stack.enter_context(open_project(downloaded.path, limits, folder))
        yield project and CommitArchive(storage, commit, project)


def _turn(size_bytes: int) -> AbstractContextManager[object]:
    """Waits until no other thread is at work on a small archive, and holds the turn for the block."""
    return _TURN if size_bytes <= SMALL_BYTES else nullcontext()


def _stored(commit: str, digests: Digests, contents: ArchiveContents) -> StoredArchive:
    return StoredArchive(
        reference=commit,
        sha1=digests.sha1,
        sha256=digests.sha256,
        size_bytes=digests.size_bytes,
        content_digest=contents.content_digest,
    )
