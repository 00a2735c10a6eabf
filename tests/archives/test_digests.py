"""The digests that Composer compares and that we store by."""

import hashlib
from pathlib import Path

from packistry.archives.digests import DigestingWriter, Digests, digest_file

EMPTY = Digests(
    sha1="da39a3ee5e6b4b0d3255bfef95601890afd80709",
    sha256="e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    size_bytes=0,
)


def test_empty_file_has_the_known_digests(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()

    assert digest_file(tmp_path / "empty") == EMPTY


def test_file_of_several_chunks_has_the_digests_of_the_whole(tmp_path: Path) -> None:
    data = bytes(range(256)) * 3000
    (tmp_path / "file").write_bytes(data)

    digests = digest_file(tmp_path / "file")

    assert digests == Digests(
        hashlib.sha1(data, usedforsecurity=False).hexdigest(), hashlib.sha256(data).hexdigest(), len(data)
    )


def test_writer_hands_on_what_it_digests() -> None:
    received: list[bytes] = []
    writer = DigestingWriter(received.append)

    lengths = [writer.write(b"hello"), writer.write(b" world")]

    assert (lengths, received) == ([5, 6], [b"hello", b" world"])
    assert writer.digests().sha1 == hashlib.sha1(b"hello world", usedforsecurity=False).hexdigest()
