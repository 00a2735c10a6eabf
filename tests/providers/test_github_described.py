"""GitHub's requests and events against what others say: its OpenAPI description, judged by Prism, and real events."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from packistry.errors import HostRefused, Refusal
from packistry.outbound.client import Client
from packistry.providers.base import Connection, EventKind, HookState, Project, RefKind
from packistry.providers.github import GitHub
from tests.fakes.described import described, judged_github
from tests.fakes.github import signed_delivery

COMMIT = "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d"
PROJECT = Project("1296269", "octocat/Hello-World", "", "", "master")

GITHUB = GitHub()


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Prism's address and log."""
    with judged_github(tmp_path_factory.mktemp("prism")) as running:
        yield running


@pytest.fixture
def connection(judge: tuple[str, Path], client: Client, tmp_path: Path) -> Connection:
    return Connection(judge[0], {"token": "t"}, {}, client, tmp_path)


CALLS: dict[str, Callable[[Connection], object]] = {
    "check": lambda here: GITHUB.check(here).account == "octocat",
    "projects": lambda here: next(GITHUB.projects(here)).full_name == "octocat/Hello-World",
    "organisation": lambda here: next(GITHUB.projects(here, owner="octocat")).id == PROJECT.id,
    "project": lambda here: GITHUB.project(here, PROJECT.id).id == PROJECT.id,
    "project_named": lambda here: GITHUB.project_named(here, "octocat/Hello-World").id == PROJECT.id,
    "refs": lambda here: {ref.kind for ref in GITHUB.refs(here, PROJECT)} == set(RefKind),
    "committed_at": lambda here: GITHUB.committed_at(here, PROJECT, COMMIT).year == 2014,
    "read_file": lambda here: GITHUB.read_file(here, PROJECT, COMMIT, "composer.json"),
    "create_hook": lambda here: GITHUB.create_hook(here, PROJECT, "https://example.com/new", "s") == "12345678",
    "update_hook": lambda here: GITHUB.create_hook(here, PROJECT, "https://example.com/webhook", "s") == "12345678",
    "hook_state": lambda here: GITHUB.hook_state(here, PROJECT, "1") is HookState.ACTIVE,
    "delete_hook": lambda here: GITHUB.delete_hook(here, PROJECT, "1") is None,
}


@pytest.mark.parametrize("name", CALLS)
def test_every_request_is_one_that_the_description_allows(
    judge: tuple[str, Path], connection: Connection, name: str
) -> None:
    before = len(judge[1].read_text())

    assert CALLS[name](connection)

    log = judge[1].read_text()[before:]
    assert log.count("Request received") > 0
    assert log.count("The request passed the validation rules") == log.count("Request received"), log


def test_the_archive_is_asked_for_as_described(judge: tuple[str, Path], connection: Connection) -> None:
    before = len(judge[1].read_text())

    # The judge knows only that it is a redirect, and not where to.
    with pytest.raises(Refusal):
        GITHUB.download_archive(connection, PROJECT, COMMIT, io.BytesIO())

    assert "The request passed the validation rules" in judge[1].read_text()[before:]


def test_the_judge_refuses_what_is_not_described(connection: Connection) -> None:
    with pytest.raises(HostRefused) as refused:
        GITHUB.create_hook(connection, PROJECT, "no address", "secret")

    assert "422" in refused.value.sentence


# What our hook is sent; everything else is ignored.
UNDERSTOOD = {"ping", "push", "delete", "repository"}


@pytest.mark.parametrize("edition", ["api.github.com", "ghes-31", "ghes-35"])
def test_real_events_are_understood(edition: str) -> None:
    listed: list[dict[str, Any]] = json.loads(described(f"@octokit/webhooks-examples/{edition}/index.json").read_text())
    seen: dict[str, int] = {}

    for event in listed:
        for example in event["examples"]:
            delivery = signed_delivery(event["name"], example, "secret")
            [told] = GITHUB.parse_event(delivery.headers, delivery.body)
            seen[event["name"]] = seen.get(event["name"], 0) + 1

            assert GITHUB.is_authentic(delivery.headers, delivery.body, "secret")
            assert event["name"] in UNDERSTOOD or told.kind is EventKind.IGNORED
            if event["name"] in {"push", "delete", "repository"}:
                assert told.project_id == str(example["repository"]["id"])
            if event["name"] == "push":
                assert told.ref
                assert told.kind is (EventKind.REF_DELETED if example["deleted"] else EventKind.REF_CHANGED)
                assert told.ref.commit == ("" if example["deleted"] else example["head_commit"]["id"])
            if event["name"] == "delete":
                assert told.ref
                assert (told.kind, told.ref.name) == (EventKind.REF_DELETED, example["ref"])

    assert seen.keys() >= UNDERSTOOD
    assert sum(seen.values()) > 40
