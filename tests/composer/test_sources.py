"""A project of a git server becomes a package, and real clients follow it while old locks go on installing."""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.composer.registry import Projects
from tests.fakes.git_host import GitHost
from tests.fakes.git_projects import GitProject, library, make_project
from tests.server import Installation, Server

NAME = "acme/widgets"


@dataclass(frozen=True)
class Following:
    """A server that follows one project of a git host by commands, as an operator types them."""

    installation: Installation
    server: Server
    project: GitProject

    @property
    def url(self) -> str:
        return f"{self.server.url}/r/acme"

    def token(self) -> str:
        made = self.installation.json("deploy-token", "add", "ci", "--repository", "acme", "--ability", "read")
        return str(made["token"])

    def rebuild(self) -> list[str]:
        """The lines that the command prints."""
        done = self.installation.run("package", "rebuild", NAME, "--repository", "acme", "--wait")
        return done.stdout.splitlines()


@pytest.fixture
def following(tmp_path: Path) -> Generator[Following]:
    installation = Installation(tmp_path / "data", settings={"outbound_allow": "127.0.0.1"})
    project = make_project(tmp_path / "projects", "widgets.git")
    first = project.push_branch("main", library(require={}))
    project.push_tags({"v1.0.0": first, "nightly": first})
    installation.run("repository", "add", "Acme", "--path", "acme")
    with GitHost(tmp_path / "projects").running() as host, installation.serve() as server:
        installation.run("source", "add", "local", "--provider", "git", "--url", f"{host.address}/")
        installation.run("package", "add", "local", "widgets.git", "--repository", "acme", "--wait")
        yield Following(installation, server, project)


def test_a_pushed_branch_is_taken_and_the_old_lock_still_installs(following: Following, projects: Projects) -> None:
    first = following.project.commit_of("refs/heads/main")
    project = projects(following.url, require={NAME: "dev-main"}, minimum_stability="dev")
    project.bearer(following.token())
    project.run("update")
    colleague = projects.of_colleague(project)
    second = following.project.push_branch("main", library(require={}, note="pushed"))

    lines = following.rebuild()
    project.run("update")
    colleague.run("install")

    assert "main imported" in lines
    assert project.locked[NAME]["dist"]["reference"] == second
    assert colleague.locked[NAME]["dist"]["reference"] == first
    assert (project.installed(NAME) / "README.md").read_text() != (colleague.installed(NAME) / "README.md").read_text()


def test_a_tag_that_moved_is_kept_and_said_in_one_line(following: Following, projects: Projects) -> None:
    first = following.project.commit_of("refs/tags/v1.0.0")
    second = following.project.push_branch("main", library(require={}, note="moved"))
    following.project.push_tag("v1.0.0", second)

    lines = following.rebuild()

    [line] = [line for line in lines if line.startswith("v1.0.0 ")]
    assert line.startswith("v1.0.0 kept moved")
    assert first[:12] in line
    assert second[:12] in line
    project = projects(following.url, require={NAME: "^1.0"})
    project.bearer(following.token())
    project.run("update")
    assert project.locked[NAME]["dist"]["reference"] == first


def test_what_no_version_can_be_made_of_says_why(following: Following) -> None:
    lines = following.rebuild()

    [line] = [line for line in lines if line.startswith("nightly ")]
    assert line.startswith("nightly skipped The tag 'nightly' is no version")
