"""Clients that may reach loopback, where the hosts of these tests are."""

from collections.abc import Callable, Iterator

import pytest

from packistry.outbound.client import Client, OutboundLimits
from packistry.outbound.guard import Guard
from tests.fakes.host import Loopback, Reply, Request

# Long enough for a busy machine, short enough to wait for.
PATIENCE = OutboundLimits(
    connect_seconds=2, read_seconds=5, deadline_seconds=5, download_seconds=5, pause_seconds=0.001
)


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client(PATIENCE, Guard(["127.0.0.1"]))
    yield client
    client.close()


@pytest.fixture
def loopback() -> Iterator[Callable[[Callable[[Request], Reply]], Loopback]]:
    """Starts servers that answer with what a function returns; they are stopped after the test."""
    running: list[Loopback] = []

    def start(answer: Callable[[Request], Reply]) -> Loopback:
        server = Loopback(answer)
        server.start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop()
