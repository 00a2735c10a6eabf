"""One package out of the archive of a project: its folder alone, under one top folder, without what it excludes."""

import gzip
import os
import subprocess
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from packistry.archives.limits import Limits
from packistry.archives.packer import open_project
from packistry.archives.reader import ArchiveContents, read_archive
from packistry.archives.selection import Selection
from packistry.errors import ArchiveTooLarge, InvalidArchive, InvalidManifest, Refusal
from tests.archives.hostile import Member, pax, tar_file, tar_header, tar_link, zip_of
from tests.tools import program

MANIFEST = b'{"name": "acme/core"}'
# A project with two packages, as a code host packs it: one folder around everything.
PROJECT: dict[str, bytes] = {
    "composer.json": b'{"name": "acme/monorepo"}',
    "README.md": b"# Everything",
    "packages/core/composer.json": MANIFEST,
    "packages/core/README.md": b"# Core",
    "packages/core/src/A.php": b"<?php " * 1000,
    "packages/core/tests/ATest.php": b"<?php",
    "packages/core-extra/composer.json": b'{"name": "acme/core-extra"}',
}
CORE = ["core/README.md", "core/composer.json", "core/src/A.php", "core/tests/ATest.php"]


def as_zip(files: Mapping[str, bytes], top: str = "acme-monorepo-1a2b/") -> bytes:
    return zip_of(*(Member(f"{top}{path}".encode(), data) for path, data in files.items()))


def as_tar(files: Mapping[str, bytes], top: str = "acme-monorepo-1a2b/") -> bytes:
    # git writes the commit in front, and an entry for every folder.
    start = pax((b"comment", b"1a2b"), kind=b"g") + (tar_header(top.encode(), kind=b"5") if top else b"")
    return start + b"".join(tar_file(f"{top}{path}".encode(), data) for path, data in files.items()) + bytes(1024)


def packed(
    data: bytes,
    tmp_path: Path,
    folder: str = "",
    excludes: Iterable[object] = (),
    limits: Limits | None = None,
    *,
    top_folder: str = "core",
) -> ArchiveContents:
    """What is said of the zip that is written to a.zip."""
    (tmp_path / "project").write_bytes(data)
    selection = Selection(top_folder=top_folder, excludes=tuple(excludes))
    with open_project(tmp_path / "project", limits or Limits(), folder) as project:
        assert project
        with (tmp_path / "a.zip").open("wb") as target:
            return project.pack(target, selection)


def names(tmp_path: Path) -> list[str]:
    with zipfile.ZipFile(tmp_path / "a.zip") as zip_file:
        assert zip_file.testzip() is None
        return zip_file.namelist()


@pytest.mark.parametrize(
    "data",
    [
        as_zip(PROJECT),
        as_zip(PROJECT, top=""),
        as_tar(PROJECT),
        as_tar(PROJECT, top=""),
        gzip.compress(as_tar(PROJECT)),
    ],
    ids=["zip", "zip without top folder", "tar", "tar without top folder", "tar.gz"],
)
def test_folder_becomes_a_package_of_its_own(data: bytes, tmp_path: Path) -> None:
    contents = packed(data, tmp_path, "packages/core")

    assert names(tmp_path) == CORE
    assert (contents.composer_json, contents.readme) == (MANIFEST, ("README.md", b"# Core"))


@pytest.mark.parametrize("data", [as_zip(PROJECT), as_tar(PROJECT)], ids=["zip", "tar"])
@pytest.mark.parametrize("folder", ["", "packages/core"])
def test_contents_are_those_of_the_zip_that_was_written(data: bytes, folder: str, tmp_path: Path) -> None:
    contents = packed(data, tmp_path, folder, ["/tests"])

    assert contents == read_archive(tmp_path / "a.zip", Limits())


def test_same_commit_gives_the_same_bytes_whatever_the_host_packed_it_with(tmp_path: Path) -> None:
    packed(as_tar(PROJECT), tmp_path, "packages/core")
    by_git = (tmp_path / "a.zip").read_bytes()

    packed(as_zip(dict(reversed(PROJECT.items())), top="monorepo/"), tmp_path, "packages/core")

    assert (tmp_path / "a.zip").read_bytes() == by_git


@pytest.mark.parametrize("top", ["acme-monorepo-1a2b/", ""])
def test_whole_project_gets_the_top_folder_that_is_wanted(top: str, tmp_path: Path) -> None:
    contents = packed(as_zip(PROJECT, top), tmp_path, top_folder="acme-monorepo-9f8e")

    assert contents.top_folder == "acme-monorepo-9f8e"
    assert sorted(names(tmp_path)) == sorted(f"acme-monorepo-9f8e/{path}" for path in PROJECT)


