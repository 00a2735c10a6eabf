"""Downloads are what we sent, installs are what clients report; a client that has it in its cache only installs."""

import shutil
import time

from tests.composer.registry import Projects, Shelf

# The server writes what it counted every tenth of a second.
PATIENCE_SECONDS = 10


def wait_for_counts(shelf: Shelf, version: str, *, downloads: int, installs: int) -> None:
    """Returns when the version has these counts; fails when it has not in time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = shelf.versions()[version]
        if (found.downloads, found.installs) == (downloads, installs):
            return
        assert time.monotonic() < deadline, f"{found.downloads} downloads, {found.installs} installs"
        time.sleep(0.05)


def test_an_installation_is_a_download_and_an_install(any_shelf: Shelf, projects: Projects) -> None:
    any_shelf.publish(version="1.0.0")
    any_shelf.publish(version="1.1.0")

    projects(any_shelf, token=any_shelf.token()).run("require", f"{any_shelf.name()}:1.0.0")

    wait_for_counts(any_shelf, "1.0.0", downloads=1, installs=1)
    wait_for_counts(any_shelf, "1.1.0", downloads=0, installs=0)


def test_an_installation_from_the_cache_is_an_install_alone(shelf: Shelf, projects: Projects) -> None:
    shelf.publish()
    project = projects(shelf, token=shelf.token(), require={shelf.name(): "*"})
    project.run("update")
    shutil.rmtree(project.folder / "vendor")

    project.run("install")

    wait_for_counts(shelf, "1.0.0", downloads=1, installs=2)


def test_an_update_counts_for_the_version_it_came_to(shelf: Shelf, projects: Projects) -> None:
    shelf.publish(version="dev-feature/foo", files={"STATE": "old"})
    project = projects(shelf, token=shelf.token(), require={shelf.name(): "dev-feature/foo"})
    project.run("update")
    shelf.publish(version="dev-feature/foo", files={"STATE": "new"})

    project.run("update")

    wait_for_counts(shelf, "dev-feature/foo", downloads=2, installs=2)


def test_resolving_counts_nothing(shelf: Shelf, projects: Projects) -> None:
    shelf.publish()
    project = projects(shelf, token=shelf.token(), require={shelf.name(): "*"})

    project.run("update", "--no-install")
    project.run("show", "-a", shelf.name())
    # What came later is written, so what came before would be too.
    project.run("install")

    wait_for_counts(shelf, "1.0.0", downloads=1, installs=1)


def test_an_installation_from_a_public_repository_counts(shelf: Shelf, projects: Projects) -> None:
    public = shelf.elsewhere()
    public.publish()

    projects(public).run("require", public.name())

    wait_for_counts(public, "1.0.0", downloads=1, installs=1)
