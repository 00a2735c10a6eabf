"""Answers that GitHub really gave, read by our provider."""

from pathlib import Path

import pytest

from packistry.errors import HostRefused
from packistry.outbound.client import Client
from packistry.providers.answers import Host
from packistry.providers.base import Connection, Project
from packistry.providers.github import GitHub
from tests.fakes.loopback import Loopback
from tests.fakes.recorded import recorded_github

GITHUB = GitHub()
PROJECT = Project("1000", "octokit-fixture-org/hello-world", "", "", "main")


def connection(server: Loopback, client: Client, folder: Path) -> Connection:
    return Connection(server.address, {"token": "t"}, {}, client, folder)


def test_a_project_is_read(client: Client, tmp_path: Path) -> None:
    with recorded_github("get-repository") as server:
        project = GITHUB.project_named(connection(server, client, tmp_path), "octokit-fixture-org/hello-world")

    assert project.id == "1000"
    assert project.full_name == "octokit-fixture-org/hello-world"
    assert project.clone_url == "https://github.com/octokit-fixture-org/hello-world.git"
    assert project.default_branch
    assert project.may_create_hooks


def test_a_former_name_leads_to_the_project(client: Client, tmp_path: Path) -> None:
    with recorded_github("rename-repository") as server:
        here = connection(server, client, tmp_path)
        project = GITHUB.project_named(here, "octokit-fixture-org/rename-repository")

    assert project.full_name == "octokit-fixture-org/rename-repository-newname"


@pytest.mark.parametrize(("path", "expected"), [("README.md", b"# hello-world"), ("missing.md", None)])
def test_a_file_is_read(client: Client, tmp_path: Path, path: str, expected: bytes | None) -> None:
    with recorded_github("get-content") as server:
        here = connection(server, client, tmp_path)

        assert GITHUB.read_file(here, PROJECT, "c" * 40, path) == expected


def test_pages_are_followed_to_the_last(client: Client) -> None:
    with recorded_github("paginate-issues") as server:
        host = Host("GitHub", server.address, client, {})
        url = host.address("repos", "octokit-fixture-org", "paginate-issues", "issues")

        rows = [row.number_or_none("number") for row in host.rows(url, what="issues", params={"per_page": "3"})]

    assert rows == list(range(13, 0, -1))


def test_a_refusal_keeps_the_words_of_github(client: Client) -> None:
    with recorded_github("errors") as server:
        host = Host("GitHub", server.address, client, {})
        url = host.address("repos", "octokit-fixture-org", "errors", "labels")

        with pytest.raises(HostRefused) as refused:
            host.send("POST", url, what="labels", json={"name": "foo", "color": "invalid"})

    assert "Validation Failed" in refused.value.detail
    assert "Validation Failed" not in refused.value.sentence
