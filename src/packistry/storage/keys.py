"""The keys of stored files: the only place where the path of one is spelled."""

import re
from typing import NewType

# Where a file lies below the root of a storage, with slashes, on every kind of storage.
BlobKey = NewType("BlobKey", str)

# Files that are being written; no key lies here.
INCOMING = "incoming"

_SHA256 = re.compile(r"[0-9a-f]{64}")
_ARCHIVE = re.compile(r"archives/([0-9a-f]{2})/([0-9a-f]{2})/(\1\2[0-9a-f]{60})\.zip")


def archive_key(sha256: str) -> BlobKey:
    """Of the archive with these bytes. Two levels of folders keep each below a few thousand files at 100 million."""
    # Stops a digest that never was one ("../../etc/passwd") before it becomes a path. Not a refusal: no door takes
    # a key from outside, so this is a bug of ours.
    if not _SHA256.fullmatch(sha256):
        raise ValueError("an archive's key is made from 64 lower-case hex digits")
    return BlobKey(f"archives/{sha256[:2]}/{sha256[2:4]}/{sha256}.zip")


def digest_of(key: BlobKey) -> str:
    """The sha256 that an archive's key was made from."""
    found = _ARCHIVE.fullmatch(key)
    assert found is not None, "there are keys of archives only"
    return found[3]


def parse_key(path: str) -> BlobKey | None:
    """The key that a path below the root is; None for files that are not ours."""
    return BlobKey(path) if _ARCHIVE.fullmatch(path) else None


def checked(key: BlobKey) -> str:
    """The key as the path it is, once more held against its pattern: a storage never goes where a key cannot be."""
    if parse_key(key) is None:
        raise ValueError("not a key of a stored file")
    return key
