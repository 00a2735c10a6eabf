"""A git server over ssh becomes a source with a key made by us, and real clients install from what it gives."""

from pathlib import Path

import pytest

from tests.composer.registry import Projects
from tests.fakes.git_host import ssh_host
from tests.fakes.git_projects import GitProject, library, make_project
from tests.server import Installation
from tests.tools import free_port

NAME = "acme/widgets"

# What differs over ssh is ours; how clients install is tried with each of them elsewhere.
pytestmark = pytest.mark.one_client


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    installation = Installation(tmp_path / "data", settings={"outbound_allow": "127.0.0.1"})
    installation.run("repository", "add", "Acme", "--path", "acme")
    return installation


@pytest.fixture
def project(tmp_path: Path) -> GitProject:
    project = make_project(tmp_path / "srv", "widgets.git")
    project.push_tag("v1.0.0", project.push_branch("main", library(require={})))
    return project


def test_a_project_over_ssh_is_imported_and_installed_until_the_host_key_changes(
    installation: Installation, project: GitProject, projects: Projects, tmp_path: Path
) -> None:
    port = free_port()
    with ssh_host(tmp_path / "srv", tmp_path / "sshd", port=port) as host:
        installation.run("source", "add", "vault", "--provider", "git", "--url", host.address)
        unknown = installation.run("source", "test", "vault", check=False)
        _, _, public_key = unknown.stdout.partition("good: The server must know this public key: ")
        host.admit(public_key.splitlines()[0])
        known = installation.json("source", "test", "vault")["findings"]
        fingerprint = host.fingerprint()
        added = installation.run("package", "add", "vault", "widgets.git", "--repository", "acme", "--wait")

    assert unknown.returncode == 1
    assert any(line.startswith(f"good: The host key of 127.0.0.1 is pinned: {fingerprint}") for line in known)
    assert added.stdout.splitlines()[:2] == ["main imported", "v1.0.0 imported"]
    with installation.serve() as server:
        client = projects(f"{server.url}/r/acme", require={NAME: "^1.0"})
        client.bearer(str(installation.json("deploy-token", "add", "ci", "--repository", "acme")["token"]))
        client.run("update")
    assert client.locked[NAME]["dist"]["reference"] == project.commit_of("refs/tags/v1.0.0")
    # Another key at the same place: somebody in between, for all we know.
    with ssh_host(tmp_path / "srv", tmp_path / "sshd-2", port=port):
        refused = installation.run("package", "rebuild", NAME, "--repository", "acme", "--wait", check=False)
    assert refused.returncode == 1
    assert "The host key of 127.0.0.1 is not the one that was pinned" in refused.stdout
