"""A small slice of `make chaos`: kills amid uploads and imports, and 10,000 connections that say nothing."""

import http.client
import random
import re
import resource
import socket
import zipfile
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests import factories
from tests.proofs.chaos import killed_while_uploading
from tests.proofs.chaos_imports import Plan, killed_while_importing
from tests.proofs.killing import descendants, opened
from tests.proofs.uploading import Uploader
from tests.server import Installation

IDLE_CONNECTIONS = 10_000
# With it, once everything is killed and once a jobs process alone.
SEED = 24


@pytest.fixture
def installation(database_url: str, tmp_path: Path) -> Installation:
    """A fresh installation on each of the two databases."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    return Installation(data_dir, database_url)


@pytest.mark.parametrize("after_promises", [3, 25])
def test_every_answered_upload_is_there_after_a_kill(installation: Installation, after_promises: int) -> None:
    token = prepared(installation)

    result = killed_while_uploading(installation, token, uploads=60, after_promises=after_promises)

    assert result.is_good, result
    assert result.promised >= after_promises


def test_an_import_that_was_killed_ends_as_an_undisturbed_one(installation: Installation) -> None:
    story = killed_while_importing(installation, Plan(refs=40, kills=3, workers=1, chance=random.Random(SEED)))

    assert not story.faults, story
    assert set(story.killed) > {"everything"}


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


def test_an_archive_of_300_mb_does_not_pass_through_memory(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "data")
    installation.data_dir.mkdir()
    token = prepared(installation)
    large = tmp_path / "large.zip"
    with zipfile.ZipFile(large, "w") as archive:
        archive.writestr("large/composer.json", '{"name": "acme/large", "version": "1.0.0"}')
        for number in range(300):
            archive.writestr(f"large/{number}", number.to_bytes(2) * 524_288)

    with installation.serve(workers=1) as server:
        sent = send_file(server.port, "/r/acme/acme/large", token, large)
        peaks = [peak_megabytes(pid) for pid in descendants(server.process.pid)]

    assert sent == 201
    assert peaks
    assert max(peaks) < 150, peaks


def send_file(port: int, path: str, token: str, file: Path) -> int:
    """Uploads a file without reading it whole; the status of the answer."""
    head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{file.name}"\r\n\r\n'.encode()
    tail = b"\r\n--x--\r\n"

    def body() -> Iterator[bytes]:
        yield head
        with file.open("rb") as source:
            while chunk := source.read(1024 * 1024):
                yield chunk
        yield tail

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "multipart/form-data; boundary=x",
        "Content-Length": str(len(head) + file.stat().st_size + len(tail)),
    }
    with closing(connection):
        connection.request("POST", path, body(), headers)
        return connection.getresponse().status


def peak_megabytes(pid: int) -> float:
    """The most memory that the process ever had."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1024


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
