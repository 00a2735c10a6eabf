"""What is unpacked in vendor/: the very files that were sent, in whatever kind of archive, verified by the client."""

import hashlib
import io
import json
import os
import tarfile
import zipfile
from collections.abc import Callable
from functools import partial
from typing import Literal

import httpx2
import pytest

from packistry.storage.keys import archive_key
from tests.composer.registry import Projects, Shelf, asked
from tests.factories import package_zip, zip_of

SCRIPT = b"#!/bin/sh\necho ran\n"


def files_of(name: str) -> list[tuple[str, bytes, int]]:
    """Paths, contents and modes of a package with one file that is run and one that is read."""
    manifest = json.dumps({"name": name}).encode()
    return [("composer.json", manifest, 0o644), ("run.sh", SCRIPT, 0o755), ("read.me", b"read", 0o644)]


def zipped(name: str) -> bytes:
    """A zip as a Unix program writes one."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for path, content, mode in files_of(name):
            entry = zipfile.ZipInfo(f"top/{path}")
            entry.create_system = 3
            entry.external_attr = (0o100000 | mode) << 16
            archive.writestr(entry, content)
    return target.getvalue()


def tarred(name: str, mode: Literal["w", "w:gz", "w:bz2", "w:xz"]) -> bytes:
    """A tar with one top folder."""
    target = io.BytesIO()
    with tarfile.open(None, mode, target) as archive:
        for path, content, permissions in files_of(name):
            entry = tarfile.TarInfo(f"top/{path}")
            entry.size, entry.mode = len(content), permissions
            archive.addfile(entry, io.BytesIO(content))
    return target.getvalue()


ARCHIVES: dict[str, Callable[[str], bytes]] = {
    "zip": zipped,
    "tar": partial(tarred, mode="w"),
    "tar.gz": partial(tarred, mode="w:gz"),
    "tar.bz2": partial(tarred, mode="w:bz2"),
    "tar.xz": partial(tarred, mode="w:xz"),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_an_uploaded_archive_installs_with_its_modes(kind: str, shelf: Shelf, projects: Projects) -> None:
    status = shelf.upload(ARCHIVES[kind](shelf.name()), token=shelf.token(abilities="read write"))
    project = projects(shelf, token=shelf.token())

    project.run("require", shelf.name())

    installed = project.installed(shelf.name())
    assert status == 201
    assert project.locked[shelf.name()]["dist"]["type"] == "zip"
    assert sorted(path.name for path in installed.iterdir()) == ["composer.json", "read.me", "run.sh"]
    assert (installed / "run.sh").read_bytes() == SCRIPT
    assert os.access(installed / "run.sh", os.X_OK)
    assert not (installed / "read.me").stat().st_mode & 0o111


@pytest.mark.parametrize("top", ["", "acme-lib-1a2b3c"])
def test_an_archive_installs_with_and_without_a_top_folder(top: str, shelf: Shelf, projects: Projects) -> None:
    manifest = json.dumps({"name": shelf.name(), "autoload": {"psr-4": {"Acme\\": "src/"}}})
    archive = zip_of({"composer.json": manifest, "src/Lib.php": "<?php"}, top=top)
    shelf.publish(archive=archive)
    project = projects(shelf, token=shelf.token())

    project.run("require", shelf.name())

    assert (project.installed(shelf.name()) / "src/Lib.php").is_file()


def test_a_version_in_composer_json_is_enough(shelf: Shelf, projects: Projects) -> None:
    archive = package_zip(shelf.name(), version="v3.2.1")
    status = shelf.upload(archive, version=None, token=shelf.token(abilities="read write"))
    project = projects(shelf, token=shelf.token(), require={shelf.name(): "^3.2"})

    project.run("update")

    assert status == 201
    assert project.locked[shelf.name()]["version"] == "v3.2.1"


def test_the_lock_holds_the_digest_of_the_very_bytes(shelf: Shelf, projects: Projects) -> None:
    archive = zipped(shelf.name())
    shelf.publish(archive=archive)
    token = shelf.token()
    project = projects(shelf, token=token, require={shelf.name(): "*"})

    project.run("update")

    dist = project.locked[shelf.name()]["dist"]
    answer = httpx2.get(dist["url"], headers={"Authorization": f"Bearer {token}"})
    assert answer.content == archive
    assert dist["shasum"] == hashlib.sha1(archive).hexdigest()  # noqa: S324 the digest that clients know
    assert dist["reference"] in dist["url"]


def test_a_file_that_was_changed_on_the_disk_is_not_installed(shelf: Shelf, projects: Projects) -> None:
    published = shelf.publish(files={"lib.php": "<?php // good"})
    project = projects(shelf, token=shelf.token(), require={shelf.name(): "*"})
    path = shelf.house.storage.local_path(archive_key(published.archive.sha256))
    assert path is not None
    path.chmod(0o600)
    path.write_bytes(package_zip(shelf.name(), files={"lib.php": "<?php // bad"}))

    result = project.run("update", check=False)

    assert result.code != 0
    assert not (project.folder / "vendor" / shelf.name()).exists()


def test_a_deleted_version_is_gone_but_locks_install_it(any_shelf: Shelf, projects: Projects) -> None:
    any_shelf.publish(version="1.0.0")
    any_shelf.publish(version="1.1.0", files={"VERSION": "1.1.0"})
    project = projects(any_shelf, token=any_shelf.token(), require={any_shelf.name(): "^1.0"})
    project.run("update")
    any_shelf.delete("lib", "1.1.0")
    colleague = projects.of_colleague(project)

    colleague.run("install")
    installed = (colleague.installed(any_shelf.name()) / "VERSION").read_text()
    project.run("update")

    assert installed == "1.1.0"
    assert project.locked[any_shelf.name()]["version"] == "1.0.0"


def test_every_request_for_an_archive_names_its_content(shelf: Shelf, projects: Projects) -> None:
    shelf.publish(version="dev-main", files={"STATE": "old"})
    project = projects(shelf, token=shelf.token(), require={shelf.name(): "dev-main"})
    old = project.run("update", "-vvv")
    shelf.publish(version="dev-main", files={"STATE": "new"})

    new = project.run("update", "-vvv")

    dists = [
        {address for _, address in asked(result, below=shelf.url) if "/-/dist/" in address} for result in (old, new)
    ]
    assert dists[0].isdisjoint(dists[1])
    assert all(len(found) == 1 for found in dists)
