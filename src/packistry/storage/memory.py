"""Files in memory, for tests: the protocol of `base.py`, gone with the object."""

import io
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from packistry import clock
from packistry.storage.base import BlobDamaged, missing
from packistry.storage.keys import BlobKey, checked


class _IncomingMemory:
    """Written to a real temporary file all the same: an archive is read by its path."""

    def __init__(self, storage: "MemoryStorage", path: Path) -> None:
        self.path = path
        self._storage = storage

    def write(self, data: bytes, /) -> int:
        with self.path.open("ab") as file:
            return file.write(data)

    def keep(self, key: BlobKey) -> None:
        data = self.path.read_bytes()
        kept, _ = self._storage.files.setdefault(BlobKey(checked(key)), (data, clock.now()))
        if kept != data:
            raise BlobDamaged(key)
        self._storage.files[key] = (data, clock.now())


class MemoryStorage:
    """The BlobStorage that keeps (bytes, time) by key."""

    def __init__(self) -> None:
        self.files: dict[BlobKey, tuple[bytes, datetime]] = {}

    @contextmanager
    def receive(self) -> Generator[_IncomingMemory]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "incoming")
            path.touch()
            yield _IncomingMemory(self, path)

    def open(self, key: BlobKey) -> BinaryIO:
        return io.BytesIO(self._file(key)[0])

    def size(self, key: BlobKey) -> int:
        return len(self._file(key)[0])

    def exists(self, key: BlobKey) -> bool:
        return checked(key) in self.files

    def kept_at(self, key: BlobKey) -> datetime:
        return self._file(key)[1]

    def delete(self, key: BlobKey) -> None:
        self.files.pop(BlobKey(checked(key)), None)

    def local_path(self, key: BlobKey) -> None:
        checked(key)

    def keys(self) -> Iterator[BlobKey]:
        yield from list(self.files)

    def sweep(self) -> int:
        return 0

    def _file(self, key: BlobKey) -> tuple[bytes, datetime]:
        try:
            return self.files[BlobKey(checked(key))]
        except KeyError as error:
            raise missing(key) from error
