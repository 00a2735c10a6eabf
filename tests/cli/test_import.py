"""Adding projects and following their imports at the command line, against a real git server."""

import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from packistry.documents.sources import ImportDocument
from tests.cli.conftest import Called, Packistry
from tests.fakes.git_host import GitHost, Reply
from tests.fakes.git_projects import GitProject, library, make_project
from tests.server import Installation


@dataclass
class Scene:
    """The repository acme, and the source local, whose project widgets.git has a branch and some tags."""

    packistry: Packistry
    project: GitProject

    def add(self, *options: str, code: int | None = None) -> Called:
        return self.packistry("package", "add", "local", "widgets.git", "--repository", "acme", *options, code=code)

    def rebuild(self, *options: str, code: int | None = None) -> Called:
        return self.packistry("package", "rebuild", "acme/widgets", "--repository", "acme", *options, code=code)


@pytest.fixture
def git_host(tmp_path: Path) -> Generator[GitHost]:
    with GitHost(tmp_path / "projects").running() as host:
        yield host


@pytest.fixture
def project(tmp_path: Path) -> GitProject:
    project = make_project(tmp_path / "projects", "widgets.git")
    first = project.push_branch("main", library())
    project.push_tags({"v1.0.0": first, "nightly": first})
    return project


@pytest.fixture
def scene(packistry: Packistry, git_host: GitHost, project: GitProject, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setenv("PACKISTRY_OUTBOUND_ALLOW", "127.0.0.1")
    packistry("repository", "add", "Acme", "--path", "acme", code=0)
    packistry("source", "add", "local", "--provider", "git", "--url", f"{git_host.address}/", code=0)
    return Scene(packistry, project)


def test_each_ref_is_a_line_with_its_state_and_reason(scene: Scene) -> None:
    first = scene.project.commit_of("refs/heads/main")
    added = scene.add("--wait", code=0)
    second = scene.project.push_branch("main", library(note="moved"))
    scene.project.push_tag("v1.0.0", second)
    again = scene.rebuild("--wait", code=0)

    assert added.out.splitlines() == [
        "main imported",
        "nightly skipped The tag 'nightly' is no version: tag the commit as '1.2.3' or 'v1.2.3' to have it imported.",
        "v1.0.0 imported",
        "Import 1 of widgets.git is done: 2 imported, 1 skipped",
    ]
    [main, nightly, tag, end] = again.out.splitlines()
    assert (main, nightly) == ("main imported", added.out.splitlines()[1])
    assert tag.startswith("v1.0.0 kept moved: v1.0.0 was published from ")
    assert first[:12] in tag
    assert second[:12] in tag
    # The jobs process may have looked by itself in between.
    assert end.endswith(" of widgets.git is done: 1 imported, 1 kept, 1 skipped")


def test_a_failed_ref_ends_the_command_with_1_and_its_reason(scene: Scene) -> None:
    scene.project.push_branch("bad", library())
    add_link(scene.project, "bad", "passwd", "/etc/passwd")

    added = scene.add("--wait", code=1)

    [line] = [line for line in added.out.splitlines() if line.startswith("bad ")]
    assert line.startswith("bad failed The archive of ")
    assert "is absolute" in line
    assert "main imported" in added.out.splitlines()
    assert added.out.splitlines()[-1].endswith("is done: 1 failed, 2 imported, 1 skipped")


def test_json_has_every_ref(scene: Scene) -> None:
    [document] = scene.add("--wait", "--json", code=0).documents(ImportDocument)

    assert (document.state, document.source, document.project, document.repository, document.package) == (
        "done",
        "local",
        "widgets.git",
        "acme",
        "acme/widgets",
    )
    assert document.counts == {"imported": 2, "skipped": 1}
    assert [(ref.kind, ref.name, ref.state) for ref in document.refs] == [
        ("branch", "main", "imported"),
        ("tag", "nightly", "skipped"),
        ("tag", "v1.0.0", "imported"),
    ]
    assert document.refs[0].commit == scene.project.commit_of("refs/heads/main")


def test_an_empty_project_is_done_and_says_that_nothing_is_there(scene: Scene, tmp_path: Path) -> None:
    make_project(tmp_path / "projects", "empty.git")

    added = scene.packistry("package", "add", "local", "empty.git", "--repository", "acme", "--wait", code=0)

    assert added.out == "Import 1 of empty.git is done: no branch and no tag\n"


def test_without_waiting_the_import_is_told_to_wait(scene: Scene) -> None:
    added = scene.add(code=0)
    listed = scene.packistry("import", "list", "--open", code=0)
    shown = scene.packistry("import", "show", "1", code=0)

    assert added.out == "Import 1 of widgets.git waits; `packistry import show 1` tells how it goes.\n"
    assert [line.split()[:2] for line in listed.out.splitlines()[1:]] == [["1", "waiting"]]
    assert "not known yet" in listed.out
    assert shown.out.splitlines()[-1] == "Its refs are not known yet."


def test_adding_twice_is_one_import(scene: Scene) -> None:
    first, second = scene.add(code=0), scene.add(code=0)

    assert first.out == second.out


def test_an_import_is_cancelled_once_and_can_be_tried_again(scene: Scene) -> None:
    scene.add(code=0)

    early = scene.packistry("import", "retry", "1", "--json")
    cancelled = scene.packistry("import", "cancel", "1", code=0)
    twice = scene.packistry("import", "cancel", "1", "--json")
    again = scene.packistry("import", "retry", "1", "--wait", code=0)
    late = scene.packistry("import", "cancel", "2", "--json")

    assert early.refusal.message == "Import 1 is waiting; wait for its end or cancel it."
    assert cancelled.out == "Import 1 was cancelled.\n"
    assert (twice.refusal.code, twice.refusal.message) == ("conflict", "Import 1 is cancelled already.")
    assert again.out.splitlines()[-1] == "Import 2 of widgets.git is done: 2 imported, 1 skipped"
    assert late.refusal.message == "Import 2 is done already."


def test_one_ref_is_tried_again_alone(scene: Scene) -> None:
    scene.add("--wait", code=0)

    again = scene.packistry("import", "retry", "1", "main", "--wait", code=0)

    assert again.out.splitlines() == ["main unchanged", "Import 2 of widgets.git is done: 1 unchanged"]


@pytest.mark.parametrize("verb", ["show", "retry", "cancel"])
def test_an_import_that_is_not_there_is_said_to_be_so(scene: Scene, verb: str) -> None:
    refused = scene.packistry("import", verb, "9", "--json")

    assert refused.refusal.code == "not_found"
    assert refused.refusal.message == "There is no import 9; `packistry import list` shows the latest."


def test_a_project_that_is_not_there_adds_none_of_those_that_were_named(scene: Scene) -> None:
    command = ("package", "add", "local", "widgets.git", "gone.git", "--repository", "acme", "--wait", "--json")

    refused = scene.packistry(*command)
    listed = scene.packistry("import", "list", code=0)

    assert "has no project gone.git" in refused.refusal.message
    assert listed.out == "There is no import.\n"


def test_an_uploaded_package_is_not_rebuilt(scene: Scene, tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    scene.project.git("archive", "--format=zip", f"--output={archive}", "main")
    scene.packistry("package", "upload", str(archive), "--repository", "acme", "--version", "1.0.0", code=0)

    assert "was uploaded" in scene.rebuild("--wait", "--json").refusal.message


@dataclass
class Following:
    """An installation whose commands are real processes, and a project with hundreds of refs at a slow host."""

    installation: Installation
    host: GitHost
    project: GitProject

    def start(self, *arguments: str, out: int, err: int) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [self.installation.program, *arguments], env=self.installation.environment, stdin=subprocess.DEVNULL,
            start_new_session=True, stdout=out, stderr=err,
        )  # fmt: skip


ADD = ("package", "add", "local", "widgets.git", "--repository", "acme", "--wait")


@pytest.fixture
def following(tmp_path: Path, git_host: GitHost, project: GitProject) -> Following:
    installation = Installation(tmp_path / "data", settings={"outbound_allow": "127.0.0.1"})
    installation.run("repository", "add", "Acme", "--path", "acme")
    installation.run("source", "add", "local", "--provider", "git", "--url", git_host.address)
    project.push_branches({f"b{number}": library(note=str(number)) for number in range(200)})
    return Following(installation, git_host, project)


def test_hundreds_of_refs_are_a_line_each(following: Following) -> None:
    done = following.installation.run(*ADD)

    lines = done.stdout.splitlines()
    assert len(lines) == 204
    assert {line.split(" ")[1] for line in lines[:-1]} == {"imported", "skipped"}
    assert lines[-1] == "Import 1 of widgets.git is done: 202 imported, 1 skipped"
    assert "waits" not in done.stderr


def test_a_terminal_sees_a_bar_that_is_gone_at_the_end(following: Following) -> None:
    ours, theirs = pty.openpty()
    process = following.start(*ADD, out=theirs, err=theirs)
    os.close(theirs)
    shown = _read_all(ours)

    assert process.wait(60) == 0
    bars = [part for part in shown.split("\r") if part.startswith("[")]
    assert any("of 203 refs" in bar for bar in bars), shown
    assert all(bar.endswith("\x1b[K") for bar in bars)
    # The bar is wiped before the first line is written.
    assert "\r\x1b[Kmain imported\r\n" in shown


def test_ctrl_c_leaves_the_import_to_the_next_jobs_process(following: Following) -> None:
    following.host.latency_seconds = 0.5
    process = following.start(*ADD, out=subprocess.PIPE, err=subprocess.PIPE)
    # The first files: the import has begun.
    _wait_until(lambda: following.host.count("git-upload-pack") > 2)
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=60)
    still_open = following.installation.json("import", "list", "--open")
    following.host.latency_seconds = 0
    done = following.installation.run("package", "rebuild", "--all", "--wait")

    assert process.returncode == 130
    assert b"The import goes on when a server or `packistry worker` runs." in told
    assert [each["id"] for each in still_open] == [1]
    assert following.installation.json("import", "list", "--open") == []
    assert "main imported" in done.stdout.splitlines() or "main unchanged" in done.stdout.splitlines()