def test_package_called_like_the_folder_around_the_project_is_the_inner_one(tmp_path: Path) -> None:
    files = {"composer.json": b'{"name": "acme/outer"}', "core/composer.json": MANIFEST}

    assert packed(as_zip(files, top="core/"), tmp_path, "core").composer_json == MANIFEST
    assert packed(as_zip(files, top=""), tmp_path, "core").composer_json == MANIFEST


def test_project_without_composer_json_at_its_root_may_hold_packages(tmp_path: Path) -> None:
    files = {path: data for path, data in PROJECT.items() if path.startswith("packages/core/")}

    packed(as_zip(files), tmp_path, "packages/core")

    assert names(tmp_path) == CORE


def test_what_lies_outside_is_neither_packed_nor_checked(tmp_path: Path) -> None:
    files = PROJECT | {"packages/odd\\name": b"", "packages/ends in a dot.": b"", "packages/core/tests/a:": b""}

    packed(as_zip(files), tmp_path, "packages/core", ["/tests/a*"])

    assert names(tmp_path) == CORE


def test_links_and_modes_are_kept_and_hard_links_become_copies(tmp_path: Path) -> None:
    data = as_tar({"lib/composer.json": MANIFEST}, top="")[:-1024] + b"".join(
        [
            tar_file(b"lib/bin/run", b"#!/bin/sh", mode=0o755),
            tar_link(b"lib/again", b"lib/bin/run", kind=b"1"),
            tar_link(b"lib/link", b"bin/run"),
            bytes(1024),
        ]
    )

    packed(data, tmp_path, "lib")

    with zipfile.ZipFile(tmp_path / "a.zip") as zip_file:
        found = {info.filename: (info.external_attr >> 16, zip_file.read(info)) for info in zip_file.infolist()}
    assert found == {
        "core/again": (0o100755, b"#!/bin/sh"),
        "core/bin/run": (0o100755, b"#!/bin/sh"),
        "core/composer.json": (0o100644, MANIFEST),
        "core/link": (0o120777, b"bin/run"),
    }


def test_folders_without_files_are_left_out(tmp_path: Path) -> None:
    data = as_tar(PROJECT)[:-1024] + tar_header(b"acme-monorepo-1a2b/packages/core/sub/", kind=b"5") + bytes(1024)

    packed(data, tmp_path, "packages/core", ["/tests/*"])

    assert names(tmp_path) == ["core/README.md", "core/composer.json", "core/src/A.php"]


@pytest.mark.parametrize(
    ("data", "folder"),
    [
        (as_zip(PROJECT), "packages/none"),
        (as_zip(PROJECT), "packages"),
        (as_zip(PROJECT), "packages/cor"),
        (as_zip({"src/a": b""}), ""),
        (zip_of(), ""),
        (zip_of(Member(b"composer.json/a")), ""),
    ],
)
def test_a_project_without_a_composer_json_there_is_none(tmp_path: Path, data: bytes, folder: str) -> None:
    (tmp_path / "project").write_bytes(data)

    with open_project(tmp_path / "project", Limits(), folder) as project:
        assert project is None


