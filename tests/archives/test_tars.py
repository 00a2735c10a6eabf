"""Tars: every kind that people make is read, and what would cost memory or time without end is refused."""

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from packistry.archives.limits import Limits
from packistry.archives.reader import ArchiveContents, read_archive
from packistry.errors import ArchiveTooLarge, InvalidArchive
from tests.archives.hostile import (
    COMPOSER_JSON,
    padded,
    pax,
    tar_file,
    tar_header,
    tar_link,
    tar_of,
)

LONG = "/".join(["d" * 100] * 5) + "/file.txt"


def _read(data: bytes, tmp_path: Path, limits: Limits | None = None) -> ArchiveContents:
    (tmp_path / "a.tar").write_bytes(data)
    return read_archive(tmp_path / "a.tar", limits or Limits())


def _written_by_python(tar_format: int) -> bytes:
    """A tar of Python's tarfile with a long path, an accent, a link, a hard link, a folder and a mode."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tar_format) as tar:
        for name, kind, target, mode_bits in (
            ("composer.json", tarfile.REGTYPE, "", 0o644),
            ("bin/run", tarfile.REGTYPE, "", 0o755),
            ("é.txt", tarfile.REGTYPE, "", 0o600),
            ("link", tarfile.SYMTYPE, "bin/run", 0o777),
            ("again", tarfile.LNKTYPE, "bin/run", 0o755),
            ("empty", tarfile.DIRTYPE, "", 0o755),
            *([(LONG, tarfile.REGTYPE, "", 0o644)] if tar_format != tarfile.USTAR_FORMAT else []),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.mode = kind, target, mode_bits
            info.size = len(COMPOSER_JSON) if kind == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(COMPOSER_JSON))
    return buffer.getvalue()


PLAIN = _written_by_python(tarfile.PAX_FORMAT)
SAME = {
    "GNU": _written_by_python(tarfile.GNU_FORMAT),
    "gzip": gzip.compress(PLAIN),
    "gzip in two streams": gzip.compress(PLAIN[:700]) + gzip.compress(PLAIN[700:]),
    "gzip with zeros behind, as on a tape": gzip.compress(PLAIN) + b"\0" * 70_000,
    "bzip2": bz2.compress(PLAIN),
    "xz": lzma.compress(PLAIN),
    "xz -9": lzma.compress(PLAIN, preset=9),
    "an end mark of one block": padded(PLAIN.rstrip(b"\0")) + b"\0" * 512,
}


@pytest.mark.parametrize("data", SAME.values(), ids=SAME)
def test_container_and_compression_do_not_matter(data: bytes, tmp_path: Path) -> None:
    expected = _read(PLAIN, tmp_path)

    contents = _read(data, tmp_path)

    assert contents == expected
    assert (contents.format, contents.entries, contents.unpacked_bytes) == ("tar", 13, 5 * len(COMPOSER_JSON))


RIGHT = {
    "ustar with a prefix": tar_of(tar_header(b"name", prefix=b"some/folder")),
    "GNU, whose times stand in the place of the prefix": tar_of(
        tar_header(b"name", magic=b"ustar  \0", prefix=b"12345670123")
    ),
    "from before ustar, a folder by its slash": tar_of(tar_header(b"folder/", kind=b"\0", magic=b"\0" * 8)),
    "a contiguous file": tar_of(tar_file(b"a", b"a", kind=b"7")),
    "a size in binary": tar_of(tar_header(b"a", size=b"\x80".ljust(11, b"\0") + b"\x02") + padded(b"ab")),
    "a size with spaces": tar_of(tar_header(b"a", size=b"         2 \0") + padded(b"ab")),
    "an empty size": tar_of(tar_header(b"a", size=b" " * 12)),
    "everything below ./": tar_file(b"./", kind=b"5") + tar_file(b"./composer.json", COMPOSER_JSON) + b"\0" * 1024,
    "the packed folder itself without a slash": tar_of(tar_header(b".", kind=b"5")),
    "a global header as git writes it": pax((b"comment", b"f814e4776e91aa09"), kind=b"g") + tar_of(),
    "words of pax that do not matter": tar_of(
        pax((b"mtime", b"1.5"), (b"SCHILY.xattr.user.a", b"\xff")) + tar_file(b"a")
    ),
    "a size in pax": tar_of(pax((b"size", b"2")) + tar_header(b"a") + padded(b"ab")),
    "a link within": tar_of(tar_link(b"a", b"./composer.json")),
    "a long link of GNU": tar_of(tar_file(b"x", b"composer.json\0", kind=b"K") + tar_link(b"a", b"cut off")),
    "a long name of GNU": tar_of(tar_file(b"x", b"a/b\0", kind=b"L") + tar_file(b"cut off", b"a")),
}


@pytest.mark.parametrize("data", RIGHT.values(), ids=RIGHT)
def test_right_tar_is_read(data: bytes, tmp_path: Path) -> None:
    contents = _read(data, tmp_path)

    assert (contents.format, contents.composer_json) == ("tar", COMPOSER_JSON)


# name of the attack or accident: the tar, and words of the answer
WRONG: dict[str, tuple[bytes, str]] = {
    "cut off in a file": (tar_of(tar_file(b"a", b"a" * 999))[:1800], "is cut off"),
    "cut off between two files": (tar_of(tar_file(b"a"), end=b""), "is cut off"),
    "cut off gzip": (gzip.compress(PLAIN)[:-9], "is cut off"),
    "cut off bzip2": (bz2.compress(PLAIN)[:-9], "is cut off"),
    "cut off xz": (lzma.compress(PLAIN)[:-9], "is cut off"),
    "damaged gzip": (gzip.compress(PLAIN)[:12] + b"\xff" * 50, "archive is damaged"),
    "damaged bzip2": (bz2.compress(PLAIN)[:20] + b"\xff" * 50, "archive is damaged"),
    "damaged xz": (lzma.compress(PLAIN)[:20] + b"\xff" * 50, "archive is damaged"),
    "a wrong checksum of gzip": (gzip.compress(PLAIN)[:-8] + b"\0" * 8, "archive is damaged"),
    "words behind gzip": (gzip.compress(PLAIN) + b"more", "archive is damaged"),
    "xz that asks for a gigabyte": (
        lzma.compress(PLAIN, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30, "mf": lzma.MF_HC3}]),
        "more memory than xz -9",
    ),
    "a million empty streams": (bz2.compress(PLAIN) + bz2.compress(b"") * 70_000, "compressed streams"),
    "gzip of something else": (gzip.compress(b"hello" * 200), "is no tar"),
    "gzip of nothing": (gzip.compress(b""), "is cut off"),
    "a header with a wrong checksum": (tar_of(tar_header(b"a")[:-1] + b"\1"), "wrong checksum"),
    "a second tar behind the first": (tar_of() + tar_of(), "goes on behind its end mark"),
    "a second tar behind the first, far away": (tar_of() + b"\0" * 200_000 + tar_of(), "goes on behind its end mark"),
    "a negative size": (tar_of(tar_header(b"a", size=b"\xff" * 12)), "no readable number"),
    "a size in words": (tar_of(tar_header(b"a", size=b"-0000000001\0")), "no readable number"),
    "a mode in words": (tar_of(tar_header(b"a", mode=b"0x1ff\0\0\0")), "no readable number"),
    "a size larger than the tar": (tar_of(tar_header(b"a", size=0o77777777777)), "is cut off"),
    "a size in pax that is none": (tar_of(pax((b"size", b"-1")) + tar_file(b"a")), "no readable number"),
    "a size in pax of a thousand digits": (tar_of(pax((b"size", b"9" * 1000)) + tar_file(b"a")), "no readable number"),
    "bytes behind a link": (tar_of(tar_header(b"a", kind=b"2", target=b"b", size=1) + padded(b"x")), "has bytes"),
    "bytes behind a folder": (tar_of(tar_header(b"a", kind=b"5", size=1) + padded(b"x")), "has bytes"),
    "bytes behind a folder by its slash": (tar_of(tar_file(b"a/", b"x")), "has bytes"),
    "a character device": (tar_of(tar_header(b"a", kind=b"3")), "is a device"),
    "a block device": (tar_of(tar_header(b"a", kind=b"4")), "is a device"),
    "a pipe": (tar_of(tar_header(b"a", kind=b"6")), "is a device"),
    "a sparse file of GNU": (tar_of(tar_header(b"a", kind=b"S")), "a sparse file"),
    "a sparse file of pax": (tar_of(pax((b"GNU.sparse.major", b"1")) + tar_file(b"a")), "a sparse file"),
    "a kind nobody knows": (tar_of(tar_header(b"a", kind=b"Z")), "or unknown"),
    "an extended header of two megabytes": (tar_of(pax((b"comment", b"a" * 2_000_000)) + tar_file(b"a")), "too large"),
    "a long name of two megabytes": (tar_of(tar_file(b"x", b"a" * 2_000_000, kind=b"L")), "too large"),
    "many large extended headers": (
        tar_of(*[pax((b"comment", b"a" * 1_000_000)) + tar_file(b"%d" % i) for i in range(70)]),
        "too large",
    ),
    "a chain of long names": (tar_of(tar_file(b"x", b"a", kind=b"L") * 9), "too many extended headers"),
    "an extended header without a length": (tar_of(tar_file(b"x", b"path=a\n", kind=b"x")), "cannot be read"),
    "an extended record of no length": (tar_of(tar_file(b"x", b"0 path=a\n", kind=b"x")), "cannot be read"),
    "an extended record longer than its header": (tar_of(tar_file(b"x", b"99 path=a\n", kind=b"x")), "cannot be read"),
    "an extended record without an end": (tar_of(tar_file(b"x", b"9 path=ab", kind=b"x")), "cannot be read"),
    "an extended record that ends in its length": (tar_of(tar_file(b"x", b"2 \n", kind=b"x")), "cannot be read"),
    "a name for all files at once": (pax((b"path", b"a"), kind=b"g") + tar_of(), "names all of its files"),
    "a name of two kilobytes": (tar_of(pax((b"path", b"a" * 2000)) + tar_file(b"a")), "longer than 1,024"),
    "a name in Latin-1": (tar_of(tar_file(b"\xe9")), "is not UTF-8"),
    "no name": (tar_of(tar_file(b"")), "is empty"),
    "a hard link to nothing": (tar_of(tar_link(b"a", b"b", kind=b"1")), "is no file before it"),
    "a hard link out": (tar_of(tar_link(b"a", b"../../etc/passwd", kind=b"1")), "between two slashes"),
    "a hard link to the machine": (tar_of(tar_link(b"a", b"/etc/passwd", kind=b"1")), "is absolute"),
    "a hard link to a link": (
        tar_of(tar_link(b"a", b"composer.json"), tar_link(b"b", b"a", kind=b"1")),
        "is no file before it",
    ),
    "a hard link to a folder": (tar_of(tar_header(b"a", kind=b"5"), tar_link(b"b", b"a", kind=b"1")), "is no file"),
}


@pytest.mark.parametrize(("data", "words"), WRONG.values(), ids=WRONG)
def test_wrong_tar_is_refused_with_the_reason(data: bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArchive) as refusal:
        _read(data, tmp_path)

    assert words in refusal.value.sentence
    assert refusal.value.field == "archive"


def test_hard_link_is_the_same_file_again(tmp_path: Path) -> None:
    linked = tar_of(tar_file(b"a", b"text", mode=0o755), tar_link(b"b", b"./a", kind=b"1"))
    copied = tar_of(tar_file(b"a", b"text", mode=0o755), tar_file(b"b", b"text", mode=0o755))

    assert _read(linked, tmp_path) == _read(copied, tmp_path)


def test_hard_links_to_one_large_file_count_each_time(tmp_path: Path) -> None:
    links = [tar_link(b"%d" % number, b"a", kind=b"1") for number in range(10)]

    with pytest.raises(ArchiveTooLarge, match="unpacks to more than"):
        _read(tar_of(tar_file(b"a", b"a" * 1000), *links), tmp_path, Limits(unpacked_bytes=10_000))


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_bomb_is_stopped_while_it_is_unpacked(compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
    bomb = compress(tar_of(tar_file(b"a", b"\0" * 60_000_000)))

    with pytest.raises(ArchiveTooLarge, match="more than 100 times its size"):
        _read(bomb, tmp_path)


def test_bomb_of_zeros_behind_the_end_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(ArchiveTooLarge, match="more than 100 times its size"):
        _read(gzip.compress(tar_of(end=b"\0" * 60_000_000)), tmp_path)


def test_too_many_entries_are_counted_as_they_come(tmp_path: Path) -> None:
    files = [tar_file(b"%d" % number) for number in range(10)]

    with pytest.raises(ArchiveTooLarge, match="more than the 9 files and folders"):
        _read(tar_of(*files), tmp_path, Limits(entries=9))
