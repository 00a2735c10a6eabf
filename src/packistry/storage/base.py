"""What every storage of files does, and nothing of how. Object stores answer the same protocol.

Keys name content (`keys.py`): a key, once kept, always has the same bytes, so nothing is ever overwritten.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from packistry.errors import NotFound
from packistry.storage.keys import BlobKey


class BlobDamaged(Exception):
    """A fault: what is stored under a key is not what the key stands for. Restore the file from a backup."""

    def __init__(self, key: BlobKey) -> None:
        super().__init__(f"the stored file {key} differs from what its key names")


class Incoming(Protocol):
    """A file that is being received: nobody sees it until it is kept."""

    @property
    def path(self) -> Path:
        """A local file with all that was written so far, for reading it before it is kept."""
        ...

    def write(self, data: bytes, /) -> int:
        """Appends all of `data`. Refuses with StorageFull."""
        ...

    def keep(self, key: BlobKey) -> None:
        """Makes it the file of `key`, surviving a power cut once this returns. Kept already with the same bytes is
        success. Refuses with StorageFull; a fault, BlobDamaged, when other bytes are kept there. Called at most once.
        """
        ...


class BlobStorage(Protocol):
    """Files by key. Safe to use from many threads and processes at once."""

    def receive(self) -> AbstractContextManager[Incoming]:
        """A new file to write to; leaving the block without `keep` deletes it. Refuses with StorageFull."""
        ...

    def open(self, key: BlobKey) -> BinaryIO:
        """The bytes, from the first on; the caller closes it. Refuses with NotFound."""
        ...

    def size(self, key: BlobKey) -> int:
        """In bytes. Refuses with NotFound."""
        ...

    def exists(self, key: BlobKey) -> bool: ...

    def kept_at(self, key: BlobKey) -> datetime:
        """When `keep` last succeeded for the key, in UTC: a cleaner spares what is younger than its grace period,
        because the row that will name it may not be written yet. Refuses with NotFound.
        """
        ...

    def delete(self, key: BlobKey) -> None:
        """Afterwards it is gone; not there is success."""
        ...

    def local_path(self, key: BlobKey) -> Path | None:
        """Where a server may send it from by itself; None when this storage has no local files. Not looked up."""
        ...

    def keys(self) -> Iterator[BlobKey]:
        """Of everything kept, in no order; what comes or goes meanwhile may be missing."""
        ...

    def sweep(self) -> int:
        """Deletes what dead processes left behind, never a file somebody still writes; how many. Called at start."""
        ...


def missing(key: BlobKey) -> NotFound:
    """The refusal for a file that a row names and the storage does not have."""
    return NotFound(f"The stored file {key} is missing: an administrator can restore it from a backup.")
