"""A backup as the README tells it, made while uploads go on: a server that starts from it has all that was answered."""

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import factories
from tests.composer.client import ComposerProject, composer
from tests.postgresql import Cluster
from tests.proofs.chaos import broken_promise
from tests.proofs.killing import opened
from tests.proofs.uploading import Uploader
from tests.readme import blocks, type_in
from tests.server import Installation
from tests.tools import ROOT, program

# Enough that rows and archives of every package are there; the uploads go on during the copy.
BEFORE = 40


@pytest.fixture
def empty_database(database_url: str, request: pytest.FixtureRequest) -> Iterator[str | None]:
    """Where a copy is restored to: a second, empty database on PostgreSQL; on SQLite the file comes with the folder."""
    if database_url.startswith("sqlite"):
        yield None
        return
    cluster: Cluster = request.getfixturevalue("postgresql")
    name = cluster.create()
    yield cluster.url(name)
    cluster.drop(name)


@pytest.mark.client
def test_a_server_starts_from_a_copy_that_was_made_while_uploads_went_on(
    database_url: str, empty_database: str | None, tmp_path: Path
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    source = Installation(here / "data", database_url if empty_database else None)
    token = prepare(source)

    with source.serve(workers=2) as server:
        uploader = Uploader(server.port, token)
        uploads = threading.Thread(target=uploader.run, args=(10_000,))
        uploads.start()
        wait_for(uploader, BEFORE)
        promised = list(uploader.promises)
        type_in(copying(source), here, environment=variables(source))
        copied_meanwhile = len(uploader.promises) - len(promised)
        server.stop()
        uploads.join()

    (here / "backup").rename(there / "backup")
    copy = Installation(there / "data", empty_database)
    checked = type_in(restoring(copy), there, environment=variables(copy))
    assert "All is well" in checked
    assert copied_meanwhile > 0, "nothing was uploaded during the copy: it proves nothing"
    with copy.serve() as server:
        checker = Uploader(server.port, token)
        assert [reason for promise in promised if (reason := broken_promise(checker, promise))] == []
        project = ComposerProject(composer("composer-latest"), there / "project", [f"{server.url}/r/acme"])
        project.bearer(token)
        project.run("require", f"{promised[0].package}:{promised[0].version}")
        project.installed(promised[0].package)
    assert (there / "data" / "secret.key").read_bytes() == (here / "data" / "secret.key").read_bytes()


def test_nothing_of_a_copy_can_be_read_by_others(tmp_path: Path) -> None:
    source = Installation(tmp_path / "data")
    token = prepare(source)
    with source.serve() as server:
        Uploader(server.port, token).run(1)

    type_in(copying(source), tmp_path, environment=variables(source))

    assert (tmp_path / "backup").stat().st_mode & 0o077 == 0
    assert (tmp_path / "backup" / "packistry.sqlite3").stat().st_mode & 0o077 == 0


def prepare(installation: Installation) -> str:
    """A repository to publish in; the token for it."""
    with opened(installation) as house:
        factories.repository(house, "acme")
        return factories.deploy_token(house, "acme", abilities="read write")


def wait_for(uploader: Uploader, promises: int) -> None:
    """Returns when so many uploads were answered."""
    while len(uploader.promises) < promises:
        assert not uploader.refused, uploader.refused
        time.sleep(0.02)


def copying(installation: Installation) -> str:
    """The commands of the README, with those for PostgreSQL in their place."""
    block = blocks("Backup")[0]
    if installation.database_url is None:
        return block
    return re.sub(r"^python3 .*$", inline("pg_dump"), block, flags=re.MULTILINE)


def restoring(installation: Installation) -> str:
    """The same for the way back."""
    block = blocks("Backup")[1]
    return block if installation.database_url is None else f"{inline('psql')}\n{block}"


def inline(name: str) -> str:
    """The command of this program that stands inside a sentence of the README."""
    program(name)
    found = re.search(rf"`({name} .*?)`", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert found, f"the README does not say how to call {name}"
    return found[1]


def variables(installation: Installation) -> dict[str, str]:
    """The environment of a person at a terminal: the settings, but in the folder where `data` lies."""
    return {**installation.environment, "PACKISTRY_DATA_DIR": "data"}