@pytest.mark.parametrize(
    ("data", "folder", "refusal", "sentence"),
    [
        (b"<html>", "", InvalidArchive, "The file is a web page"),
        (
            as_zip({"p/composer.json": MANIFEST, "p/../../evil": b""}),
            "p",
            InvalidArchive,
            r'has "\.\.", "\." or nothing between two slashes',
        ),
        (
            zip_of(Member(b"t/p/composer.json", MANIFEST), Member(b"t/p/LICENSE", b"../LICENSE", mode=0o120777)),
            "p",
            InvalidArchive,
            r'The link "core/LICENSE" points out of the package',
        ),
        (
            zip_of(Member(b"t/p/composer.json", MANIFEST), Member(b"t/p/LICENSE", b"../../LICENSE", mode=0o120777)),
            "p",
            InvalidArchive,
            r'The link "core/LICENSE" points out of the package',
        ),
        (
            zip_of(Member(b"t/p/composer.json", b"../composer.json", mode=0o120777)),
            "p",
            InvalidArchive,
            "points out of the package",
        ),
        (
            zip_of(Member(b"t/p/composer.json", b"real.json", mode=0o120777), Member(b"t/p/real.json")),
            "p",
            InvalidArchive,
            "composer.json is a folder or a link",
        ),
        (
            tar_file(b"a") + tar_file(b"p/composer.json", MANIFEST) + tar_link(b"p/a", b"a", kind=b"1") + bytes(1024),
            "p",
            InvalidArchive,
            'The hard link "core/a" points at "a", which is no file before it',
        ),
        (as_tar(PROJECT)[:-1536], "packages/core", InvalidArchive, "The tar is cut off"),
    ],
)
def test_refusal(data: bytes, folder: str, refusal: type[Refusal], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(refusal, match=sentence):
        packed(data, tmp_path, folder)


OTHERS = {f"other/{number}.txt": b"" for number in range(20)}
LINKED = {"LICENSE": b"Do what you like.", "packages/core/composer.json": MANIFEST}


def test_limits_count_what_is_packed_and_not_what_lies_beside_it(tmp_path: Path) -> None:
    beside = {**PROJECT, **OTHERS, "other/large.bin": os.urandom(3000)}
    limits = Limits(entries=20, file_bytes=2000, unpacked_bytes=40_000)

    assert packed(as_tar(beside), tmp_path, "packages/core", limits=limits).entries < 20


def test_what_is_packed_is_refused_past_a_limit(tmp_path: Path) -> None:
    with pytest.raises(ArchiveTooLarge, match="more than the 5 files and folders"):
        packed(as_tar(PROJECT), tmp_path, "packages/core", limits=Limits(entries=5))
    with pytest.raises(ArchiveTooLarge, match="more than the 20 bytes allowed"):
        packed(as_tar(PROJECT), tmp_path, "packages/core", limits=Limits(file_bytes=20))


def test_a_project_has_limits_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(ArchiveTooLarge, match="more than the 16 files and folders"):
        packed(as_tar({**PROJECT, **OTHERS}), tmp_path, "packages/core", limits=Limits(entries=8))


@pytest.mark.parametrize("target", [b"../../LICENSE", b"./../../packages/../LICENSE"])
@pytest.mark.parametrize("is_link_first", [True, False])
def test_a_link_to_a_file_elsewhere_in_the_project_becomes_that_file(
    target: bytes, is_link_first: bool, tmp_path: Path
) -> None:
    link = tar_link(b"top/packages/core/LICENSE", target)
    files = b"".join(tar_file(f"top/{path}".encode(), data) for path, data in LINKED.items())

    packed((link + files if is_link_first else files + link) + bytes(1024), tmp_path, "packages/core")

    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.read("core/LICENSE") == LINKED["LICENSE"]
        assert archive.getinfo("core/LICENSE").external_attr >> 16 == 0o100644


@pytest.mark.parametrize(
    "target", [b"../../src", b"../../nowhere", b"../../../LICENSE", b"/LICENSE", b"../../large.bin", b"../../again"]
)
def test_a_link_to_anything_else_outside_is_refused(target: bytes, tmp_path: Path) -> None:
    files = {**LINKED, "src/a.php": b"", "large.bin": bytes(1024**2 + 1)}
    data = b"".join(tar_file(f"top/{path}".encode(), data) for path, data in files.items())
    links = tar_link(b"top/packages/core/LICENSE", target) + tar_link(b"top/again", b"LICENSE")

    with pytest.raises(InvalidArchive, match='The link "core/LICENSE" points'):
        packed(data + links + bytes(1024), tmp_path, "packages/core")


def test_a_whole_project_keeps_its_links(tmp_path: Path) -> None:
    data = as_tar({"composer.json": MANIFEST, "LICENSE": b"x"})[:-1024]

    packed(data + tar_link(b"acme-monorepo-1a2b/docs/LICENSE", b"../LICENSE") + bytes(1024), tmp_path)

    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.getinfo("core/docs/LICENSE").external_attr >> 16 == 0o120777


def test_excluded_files_are_left_out_and_composer_json_never(tmp_path: Path) -> None:
    packed(as_zip(PROJECT), tmp_path, "packages/core", ["*.json", "README.md", "/tests", "!/tests/ATest.php", 7])

    assert names(tmp_path) == ["core/composer.json", "core/src/A.php", "core/tests/ATest.php"]


def test_patterns_that_take_too_long_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidManifest, match="only 500 patterns of 255 bytes are read: write fewer"):
        packed(as_zip(PROJECT), tmp_path, "", ["a" * 256])


@pytest.mark.client
def test_git_archive_of_a_real_repository_becomes_a_package(tmp_path: Path) -> None:
    """With export-ignore, which git honours while it packs."""
    project = tmp_path / "monorepo"
    for path, data in (PROJECT | {".gitattributes": b"/packages/core/tests export-ignore\n"}).items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_bytes(data)
    _git(project, "init", "-q")
    _git(project, "add", ".")
    _git(project, "-c", "user.name=T", "-c", "user.email=t@example.org", "commit", "-q", "-m", "All")

    for words in [("--format=tar",), ("--format=zip", "--prefix=monorepo/"), ("--format=tar.gz", "--prefix=a/")]:
        packed(_git(project, "archive", *words, "HEAD"), tmp_path, "packages/core")

        assert names(tmp_path) == CORE[:3]


def _git(folder: Path, *words: str) -> bytes:
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
    }
    return subprocess.run([program("git"), *words], cwd=folder, check=True, capture_output=True, env=environment).stdout
