"""What is found in an archive, in both formats: paths, links, the place of composer.json, digests, limits."""

import gzip
import io
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from packistry.archives.limits import Limits
from packistry.archives.reader import ArchiveContents, read_archive
from packistry.errors import ArchiveTooLarge, InvalidArchive
from tests.archives.hostile import (
    COMPOSER_JSON,
    DEFLATED,
    UNIX_EXECUTABLE,
    UNIX_FOLDER,
    UNIX_LINK,
    Member,
    tar_file,
    tar_header,
    tar_link,
    zip_of,
)

Built = tuple[str, str | bytes]
# In the tables below: "d" a folder, "l" a link and what it points at, "f" and "x" a file and its bytes.
Files = dict[str, Built]
Build = Callable[[Files], bytes]

COMPOSER: Built = ("f", COMPOSER_JSON)


def as_zip(files: Files) -> bytes:
    return zip_of(*(_zip_member(path.encode(), kind, _bytes(data)) for path, (kind, data) in files.items()))


def as_tar(files: Files) -> bytes:
    return b"".join(_tar_part(path.encode(), kind, _bytes(data)) for path, (kind, data) in files.items()) + bytes(1024)


def _zip_member(path: bytes, kind: str, data: bytes) -> Member:
    modes = {"d": UNIX_FOLDER, "l": UNIX_LINK, "x": UNIX_EXECUTABLE, "f": 0o100600}
    return Member(path + b"/" * (kind == "d"), data, mode=modes[kind])


def _tar_part(path: bytes, kind: str, data: bytes) -> bytes:
    if kind == "d":
        return tar_header(path, kind=b"5")
    return tar_link(path, data) if kind == "l" else tar_file(path, data, mode=0o711 if kind == "x" else 0o666)


def _bytes(data: str | bytes) -> bytes:
    return data.encode() if isinstance(data, str) else data


def read(data: bytes, tmp_path: Path, limits: Limits | None = None) -> ArchiveContents:
    (tmp_path / "archive").write_bytes(data)
    return read_archive(tmp_path / "archive", limits or Limits())


@pytest.fixture(params=[as_zip, as_tar])
def build(request: pytest.FixtureRequest) -> Build:
    """Both formats, one after the other."""
    return request.param


