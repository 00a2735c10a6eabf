"""The same files, packed by the programs that people use: one digest, and no program that reads them differently."""

import os
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from packistry.archives.limits import Limits
from packistry.archives.packer import pack_zip
from packistry.archives.reader import read_archive
from packistry.errors import InvalidArchive
from tests.archives.clients import disagreements, unpacked_by_php, unpacked_by_unzip
from tests.archives.hostile import Member, zip_of
from tests.archives.test_zips import rival
from tests.tools import program

# The same whatever packs it; of the plain tar and Python's tarfile `test_tars.py` knows more.
DIGEST = "21c05498"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder as a developer has it: an accent, an executable, links, deep folders, an empty file."""
    folder = tmp_path / "package"
    for path, text in {
        "composer.json": '{"name": "acme/widgets"}',
        "README.md": "# Widgets\n",
        "src/Deep/er/Größe.php": "<?php\n" * 1000,
        "src/empty.php": "",
        "bin/run": "#!/bin/sh\n",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    (folder / "bin" / "run").chmod(0o755)
    (folder / "link").symlink_to("src/Deep")
    (folder / "bin" / "up").symlink_to("../src/empty.php")
    return folder


def _run(*command: object, folder: Path) -> None:
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
    }
    subprocess.run([str(word) for word in command], cwd=folder, check=True, capture_output=True, env=environment)


def by_zip(package: Path, target: Path) -> None:
    _run(program("zip"), "-qry", target, ".", folder=package)


def by_zip_stored_from_above(package: Path, target: Path) -> None:
    _run(program("zip"), "-qry0X", target, package.name, folder=package.parent)


def by_git(package: Path, target: Path) -> None:
    git = (program("git"), "-c", "user.name=Ada", "-c", "user.email=ada@example.test")
    _run(*git, "init", "-q", folder=package)
    _run(*git, "add", "-A", folder=package)
    _run(*git, "commit", "-qm", "All", folder=package)
    _run(*git, "archive", "--prefix=acme-widgets-1a2b/", f"--output={target}", "HEAD", folder=package)


def by_python(package: Path, target: Path) -> None:
    """To a stream, so with data descriptors."""

    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as pipe, zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(package.rglob("*")):
            name = path.relative_to(package).as_posix()
            if path.is_symlink():
                info = zipfile.ZipInfo(name)
                info.external_attr = 0o120777 << 16
                archive.writestr(info, os.fspath(path.readlink()))
            else:
                archive.write(path, name)
    # A pipe takes 64 KiB without a reader; this zip is smaller.
    with os.fdopen(reading, "rb") as pipe:
        target.write_bytes(pipe.read())


def by_tar(package: Path, target: Path) -> None:
    _run(program("tar"), "-czf", target, ".", folder=package)


def by_tar_of_posix(package: Path, target: Path) -> None:
    _run(program("tar"), "--format=posix", "-cJf", target, package.name, folder=package.parent)


def by_tar_of_1988(package: Path, target: Path) -> None:
    _run(program("tar"), "--format=ustar", "-cjf", target, package.name, folder=package.parent)


def by_tar_of_1979(package: Path, target: Path) -> None:
    _run(program("tar"), "--format=v7", "-cf", target, package.name, folder=package.parent)


ZIPPERS = [by_zip, by_zip_stored_from_above, by_git, by_python]
TARRERS = [by_tar, by_tar_of_posix, by_tar_of_1988, by_tar_of_1979]


@pytest.mark.parametrize("pack", [*ZIPPERS, *TARRERS])
def test_content_digest_is_the_same_whoever_packs(
    pack: Callable[[Path, Path], None], package: Path, tmp_path: Path
) -> None:
    target = tmp_path / ("target.zip" if pack in ZIPPERS else "target")

    pack(package, target)

    contents = read_archive(target, Limits())
    assert contents.content_digest[:8] == DIGEST
    assert contents.readme == ("README.md", b"# Widgets\n")


@pytest.mark.parametrize("pack", ZIPPERS)
def test_zip_of_each_program_means_the_same_to_unzip_and_php(
    pack: Callable[[Path, Path], None], package: Path, tmp_path: Path
) -> None:
    pack(package, tmp_path / "target.zip")

    assert disagreements([tmp_path / "target.zip"], tmp_path) == []


@pytest.mark.parametrize("pack", TARRERS)
def test_zip_made_of_each_tar_means_the_same_to_unzip_and_php(
    pack: Callable[[Path, Path], None], package: Path, tmp_path: Path
) -> None:
    pack(package, tmp_path / "target.tar")

    with (tmp_path / "target.zip").open("wb") as target:
        pack_zip(tmp_path / "target.tar", target, Limits())

    assert read_archive(tmp_path / "target.zip", Limits()).content_digest[:8] == DIGEST
    assert disagreements([tmp_path / "target.zip"], tmp_path) == []


# Why `zips.py` is stricter than either program: each of these zips is two packages. When one of the programs changes
# its mind a row fails, and a rule may have become needless.
TWO_PACKAGES: dict[str, tuple[bytes, set[str], set[str]]] = {
    "an earlier end record": (rival("plain"), {"composer.json", "data.bin"}, {"evil.php"}),
    "an earlier zip64 end record": (rival("zip64"), {"composer.json", "data.bin"}, {"evil.php"}),
    "an earlier end of nothing": (rival("empty"), {"composer.json", "data.bin"}, set()),
    "a VMS version": (zip_of(Member(b"a;1", b"evil")), {"a"}, {"a;1"}),
    "a folder with a dot": (zip_of(Member(b"x./a", b"evil")), {"x.", "x./a"}, {"a"}),
    "an accent from DOS": (
        zip_of(Member("\xe4".encode(), flags=0x800, made_by=0)),
        {b"+\xf1".decode(errors="surrogateescape")},
        {"\xe4"},
    ),
}


@pytest.mark.parametrize(("data", "by_unzip", "by_php"), TWO_PACKAGES.values(), ids=TWO_PACKAGES)
def test_unzip_and_php_unpack_different_packages_from_one_zip(
    data: bytes, by_unzip: set[str], by_php: set[str], tmp_path: Path
) -> None:
    (tmp_path / "a.zip").write_bytes(data)

    unzip = unpacked_by_unzip(tmp_path / "a.zip", tmp_path / "unzip")
    php = unpacked_by_php([(tmp_path / "a.zip", tmp_path / "php")])[0]

    assert (set(unzip), set(php)) == (by_unzip, by_php)
    with pytest.raises(InvalidArchive):
        read_archive(tmp_path / "a.zip", Limits())
