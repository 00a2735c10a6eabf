"""A tar becomes a zip: the same files, the same bytes every time, readable by everybody."""

import gzip
import io
import os
import stat
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from packistry.archives.limits import Limits
from packistry.archives.packer import pack_zip
from packistry.archives.reader import read_archive
from packistry.errors import ArchiveTooLarge, InvalidArchive
from tests.archives.hostile import tar_file, tar_header, tar_link, tar_of

PARTS = [
    tar_file(b"src/A.php", b"<?php " * 100_000),
    tar_file(b"bin/run", b"#!/bin/sh", mode=0o700),
    tar_header("é".encode(), kind=b"5"),
    tar_header(b"src/", kind=b"5"),
    tar_link(b"link", b"src/A.php"),
    tar_file(b"empty.txt"),
    tar_link(b"again", b"bin/run", kind=b"1"),
    tar_file(b"Tests/a"),
    tar_header(b"tests", kind=b"5"),
]
TAR = tar_of(*PARTS)


def packed(data: bytes, tmp_path: Path, limits: Limits | None = None) -> bytes:
    (tmp_path / "a.tar").write_bytes(data)
    target = io.BytesIO()
    pack_zip(tmp_path / "a.tar", target, limits or Limits())
    return target.getvalue()


def test_zip_holds_what_the_tar_held(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(packed(TAR, tmp_path))

    from_zip = read_archive(tmp_path / "a.zip", Limits())

    from_tar = read_archive(tmp_path / "a.tar", Limits())
    assert (from_zip.content_digest, from_zip.composer_json) == (from_tar.content_digest, from_tar.composer_json)
    assert (from_zip.top_folder, from_zip.unpacked_bytes) == (None, from_tar.unpacked_bytes)


def test_same_files_in_another_order_and_container_give_the_same_bytes(tmp_path: Path) -> None:
    # A hard link stands behind the file it repeats.
    reordered = tar_of(*PARTS[3:6], *PARTS[1:3], PARTS[0], *PARTS[6:])

    assert packed(gzip.compress(reordered), tmp_path) == packed(TAR, tmp_path)


def test_zip_has_sorted_names_fixed_dates_and_two_modes(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(packed(TAR, tmp_path))) as zip_file:
        infos = zip_file.infolist()

    assert [(info.filename, stat.filemode(info.external_attr >> 16)) for info in infos] == [
        ("Tests/a", "-rw-r--r--"),
        ("again", "-rwxr-xr-x"),
        ("bin/run", "-rwxr-xr-x"),
        ("composer.json", "-rw-r--r--"),
        ("empty.txt", "-rw-r--r--"),
        ("link", "lrwxrwxrwx"),
        ("src/A.php", "-rw-r--r--"),
        ("é/", "drwxr-xr-x"),
    ]
    assert {info.date_time for info in infos} == {(1980, 1, 1, 0, 0, 0)}


def test_python_finds_every_checksum_right(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(packed(TAR, tmp_path))) as zip_file:
        assert zip_file.testzip() is None


def test_top_folder_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(packed(tar_file(b"top/composer.json", b"{}") + bytes(1024), tmp_path))

    assert read_archive(tmp_path / "a.zip", Limits()).top_folder == "top"


def test_hostile_tar_is_refused_here_too(tmp_path: Path) -> None:
    with pytest.raises(InvalidArchive, match=r'has "\.\."'):
        packed(tar_of(tar_file(b"../a")), tmp_path)


def test_tar_that_would_be_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    # As a tar it is as large as it unpacks to, so nothing was wrong with it.
    with pytest.raises(ArchiveTooLarge, match="more than 100 times its size"):
        packed(tar_of(tar_file(b"a", bytes(60_000_000))), tmp_path)


def test_zip_larger_than_a_file_may_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveTooLarge, match="more than the 100 bytes allowed"):
        packed(TAR, tmp_path, Limits(file_bytes=100))


def test_more_entries_than_a_zip_can_count_are_refused(tmp_path: Path) -> None:
    tar = tar_of(*(tar_header(b"%d" % number, kind=b"5") for number in range(65_535)))

    with pytest.raises(ArchiveTooLarge, match="larger than a zip can be"):
        packed(tar, tmp_path, Limits(entries=100_000))


def test_large_tar_is_packed_in_little_memory(tmp_path: Path) -> None:
    noise = bytes(range(256)) * 200_000
    (tmp_path / "a.tar").write_bytes(tar_of(tar_file(b"a", noise)))
    tracemalloc.start()

    with (tmp_path / "a.zip").open("wb") as target:
        pack_zip(tmp_path / "a.tar", target, Limits(ratio=1000))

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3_000_000


# Packs a tar in a process that may not write files of more than 100,000 bytes, as on a full disk.
SMALL_DISK = """
import resource, sys
from pathlib import Path
from packistry.archives.limits import Limits
from packistry.archives.packer import pack_zip
from packistry.errors import StorageFull
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    with Path(sys.argv[2]).open("wb", buffering=0) as target:
        pack_zip(Path(sys.argv[1]), target, Limits())
except StorageFull as refusal:
    print(refusal.sentence)
"""


def test_full_disk_is_a_refusal_and_leaves_nothing_beside_the_tar(tmp_path: Path) -> None:
    noise = os.urandom(1_000_000)
    (tmp_path / "a.tar").write_bytes(tar_of(tar_file(b"a", noise)))

    done = subprocess.run(
        [sys.executable, "-c", SMALL_DISK, tmp_path / "a.tar", tmp_path / "a.zip"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.startswith("There is no room left on the server for this file")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar", "a.zip"]