# name of the attack or accident: what stands beside composer.json, and words of the answer
HOSTILE: dict[str, tuple[Files, str]] = {
    "out of the folder": ({"../evil.php": ("f", "")}, 'has ".."'),
    "out of the folder, later": ({"a/../../evil.php": ("f", "")}, 'has ".."'),
    "absolute": ({"/etc/cron.d/evil": ("f", "")}, "is absolute"),
    "a drive": ({"C:evil.php": ("f", "")}, "is absolute"),
    "a way out on Windows": ({"..\\evil.php": ("f", "")}, "has a backslash"),
    "a terminal escape": ({"\x1b[2Jevil": ("f", "")}, "control character"),
    "a C1 control character": ({"a\x9bevil": ("f", "")}, "control character"),
    "a line end": ({"a\nb": ("f", "")}, "control character"),
    "two slashes": ({"a//b": ("f", "")}, "between two slashes"),
    "a dot between": ({"a/./b": ("f", "")}, "between two slashes"),
    "a hundred and one folders": ({"a/" * 100 + "b": ("f", "")}, "nested more than"),
    "a folder that PHP cuts off": ({"x./composer.json": ("f", "{}")}, "PHP and Windows cut off"),
    "another folder that PHP cuts off": ({"x:/composer.json": ("f", "{}")}, "is absolute"),
    "a longer folder that PHP cuts off": ({"xy:/composer.json": ("f", "{}")}, "PHP and Windows cut off"),
    "a dot that Windows cuts off": ({"composer.json.": ("f", "{}")}, "PHP and Windows cut off"),
    "a space that Windows cuts off": ({"composer.json ": ("f", "{}")}, "PHP and Windows cut off"),
    "a VMS version": ({"composer.json;1": ("f", "{}")}, "unzip cuts off"),
    "an empty VMS version": ({"composer.json;": ("f", "{}")}, "unzip cuts off"),
    "a file twice": ({"a": ("f", "1"), "A": ("f", "2")}, "one file on macOS and Windows"),
    "two accents": ({"\u00e9": ("f", "1"), "e\u0301": ("f", "2")}, "one file on macOS and Windows"),
    "composer.json twice": ({"Composer.json": ("f", "{}")}, "one file on macOS and Windows"),
    "a file in two folders of one name": ({"Src/a": ("f", ""), "src/A": ("f", "")}, "one file on macOS"),
    "a file below a file": ({"a": ("f", ""), "a/b": ("f", "")}, "which is no folder"),
    "a file below a link": ({"a": ("l", "/etc"), "a/passwd": ("f", "")}, "points at"),
    "a file below a link within": ({"s": ("d", ""), "a": ("l", "s"), "a/b": ("f", "")}, "which is no folder"),
    "a folder over a file": ({"a/b": ("f", ""), "a": ("f", "")}, "in the archive twice"),
    "a folder over a file on macOS": ({"A/b": ("f", ""), "a": ("f", "")}, "one file on macOS"),
    "a link to the machine": ({"a": ("l", "/etc/passwd")}, "is absolute"),
    "a link out": ({"a": ("l", "../b")}, "points out of the package"),
    "a link out from the depth": ({"a/b/c": ("l", "../../../d")}, "points out of the package"),
    "a link down and out": ({"a": ("l", "b/../../c")}, "goes up after it went down"),
    "a link to a drive": ({"a": ("l", "c:/b")}, "is absolute"),
    "a link with a backslash": ({"a": ("l", "..\\b")}, "has a backslash"),
    "a link to nothing": ({"a": ("l", "")}, "is empty"),
    "a link with a line end": ({"a": ("l", "b\n")}, "control character"),
}


