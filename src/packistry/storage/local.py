"""Files in a local folder, written so that neither `kill -9` nor a power cut leaves half of one.

A file is written under a name of its own in `incoming`, because its key, the digest, is known only at the end; the
folder lies on the same file system, so that a hard link gives the whole file its final name in one step. The order is
the promise: bytes to disk, then the link, then the folder to disk, then the temporary name goes. Files are 0640 and
folders 0750 less the umask: a front server in our group may read them.
"""

import fcntl
import filecmp
import os
import secrets
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from packistry.errors import refusing_full_disk
from packistry.storage.base import BlobDamaged, missing
from packistry.storage.keys import INCOMING, BlobKey, checked, parse_key

_FILE_MODE = 0o640
_FOLDER_MODE = 0o750


class _IncomingFile:
    """One temporary file, locked while it lives."""

    def __init__(self, storage: "LocalStorage") -> None:
        self._storage = storage
        self.path, self._descriptor = _open_locked(storage.incoming)

    def write(self, data: bytes, /) -> int:
        left = memoryview(data)
        with refusing_full_disk():
            # The system may take a part: on the last bytes of a disk it does, and refuses with the next call.
            while left:
                left = left[os.write(self._descriptor, left) :]
        return len(data)

    def keep(self, key: BlobKey) -> None:
        final = self._storage.root / checked(key)
        with refusing_full_disk():
            os.fsync(self._descriptor)
            _make_folders(final.parent)
            self._link(final, key)
            # Every folder on the way, for a file in a lost folder is lost; and whoever made them, for another process
            # may not have come to this line before the power goes. Nothing to write costs microseconds.
            below = final.parent.relative_to(self._storage.root)
            for folder in (below, *below.parents):
                _fsync_folder(self._storage.root / folder)

    def _link(self, final: Path, key: BlobKey) -> None:
        linked = False
        while not linked:
            try:
                # Never replaces what is there, as a rename would.
                final.hardlink_to(self.path)
                linked = True
            except FileExistsError:
                linked = self._kept_once_more(final, key)

    def _kept_once_more(self, final: Path, key: BlobKey) -> bool:
        """Whether the file that was there still is: a purge may take it away meanwhile."""
        try:
            if not filecmp.cmp(self.path, final, shallow=False):
                raise BlobDamaged(key)
            # It was kept just now: a cleaner must give it the same time as a new file.
            os.utime(final)
        except FileNotFoundError:
            return False
        return True

    def close(self) -> None:
        """The temporary name goes first: with the lock gone, a sweep would count it as left behind."""
        self.path.unlink(missing_ok=True)
        os.close(self._descriptor)


class LocalStorage:
    """The BlobStorage below `root`, which is made when it is missing."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.incoming = root / INCOMING
        _make_folders(self.incoming)
        _fsync_folder(root.parent)

    @contextmanager
    def receive(self) -> Generator[_IncomingFile]:
        with refusing_full_disk():
            incoming = _IncomingFile(self)
        try:
            yield incoming
        finally:
            incoming.close()

    def open(self, key: BlobKey) -> BinaryIO:
        try:
            return self.local_path(key).open("rb")
        except FileNotFoundError as error:
            raise missing(key) from error

    def size(self, key: BlobKey) -> int:
        return self._stat(key).st_size

    def exists(self, key: BlobKey) -> bool:
        return self.local_path(key).exists()

    def kept_at(self, key: BlobKey) -> datetime:
        return datetime.fromtimestamp(self._stat(key).st_mtime, UTC)

    def delete(self, key: BlobKey) -> None:
        # Empty folders stay: removing one would race with a file that is being linked into it.
        self.local_path(key).unlink(missing_ok=True)

    def local_path(self, key: BlobKey) -> Path:
        return self.root / checked(key)

    def keys(self) -> Iterator[BlobKey]:
        for folder, _, names in os.walk(self.root):
            for name in names:
                key = parse_key(Path(folder, name).relative_to(self.root).as_posix())
                if key:
                    yield key

    def sweep(self) -> int:
        return sum(_sweep_one(path) for path in self.incoming.iterdir() if path.is_file())

    def _stat(self, key: BlobKey) -> os.stat_result:
        try:
            return self.local_path(key).stat()
        except FileNotFoundError as error:
            raise missing(key) from error


def _open_locked(folder: Path) -> tuple[Path, int]:
    """A new file that no sweep takes away: it is locked as long as the descriptor is open, in every process."""
    while True:
        path = folder / secrets.token_hex(16)
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, _FILE_MODE)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # A sweep may have come between the two lines above, locked the file and deleted it.
        if os.fstat(descriptor).st_nlink:
            return path, descriptor
        os.close(descriptor)


def _sweep_one(path: Path) -> bool:
    """Deletes a file whose writer is dead: its lock is free then, however long the writing took."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        # Finished meanwhile, or written by a command that ran as another user, whose own sweep takes it.
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    except (BlockingIOError, FileNotFoundError):
        return False
    finally:
        os.close(descriptor)
    return True


def _make_folders(folder: Path) -> None:
    """The folder and those above it, all with our mode, which `mkdir(parents=True)` gives only to the last."""
    if not folder.is_dir():
        _make_folders(folder.parent)
        folder.mkdir(mode=_FOLDER_MODE, exist_ok=True)


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
