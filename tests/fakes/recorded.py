"""Answers that GitHub gave, recorded by the Octokit project (npm's @octokit/fixtures), given again on loopback."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from tests.fakes.described import described
from tests.fakes.loopback import Loopback, Reply, Request

# Headers about the connection of that time, and names of hosts that are now this server.
_OF_THE_CONNECTION = {"connection", "content-length", "date", "transfer-encoding", "content-encoding"}
_HOSTS = ("https://api.github.com", "https://codeload.github.com")


@contextmanager
def recorded_github(scenario: str) -> Generator[Loopback]:
    """A server that gives the answers of one scenario in their order; what was not recorded is 404."""
    path = described(f"@octokit/fixtures/scenarios/api.github.com/{scenario}/normalized-fixture.json")
    waiting: list[dict[str, Any]] = json.loads(path.read_text())

    def answer(request: Request) -> Reply:
        # A parameter more than Octokit sent changes nothing of the answer.
        fitting = [one for one in waiting if one["method"].upper() == request.method and _fits(one["path"], request)]
        if not fitting:
            return Reply(404, {"message": "Not Found"})
        waiting.remove(fitting[0])
        return _given_again(fitting[0], request.base)

    server = Loopback(answer)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _fits(recorded: str, request: Request) -> bool:
    path, _, query = recorded.partition("?")
    parameters = dict(one.split("=") for one in query.split("&")) if query else {}
    return request.path == path and parameters.items() <= dict(request.query).items()


def _given_again(recorded: dict[str, Any], base: str) -> Reply:
    body, headers = recorded["response"], dict[str, str]()
    for name, value in recorded["headers"].items():
        if name not in _OF_THE_CONNECTION:
            headers[name.title()] = str(value)
            for host in _HOSTS:
                headers[name.title()] = headers[name.title()].replace(host, base)
    is_text = isinstance(body, str)
    raw: bytes = (bytes.fromhex(body) if recorded["responseIsBinary"] else body.encode()) if is_text else b""
    return Reply(recorded["status"], raw if is_text else body, headers)