@pytest.mark.parametrize(("files", "words"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_path_is_refused_with_the_reason(files: Files, words: str, build: Build, tmp_path: Path) -> None:
    with pytest.raises(InvalidArchive) as refusal:
        read(build({"composer.json": COMPOSER} | files), tmp_path)

    assert words in refusal.value.sentence
    assert refusal.value.field == "archive"
    assert refusal.value.sentence.isprintable()


HARMLESS: dict[str, Files] = {
    "a folder named twice and implied": {"a/b": ("f", ""), "a": ("d", "")},
    "one folder in two spellings": {"Tests/a": ("f", ""), "tests/b": ("f", "")},
    "a link within": {"a/b": ("l", "../c")},
    "a link to a folder above": {"a/b": ("l", "..")},
    "a link with detours": {"a/b": ("l", ".././/c/")},
    "a link to nothing that is there": {"a": ("l", "not/there")},
    "a link to itself": {"a": ("l", "a")},
    "a colon and a semicolon within": {"ab:c;d": ("f", "")},
    "dots": {".a.b": ("f", ""), "..a": ("f", ""), ".gitignore": ("f", "")},
    "Chinese": {"文件/说明.txt": ("f", "")},
}


@pytest.mark.parametrize("files", HARMLESS.values(), ids=HARMLESS)
def test_harmless_path_is_read_alike_in_both_formats(files: Files, tmp_path: Path) -> None:
    files = {"composer.json": COMPOSER} | files

    from_zip = read(as_zip(files), tmp_path)
    from_tar = read(as_tar(files), tmp_path)

    assert from_zip.content_digest == from_tar.content_digest
    assert (from_zip.entries, from_zip.unpacked_bytes) == (from_tar.entries, from_tar.unpacked_bytes)


def test_name_longer_than_a_file_system_takes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArchive, match="a name longer than 255 bytes"):
        read(as_zip({"composer.json": COMPOSER, "é" * 128: ("f", "")}), tmp_path)


def test_link_target_longer_than_a_path_is_refused(tmp_path: Path) -> None:
    long = tar_file(b"x", b"a" * 2000, kind=b"K") + tar_link(b"a", b"")

    with pytest.raises(InvalidArchive, match="longer than 1,024 bytes"):
        read(long + as_tar({"composer.json": COMPOSER}), tmp_path)


MISPLACED: dict[str, tuple[Files, str]] = {
    "nothing at all": ({}, "is empty"),
    "no composer.json": ({"a": ("f", ""), "b/c": ("f", "")}, "There is no composer.json"),
    "no composer.json in the folder": ({"top/a": ("f", "")}, "There is no composer.json"),
    "in a deeper folder": ({"a/b/composer.json": COMPOSER}, 'stands at "a/b/composer.json"'),
    "the least deep is named": (
        {"a/b/c/composer.json": COMPOSER, "a/d/composer.json": COMPOSER},
        'stands at "a/d/composer.json"',
    ),
    "in capitals": ({"Composer.JSON": COMPOSER}, 'rename "Composer.JSON"'),
    "in capitals in the folder": ({"top/Composer.json": COMPOSER}, 'rename "top/Composer.json"'),
    "two packages": ({"a/composer.json": COMPOSER, "b/composer.json": COMPOSER}, "more than one package"),
    "two folders of one name": ({"Top/composer.json": COMPOSER, "top/a": ("f", "")}, '"top" stands beside'),
    "a file beside the folder": ({"top/composer.json": COMPOSER, "README.md": ("f", "")}, '"README.md" stands beside'),
    "a folder beside the folder": ({"top/composer.json": COMPOSER, "x": ("d", "")}, '"x" stands beside'),
    "what macOS adds": (
        {"top/composer.json": COMPOSER, "__MACOSX/top/._composer.json": ("f", "")},
        "zip -d PACKAGE.zip '__MACOSX/*'",
    ),
    "what the Finder adds": ({"top/composer.json": COMPOSER, ".DS_Store": ("f", "")}, "'.DS_Store'"),
    "a link": ({"composer.json": ("l", "other.json"), "other.json": COMPOSER}, "a folder or a link"),
    "a folder": ({"composer.json": ("d", "")}, "a folder or a link"),
    "a link in the folder": ({"top/composer.json": ("l", "other.json")}, "a folder or a link"),
    "a folder in the folder": ({"top/composer.json/composer.json": COMPOSER}, "a folder or a link"),
}


@pytest.mark.parametrize(("files", "words"), MISPLACED.values(), ids=MISPLACED)
def test_missing_composer_json_is_refused_with_its_right_place(
    files: Files, words: str, build: Build, tmp_path: Path
) -> None:
    # A tar that starts with its end mark is empty before it is a tar.
    data = build(files) if files or build is as_zip else gzip.compress(build(files))

    with pytest.raises(InvalidArchive) as refusal:
        read(data, tmp_path)

    assert words in refusal.value.sentence
    assert refusal.value.field == "file"


def test_composer_json_that_is_a_hard_link_is_refused(tmp_path: Path) -> None:
    linked = tar_file(b"other.json", COMPOSER_JSON) + tar_link(b"composer.json", b"other.json", kind=b"1")

    with pytest.raises(InvalidArchive, match="make it a plain file"):
        read(linked + bytes(1024), tmp_path)


def test_link_out_of_the_top_folder_is_refused(build: Build, tmp_path: Path) -> None:
    files: Files = {"top/composer.json": COMPOSER, "top/a": ("l", "../b"), "top/c": ("l", "../d")}

    with pytest.raises(InvalidArchive, match='The link "top/a" points out of the package'):
        read(build(files), tmp_path)


FOUND: dict[str, tuple[Files, str | None]] = {
    "at the root": ({"composer.json": COMPOSER}, None),
    "at the root, last": ({"a/b": ("f", ""), "composer.json": COMPOSER}, None),
    "in the one folder": ({"top": ("d", ""), "top/composer.json": COMPOSER}, "top"),
    "in the one folder, last": ({"top/src/a": ("f", ""), "top/composer.json": COMPOSER}, "top"),
    "at the root, others deeper": (
        {"a/composer.json": ("f", "1"), "b/composer.json": ("f", "2"), "composer.json": COMPOSER},
        None,
    ),
    "at the root beside __MACOSX": ({"__MACOSX/._a": ("f", ""), "composer.json": COMPOSER}, None),
    "in the one folder, others deeper": ({"top/a/composer.json": ("f", "1"), "top/composer.json": COMPOSER}, "top"),
}


@pytest.mark.parametrize(("files", "top_folder"), FOUND.values(), ids=FOUND)
def test_composer_json_is_found_wherever_it_stands_in_the_order(
    files: Files, top_folder: str | None, build: Build, tmp_path: Path
) -> None:
    contents = read(build(files), tmp_path)

    assert (contents.composer_json, contents.top_folder) == (COMPOSER_JSON, top_folder)


BASE: Files = {
    "composer.json": COMPOSER,
    "src/A.php": ("f", "<?php"),
    "bin/run": ("x", "#!/bin/sh"),
    "link": ("l", "src"),
    "empty": ("d", ""),
}
SAME: dict[str, Files] = {
    "another order": dict(reversed(BASE.items())),
    "folders named": {"src": ("d", ""), "bin": ("d", ""), **BASE},
    "a top folder": {f"acme-widgets-1a2b/{path}": built for path, built in BASE.items()},
    "another top folder": {f"x/{path}": built for path, built in BASE.items()},
}
OTHER: dict[str, Files] = {
    "other bytes": {**BASE, "src/A.php": ("f", "<?php ")},
    "another name": {**BASE, "src/B.php": ("f", "<?php")},
    "one file more": {**BASE, "src/B.php": ("f", "")},
    "an executable bit": {**BASE, "src/A.php": ("x", "<?php")},
    "another link target": {**BASE, "link": ("l", "bin")},
    "a file with the text of the link": {**BASE, "link": ("f", "src")},
    "no empty folder": {path: built for path, built in BASE.items() if path != "empty"},
    "a file in place of the folder": {**BASE, "empty": ("f", "")},
}


@pytest.mark.parametrize("files", SAME.values(), ids=SAME)
def test_content_digest_is_equal_for_the_same_files(files: Files, build: Build, tmp_path: Path) -> None:
    assert read(build(files), tmp_path).content_digest == read(as_zip(BASE), tmp_path).content_digest


@pytest.mark.parametrize("files", OTHER.values(), ids=OTHER)
def test_content_digest_differs_for_other_files(files: Files, build: Build, tmp_path: Path) -> None:
    assert read(build(files), tmp_path).content_digest != read(as_zip(BASE), tmp_path).content_digest


def test_content_digest_does_not_depend_on_compression_and_dates(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zip_file:
        zip_file.writestr(zipfile.ZipInfo("composer.json", (2024, 2, 29, 1, 2, 4)), COMPOSER_JSON)

    deflated = read(buffer.getvalue(), tmp_path)

    assert deflated.content_digest == read(as_zip({"composer.json": COMPOSER}), tmp_path).content_digest


def test_content_digest_stays_what_it_was_when_the_first_release_was_published(tmp_path: Path) -> None:
    # Stored with every version: a change of the recipe would make every repeated upload a conflict.
    assert (
        read(as_zip(BASE), tmp_path).content_digest
        == "72930bc3c052e9986fbeb4c463c5f39d5af61c3ffafc11000c07edaf1930cc27"
    )


READMES: dict[str, tuple[Files, tuple[str, bytes] | None]] = {
    "none": ({}, None),
    "markdown before text": (
        {"README.txt": ("f", "t"), "ReadMe.MD": ("f", "m"), "README": ("f", "")},
        ("ReadMe.MD", b"m"),
    ),
    "the long ending": ({"readme.markdown": ("f", "m"), "README": ("f", "")}, ("readme.markdown", b"m")),
    "text": ({"readme.txt": ("f", "t")}, ("readme.txt", b"t")),
    "no ending": ({"README": ("f", "r")}, ("README", b"r")),
    "deeper ones do not count": ({"docs/README.md": ("f", "r")}, None),
    "links do not count": ({"README.md": ("l", "docs")}, None),
    "256 KiB": ({"README.md": ("f", "r" * 256 * 1024)}, ("README.md", b"r" * 256 * 1024)),
    "one byte more is too long to be shown": ({"README.md": ("f", "r" * 256 * 1024 + "r")}, None),
    "then the next is shown": ({"README.md": ("f", "r" * 300_000), "README": ("f", "r")}, ("README", b"r")),
}


@pytest.mark.parametrize(("files", "readme"), READMES.values(), ids=READMES)
def test_readme_beside_composer_json_is_found(
    files: Files, readme: tuple[str, bytes] | None, build: Build, tmp_path: Path
) -> None:
    files = {"composer.json": COMPOSER} | files

    at_root = read(build(files), tmp_path)
    in_top = read(build({f"top/{path}": built for path, built in files.items()}), tmp_path)

    assert (at_root.readme, in_top.readme) == (readme, readme)


STRANGERS = {
    "no byte": (b"", "The archive is empty"),
    "zeros, as an empty tar is": (bytes(10_240), "The archive is empty"),
    "a text": (b"hello", "no archive we know"),
    "a web page": (b"<!DOCTYPE html>", "a web page"),
    "a composer.json": (b"{}", "a JSON file"),
    "a rar": (b"Rar!\x1a\x07\x01\0", "a rar"),
    "a block of text": (b"hello" * 200, "no archive we know"),
}


@pytest.mark.parametrize(("data", "words"), STRANGERS.values(), ids=STRANGERS)
def test_what_is_no_archive_is_refused_by_its_kind(data: bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArchive, match=words):
        read(data, tmp_path)


def test_composer_json_of_one_mebibyte_is_read_and_one_byte_more_is_not(build: Build, tmp_path: Path) -> None:
    most = b" " * 1024 * 1024

    assert read(build({"composer.json": ("f", most)}), tmp_path).composer_json == most
    with pytest.raises(ArchiveTooLarge, match="larger than the 1 MiB allowed"):
        read(build({"composer.json": ("f", most + b" ")}), tmp_path)


def test_file_larger_than_allowed_is_refused_unread(tmp_path: Path) -> None:
    with pytest.raises(ArchiveTooLarge, match="is 5 bytes, more than the 4 bytes allowed") as refusal:
        read(b"hello", tmp_path, Limits(file_bytes=4))

    assert refusal.value.field == "file"


def test_implied_folders_count_as_entries(build: Build, tmp_path: Path) -> None:
    with pytest.raises(ArchiveTooLarge, match="more than the 5 files and folders"):
        read(build({"composer.json": COMPOSER, "a/b/c/d/e": ("f", "")}), tmp_path, Limits(entries=5))


def test_paths_that_would_fill_the_memory_are_refused(build: Build, tmp_path: Path) -> None:
    folder = "/".join(["a" * 100] * 9)
    files: Files = {f"{folder}/{number:09}": ("f", "") for number in range(9_200)}

    with pytest.raises(ArchiveTooLarge, match="paths in the archive are too long"):
        read(build({"composer.json": COMPOSER} | files), tmp_path)


def test_large_archive_is_read_in_little_memory(build: Build, tmp_path: Path) -> None:
    (tmp_path / "archive").write_bytes(build({"composer.json": COMPOSER, "large": ("f", bytes(50_000_000))}))
    tracemalloc.start()

    contents = read_archive(tmp_path / "archive", Limits())

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert contents.unpacked_bytes == 50_000_000 + len(COMPOSER_JSON)
    assert peak < 2_000_000


def test_deflated_data_is_read_in_little_memory(tmp_path: Path) -> None:
    zeros = zip_of(Member(b"composer.json", COMPOSER_JSON), Member(b"zeros", bytes(50_000_000), method=DEFLATED))
    (tmp_path / "archive").write_bytes(zeros)
    tracemalloc.start()

    contents = read_archive(tmp_path / "archive", Limits())

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert contents.unpacked_bytes == 50_000_000 + len(COMPOSER_JSON)
    assert peak < 2_000_000
