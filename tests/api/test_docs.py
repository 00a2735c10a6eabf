"""docs/api.md: every command has its call, and the examples work as they are printed."""

import json
import re
import shlex
from typing import Any

from starlette.testclient import TestClient

from packistry.house import House
from tests import factories
from tests.api.calling import Caller
from tests.api.test_specification import OPERATIONS
from tests.tools import ROOT

PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
COMMANDS = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([a-z -]+)` \| `([A-Z]+ /[^`]+)` \|$", re.MULTILINE)


def test_every_command_has_a_call_that_there_is() -> None:
    calls = dict(ROW.findall(PAGE))
    local = set(re.findall(r"`([a-z -]+)`", PAGE.rpartition("Only on the machine:")[2]))
    commands = set(re.findall(r"^### ([a-z]+(?:-[a-z]+)* [a-z-]+)$", COMMANDS, re.MULTILINE))
    commands -= {name for name in commands if name.startswith("document ")}
    alone = set(re.findall(r"^## (serve|worker|doctor)$", COMMANDS, re.MULTILINE))

    assert commands | alone == set(calls) | local
    assert [call for call in calls.values() if call not in OPERATIONS] == []


def test_the_examples_work(admin: Caller, house: House) -> None:
    factories.repository(house, "lib-only")
    factories.publish(house, repository="lib-only")
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.startswith("curl ")]

    statuses = [send(admin.client, line, admin.headers["authorization"].removeprefix("Bearer ")) for line in lines]

    assert statuses == [200, 200, 201, 201]


def send(client: TestClient, line: str, token: str) -> int:
    """What `curl` would do with this line."""
    words = shlex.split(line.replace("$TOKEN", token))[1:]
    headers: dict[str, str] = {}
    options: dict[str, Any] = {}
    address = ""
    while words:
        match words.pop(0):
            case "-H":
                name, _, value = words.pop(0).partition(": ")
                headers[name] = value
            case "-d":
                options["json"] = json.loads(words.pop(0))
            case "-F":
                name, _, value = words.pop(0).partition("=")
                part = (value[1:], factories.package_zip()) if value.startswith("@") else (None, value)
                options.setdefault("files", []).append((name, part))
            case word:
                address = word
    path = address.removeprefix("https://packages.example.com")
    assert path.startswith("/api/v1/"), line
    return client.request("POST" if options else "GET", path, headers=headers, **options).status_code
