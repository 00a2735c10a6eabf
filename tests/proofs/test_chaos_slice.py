"""A small slice of `make chaos`: kills in the middle of uploads, and 10,000 connections that say nothing."""

import resource
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import factories
from tests.proofs.chaos import killed_while_uploading, opened
from tests.proofs.uploading import Uploader
from tests.server import Installation

IDLE_CONNECTIONS = 10_000


@pytest.fixture
def installation(database_url: str, tmp_path: Path) -> Installation:
    """A fresh installation on each of the two databases."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    return Installation(data_dir, database_url)


@pytest.mark.parametrize("after_seconds", [0.2, 0.7])
def test_every_answered_upload_is_there_after_a_kill(installation: Installation, after_seconds: float) -> None:
    token = prepared(installation)

    result = killed_while_uploading(installation, token, uploads=60, after_seconds=after_seconds)

    assert result.is_good, result


def test_ten_thousand_silent_connections_do_not_keep_others_waiting(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "data")
    installation.data_dir.mkdir()
    token = prepared(installation)
    with opened(installation) as house:
        factories.publish(house)

    with installation.serve(workers=1) as server, silent(server.port, IDLE_CONNECTIONS):
        status, body = Uploader(server.port, token).get("/r/acme/p2/acme/lib.json")

    assert status == 200
    assert b'"acme/lib"' in body


def prepared(installation: Installation) -> str:
    """The token for a repository to publish in."""
    with opened(installation) as house:
        factories.repository(house, "acme")
        return factories.deploy_token(house, "acme", abilities="read write")


@contextmanager
def silent(port: int, connections: int) -> Generator[None]:
    """So many open connections that send nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + 200
    if hard < needed:
        pytest.skip(f"this machine allows {hard} open files, {needed} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    sockets: list[socket.socket] = []
    try:
        for number in range(connections):
            # From several addresses of the loopback network: one has only 28,000 ports to call from.
            source = (f"127.0.0.{2 + number % 4}", 0)
            sockets.append(socket.create_connection(("127.0.0.1", port), timeout=10, source_address=source))
        yield
    finally:
        for one in sockets:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