def test_a_host_that_goes_away_is_told_of_and_waited_for(following: Following) -> None:
    following.installation.run(*ADD[:-1])
    following.host.trouble = lambda path: Reply(503)
    process = following.start("package", "rebuild", "--all", "--wait", out=subprocess.DEVNULL, err=subprocess.PIPE)
    assert process.stderr is not None
    told = process.stderr.readline().decode()
    following.host.trouble = lambda path: None
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)

    assert told.startswith("Import 1 waits, and is tried again by itself: 127.0.0.1 did not answer when asked for ")


def _wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _read_all(descriptor: int) -> str:
    """What was written to the terminal until its last writer closed it."""
    parts: list[bytes] = []
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        ready, _, _ = select.select([descriptor], [], [], 1)
        if ready:
            try:
                parts.append(os.read(descriptor, 65536))
            except OSError:
                break
    os.close(descriptor)
    return b"".join(parts).decode()


def add_link(project: GitProject, branch: str, path: str, target: str) -> None:
    """A commit on the branch with a symbolic link more."""
    blob = project.git("hash-object", "-w", "--stdin", stdin=target.encode())
    entries = [*project.git("ls-tree", "-r", f"refs/heads/{branch}").splitlines(), f"120000 blob {blob}\t{path}"]
    project.git("read-tree", "--empty")
    project.git("update-index", "--index-info", stdin="\n".join(entries).encode())
    commit = project.git("commit-tree", "-m", "link", "-p", f"refs/heads/{branch}", project.git("write-tree"))
    project.git("update-ref", f"refs/heads/{branch}", commit)
