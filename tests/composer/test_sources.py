"""A project of a git server becomes a package, and real clients follow it while old locks go on installing."""

import re
import subprocess
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.composer.registry import Projects
from tests.fakes.git_host import GitHost
from tests.fakes.git_projects import GitProject, library, make_project
from tests.server import Installation, Server
from tests.tools import ROOT, program

NAME = "acme/widgets"
GUIDE = ROOT / "docs" / "guides" / "plain-git.md"
# A push takes a second; the machine may be busy.
PATIENCE_SECONDS = 60


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

    def install_script(self) -> None:
        """The script of docs/guides/plain-git.md, filled in as it says."""
        [webhook] = self.installation.json("webhook", "list")
        told = self.installation.json("webhook", "rotate", str(webhook["id"]))
        [script] = re.findall(r"```sh\n(#!/bin/sh.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
        path = self.project.path / "hooks" / "post-receive"
        path.parent.mkdir(exist_ok=True)
        # The address has the public one of the settings; this server has another port each time.
        address = self.server.url + urlsplit(str(told["address"])).path
        for name, value in (("url", address), ("project", "widgets.git"), ("secret", told["secret"])):
            script, count = re.subn(rf"^{name}='.*'$", f"{name}='{value}'", script, count=1, flags=re.MULTILINE)
            assert count == 1, f"the script has no line {name}="
        path.write_text(script)
        path.chmod(0o755)

    def wait_for(self, ref: str, commit: str) -> None:
        """Until a run has brought the ref's commit in."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            for run in self.installation.json("import", "list"):
                shown = self.installation.json("import", "show", str(run["id"]))
                if {"name": ref, "commit": commit, "state": "imported"}.items() in [
                    {key: row[key] for key in ("name", "commit", "state")}.items() for row in shown["refs"]
                ]:
                    return
        pytest.fail(f"{ref} {commit} did not arrive:\n{self.server.log}")

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


def test_a_push_is_taken_within_seconds_and_the_old_lock_still_installs(
    following: Following, projects: Projects, tmp_path: Path
) -> None:
    following.install_script()
    project = projects(following.url, require={NAME: "dev-main"}, minimum_stability="dev")
    project.bearer(following.token())
    project.run("update")
    colleague = projects.of_colleague(project)
    first = following.project.commit_of("refs/heads/main")

    second = push(following.project, tmp_path / "work", branch="main", files={"README.md": "pushed"})
    following.wait_for("main", second)
    project.run("update")
    colleague.run("install")

    assert project.locked[NAME]["dist"]["reference"] == second
    assert colleague.locked[NAME]["dist"]["reference"] == first
    [delivery] = following.installation.json("webhook", "deliveries", "widgets.git")
    assert (delivery["status"], len(delivery["imports"])) == (202, 1)
    [run] = [each for each in following.installation.json("import", "list") if each["cause"] == "push"]
    assert run["counts"] == {"imported": 1}


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


def push(project: GitProject, folder: Path, *, branch: str, files: Mapping[str, str]) -> str:
    """A commit that a person pushes, so that the server's hooks run; the commit."""
    git = program("git")
    subprocess.run([git, "clone", "-q", "-b", branch, project.path, folder], check=True, capture_output=True)
    for name, content in files.items():
        (folder / name).write_text(content)
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.test"]
    for words in (["add", "."], [*who, "commit", "-q", "-m", "Change"], ["push", "-q", "origin", branch]):
        subprocess.run([git, *words], cwd=folder, check=True, capture_output=True)
    return project.commit_of(f"refs/heads/{branch}")
