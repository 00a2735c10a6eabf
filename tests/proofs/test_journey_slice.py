"""The first run without a browser: the printed link, every step of the wizard, and a real Composer at its end."""

import html
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.composer.client import composer
from tests.proofs.journey.host import CHOSEN, TOKEN, TimedGitHub, filled_host
from tests.proofs.journey.pasting import paste
from tests.server import Installation, Server

LINK = re.compile(r"(http://\S+)(/-/setup\?code=(\S+)) to finish")
SECONDS = 60


class Person:
    """Somebody with a browser that runs no script."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.client = httpx2.Client(base_url=base, follow_redirects=True, headers={"origin": base}, timeout=30)

    def open(self, path: str) -> Any:
        return self.client.get(path).raise_for_status()

    def send(self, path: str, fields: Mapping[str, Any] | None = None) -> Any:
        """The page that follows."""
        return self.client.post(path, data=dict(fields or {})).raise_for_status()

    def wait_for(self, path: str, words: str) -> str:
        """The page, asked for until it says so."""
        deadline = time.monotonic() + SECONDS
        while words not in (text := self.open(path).text):
            assert time.monotonic() < deadline, text
            time.sleep(0.1)
        return text


@pytest.fixture
def host() -> Iterator[TimedGitHub]:
    with filled_host(0).running() as host:
        yield host


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Installation(tmp_path / "data", settings={"outbound_allow": "127.0.0.1"}).serve() as server:
        yield server


@pytest.mark.client
def test_whoever_opens_the_link_ends_with_a_package_in_a_project(
    server: Server, host: TimedGitHub, tmp_path: Path
) -> None:
    found = LINK.search(server.log)
    assert found is not None, server.log
    person = Person(found[1])
    try:
        commands = walk_through(person, found[2], found[3], host)
        told = paste(composer("composer-latest"), tmp_path / "person", commands)
        works = person.wait_for("/-/setup/install", "It works:")
    finally:
        person.client.close()

    assert "Installing acme/" in told
    assert re.search(r"was installed by Composer \d", works)
    assert person.base in "\n".join(commands)


def walk_through(person: Person, link: str, code: str, host: TimedGitHub) -> list[str]:
    """Every step of the wizard; the commands at its end."""
    person.open(link)
    ada = {"code": code, "name": "Ada", "email": "ada@example.test", "password": "correct horse battery"}
    assert "Where do people reach it?" in person.send("/-/setup", ada).text
    # Kept only because the server really found itself there.
    assert "Where do packages go?" in person.send("/-/setup/address", {"public_url": person.base}).text
    person.send("/-/setup/repository", {"repository": "/"})
    fields = {"url": host.address, "name": "GitHub", "field:token": TOKEN}
    assert CHOSEN[0] in person.send("/-/setup/source/github?repository=/", fields).text
    person.send("/-/setup/projects/1?repository=/", {"project": list(CHOSEN)})
    person.wait_for("/-/setup/import", "Continue: install one")
    shown = person.send("/-/setup/install").text
    return html.unescape(re.findall(r'data-copy="(composer config[^"]*\n[^"]*)"', shown)[0]).splitlines()
