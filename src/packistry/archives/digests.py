"""The digests of a file's bytes: SHA-1 because Composer checks it, SHA-256 because it is our key."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# Large enough that the loop costs nothing beside the hashing, small enough to forget.
CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Digests:
    """Of one file: lower-case hex, and its size."""

    sha1: str
    sha256: str
    size_bytes: int


class DigestingWriter:
    """Hands bytes on to `write` and hashes them on the way, so that an upload is read only once."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        # Composer compares SHA-1 as a checksum against damage; nothing here trusts it against an attacker.
        self._sha1 = hashlib.sha1(usedforsecurity=False)
        self._sha256 = hashlib.sha256()
        self._size_bytes = 0

    def write(self, data: bytes) -> int:
        """All of `data` is handed on; its length."""
        self._write(data)
        self._sha1.update(data)
        self._sha256.update(data)
        self._size_bytes += len(data)
        return len(data)

    def digests(self) -> Digests:
        """Of everything written so far."""
        return Digests(self._sha1.hexdigest(), self._sha256.hexdigest(), self._size_bytes)


def digest_file(path: Path) -> Digests:
    """Of a file on disk, read in chunks."""
    writer = DigestingWriter(len)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            writer.write(chunk)
    return writer.digests()
