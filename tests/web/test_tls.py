"""HTTPS without a proxy, as docs/operations.md says: real clients, and what they agree on."""

import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from packistry.app import open_house
from packistry.settings import Settings
from tests import factories
from tests.composer.client import ComposerProject, composer
from tests.readme import blocks, type_in
from tests.server import START_SECONDS, Installation, Server
from tests.tools import program

HEADING = "Without a proxy"


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """An installation beside the certificate that the documentation's command makes."""
    program("openssl")
    made = Installation(tmp_path / "data")
    type_in(documented()[0], tmp_path, made.environment)
    return made


@pytest.fixture
def server(installation: Installation) -> Iterator[Server]:
    """A server that speaks HTTPS."""
    with open_house(Settings(data_dir=installation.data_dir)) as house:
        factories.repository(house, "acme", public=True)
        factories.publish(house, files={"src/lib.php": "<?php"})
    folder = installation.data_dir.parent
    started = installation.start("--tls-cert", str(folder / "cert.pem"), "--tls-key", str(folder / "key.pem"))
    try:
        wait_until_it_answers(started, folder / "cert.pem")
        yield started
    finally:
        started.stop()


def wait_until_it_answers(server: Server, certificate: Path) -> None:
    """Returns when somebody talks TLS on the port."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            secured(server, ssl.create_default_context(cafile=certificate)).close()
        except OSError:
            assert server.process.poll() is None, server.log
            assert time.monotonic() < deadline, server.log
            time.sleep(0.05)
        else:
            return


def secured(server: Server, context: ssl.SSLContext) -> ssl.SSLSocket:
    """A connection on which both sides have agreed."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    try:
        return context.wrap_socket(connection, server_hostname="localhost")
    except OSError:
        connection.close()
        raise


def documented() -> tuple[str, str]:
    """The command that makes a certificate, and the one that tries it."""
    make, _, try_it = blocks(HEADING, "docs/operations.md")[1].partition("curl ")
    return make, f"curl -fsS {try_it}"


def test_curl_is_answered(installation: Installation, server: Server, tmp_path: Path) -> None:
    program("curl")

    command = documented()[1].replace("localhost:8443", f"localhost:{server.port}")

    assert type_in(command, tmp_path, installation.environment) == '{"status":"ok"}'


AGREED = [
    (ssl.TLSVersion.TLSv1_2, "h2", "the older protocol"),
    (ssl.TLSVersion.TLSv1_3, "h2", "the newer one"),
    (ssl.TLSVersion.TLSv1_3, "http/1.1", "for a client without HTTP/2"),
]


@pytest.mark.parametrize(("version", "protocol", "why"), AGREED)
def test_clients_agree_on(server: Server, tmp_path: Path, version: ssl.TLSVersion, protocol: str, why: str) -> None:
    context = ssl.create_default_context(cafile=tmp_path / "cert.pem")
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols([protocol])

    with secured(server, context) as connection:
        agreed = (connection.selected_alpn_protocol(), connection.version())

    assert agreed == (protocol, version.name.replace("_", ".")), why


@pytest.mark.client
def test_composer_installs(server: Server, tmp_path: Path) -> None:
    project = ComposerProject(
        composer("composer-latest"), tmp_path / "project", [f"https://localhost:{server.port}/r/acme"]
    )

    project.run("config", "cafile", str(tmp_path / "cert.pem"))
    project.run("config", "secure-http", "true")
    project.run("require", "acme/lib")

    assert (project.installed("acme/lib") / "src/lib.php").is_file()
