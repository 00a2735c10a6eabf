"""Plain git against real servers: `git http-backend` and sshd on loopback."""

import io
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from packistry.errors import (
    CredentialRefused,
    HostRefused,
    HostUnavailable,
    InvalidInput,
    NotFound,
    RateLimited,
    Refusal,
)
from packistry.outbound.client import Client
from packistry.providers.base import Connection, Finding, Project, Ref, RefKind
from packistry.providers.git import PlainGit
from packistry.providers.git_needs import needs_lfs, needs_submodules
from packistry.providers.git_process import GitLimits
from tests.fakes.git_host import GitHost, Reply
from tests.fakes.git_projects import FIRST_COMMIT_AT, GitProject, library, make_library, make_project, manifest
from tests.tools import ROOT

NAME = "acme/widgets.git"


@dataclass(frozen=True, slots=True)
class Scene:
    """A source in front of a git server that has one library."""

    host: GitHost
    source: GitProject
    connection: Connection
    provider: PlainGit

    @property
    def project(self) -> Project:
        return self.provider.project(self.connection, NAME)

    def refs(self) -> dict[str, str]:
        folders = {RefKind.BRANCH: "refs/heads/", RefKind.TAG: "refs/tags/"}
        return {folders[ref.kind] + ref.name: ref.commit for ref in self.provider.refs(self.connection, self.project)}

    def read(self, commit: str, path: str = "composer.json") -> bytes | None:
        return self.provider.read_file(self.connection, self.project, commit, path)

    def archive(self, commit: str) -> dict[str, bytes]:
        return archived(self.provider, self.connection, self.project, commit)

    def mirror(self, *words: str) -> str:
        """What git says of the one mirror there is."""
        (path,) = (self.connection.folder / "mirrors").iterdir()
        return GitProject(path).git(*words)


def archived(provider: PlainGit, connection: Connection, project: Project, commit: str) -> dict[str, bytes]:
    """The files in the archive of a commit."""
    buffer = io.BytesIO()
    provider.download_archive(connection, project, commit, buffer)
    buffer.seek(0)
    with tarfile.open(fileobj=buffer) as archive:
        members = [member for member in archive.getmembers() if member.isfile()]
        return {member.name: (archive.extractfile(member) or io.BytesIO()).read() for member in members}


@pytest.fixture
def scene(tmp_path: Path, client: Client) -> Iterator[Scene]:
    source = make_library(tmp_path / "srv", NAME)
    with GitHost(tmp_path / "srv").running() as host:
        yield Scene(host, source, Connection(host.address, {}, {}, client, tmp_path / "source"), PlainGit())


def patient(seconds: float) -> PlainGit:
    """A provider whose git may take so long for anything."""
    return PlainGit(GitLimits(question_seconds=seconds, fetch_seconds=seconds, archive_seconds=seconds))


@contextmanager
def troubled(scene: Scene, answer: Callable[[str], Reply | None]) -> Generator[None]:
    scene.host.trouble = answer
    yield
    scene.host.trouble = lambda path: None


def test_a_project_is_its_path_below_the_address(scene: Scene) -> None:
    project = scene.project

    assert project.id == project.full_name == NAME
    assert project.clone_url == f"{scene.host.address}/{NAME}"
    assert project.default_branch == "main"
    assert not project.may_create_hooks


def test_the_default_branch_is_the_one_that_head_names(scene: Scene) -> None:
    scene.source.set_default_branch("1.x")

    assert scene.project.default_branch == "1.x"


def test_an_empty_project_has_no_refs(scene: Scene, tmp_path: Path) -> None:
    make_project(tmp_path / "srv", "acme/empty.git")

    project = scene.provider.project(scene.connection, "acme/empty.git")

    assert list(scene.provider.refs(scene.connection, project)) == []


@pytest.mark.parametrize("written", ["acme/widgets.git", "acme/widgets", "/acme/widgets.git/"])
def test_a_project_is_found_as_people_write_it(scene: Scene, written: str) -> None:
    assert scene.provider.project_named(scene.connection, written).id == written.strip("/")


def test_a_project_that_only_the_other_spelling_has_is_found(scene: Scene, tmp_path: Path) -> None:
    make_project(tmp_path / "srv", "acme/bare")

    assert scene.provider.project_named(scene.connection, "acme/bare.git").id == "acme/bare"


def test_unknown_projects_are_not_found(scene: Scene) -> None:
    with pytest.raises(NotFound, match=r"has no project acme/nothing"):
        scene.provider.project_named(scene.connection, "acme/nothing")


@pytest.mark.parametrize("path", ["../srv/acme/widgets.git", "acme//widgets", "-u/x", "a/-b", "a\nb", "", ".", "a/./b"])
def test_paths_that_lead_elsewhere_are_no_projects(scene: Scene, path: str) -> None:
    with pytest.raises(NotFound, match="no path of a project"):
        scene.provider.project(scene.connection, path)

    assert scene.host.paths == []


def test_projects_cannot_be_listed_and_the_check_says_so(scene: Scene) -> None:
    report = scene.provider.check(scene.connection)

    assert list(scene.provider.projects(scene.connection, search="acme")) == []
    assert report.lines[0].finding is Finding.GOOD
    assert any("cannot list its projects" in line.sentence for line in report.lines)


def test_hundreds_of_refs_are_listed_with_the_commits_they_stand_for(scene: Scene) -> None:
    scene.source.push_branches({f"feature/{number}": library(note=str(number)) for number in range(200)})
    scene.source.push_tags({f"v2.{number}": scene.source.commit_of("main") for number in range(200)}, annotated=False)
    scene.source.push_tag("v3.0", scene.source.commit_of("feature/7"), annotated=True)

    assert scene.refs() == scene.source.refs()
    assert len(scene.refs()) == 406
    # Listing costs no mirror.
    assert not (scene.connection.folder / "mirrors").exists()


@pytest.mark.parametrize(
    "name", ["-dash", "ünïcode/☃", "with'quote", "a$(id)`b`", "semi;colon", "per%20cent", "-u=touch", "x" * 200]
)
def test_refs_of_any_name_are_read(scene: Scene, name: str) -> None:
    commit = scene.source.push_branch("odd", library(note=name))
    scene.source.git("update-ref", f"refs/heads/{name}", commit)
    scene.source.git("update-ref", f"refs/tags/{name}", commit)

    refs = list(scene.provider.refs(scene.connection, scene.project))

    assert Ref(RefKind.BRANCH, name, commit) in refs
    assert Ref(RefKind.TAG, name, commit) in refs
    assert scene.archive(commit)["composer.json"] == manifest()


def test_refs_that_git_itself_forbids_do_not_harm_the_rest(scene: Scene) -> None:
    commit = scene.source.commit_of("main")
    lines = b"".join(
        b"%04x%s" % (len(line) + 4, line)
        for line in (
            f"{commit} refs/heads/main\n".encode(),
            f"{commit} refs/heads/../../escape\n".encode(),
            f"{commit} refs/heads/with space\n".encode(),
            f"{commit} refs/tags/a..b\n".encode(),
            b"not-an-id refs/heads/broken\n",
        )
    )
    greeting = f"{commit} refs/heads/-first\0side-band-64k ofs-delta agent=hostile\n".encode()
    body = b"001e# service=git-upload-pack\n0000%04x%s%s0000" % (len(greeting) + 4, greeting, lines)
    reply = Reply(200, {"Content-Type": "application/x-git-upload-pack-advertisement"}, body)
    project = scene.project

    with troubled(scene, lambda path: reply if path.endswith("info/refs") else None):
        try:
            names = {ref.name for ref in scene.provider.refs(scene.connection, project)}
        except HostUnavailable:
            names = set[str]()

    assert names <= {"-first", "main", "../../escape", "with space", "a..b"}
    assert not list(scene.connection.folder.rglob("escape"))


def test_the_date_is_the_authors_in_utc(scene: Scene) -> None:
    moment = FIRST_COMMIT_AT + timedelta(days=400)
    commit = scene.source.push_branch("main", library(note="later"), at=moment)

    at = scene.provider.committed_at(scene.connection, scene.project, commit)

    assert at == moment
    assert at.tzinfo is UTC


def test_files_are_read_at_the_commit(scene: Scene) -> None:
    old = scene.source.commit_of("main")
    new = scene.source.push_branch("main", library(version="9.9.9"))

    assert scene.read(old) == manifest()
    assert scene.read(new) == manifest(version="9.9.9")
    assert scene.read(new, "src/Widget.php") == library()["src/Widget.php"]


@pytest.mark.parametrize(
    "path", ["missing.json", "src", "../composer.json", "/composer.json", "-z", ":(top)*", "", "*"]
)
def test_what_is_no_file_of_the_commit_is_none(scene: Scene, path: str) -> None:
    assert scene.read(scene.source.commit_of("main"), path) is None


def test_no_more_than_a_mebibyte_of_a_file_is_read(scene: Scene) -> None:
    commit = scene.source.push_branch("main", {"composer.json": b"x" * (3 * 1024**2)})

    assert scene.read(commit) == b"x" * 1024**2


def test_the_archive_leaves_out_what_is_marked_export_ignore(scene: Scene) -> None:
    files = scene.archive(scene.source.commit_of("refs/tags/1.2.0"))

    assert sorted(files) == ["README.md", "composer.json", "src/Widget.php"]
    assert b"Release 2" in files["README.md"]


def test_files_of_a_commit_come_in_one_fetch(scene: Scene) -> None:
    commit = scene.source.push_branch("main", {f"src/{number}.php": b"%d" % number for number in range(50)})
    scene.provider.committed_at(scene.connection, scene.project, commit)
    before = scene.host.count("git-upload-pack")

    assert len(scene.archive(commit)) == 50
    # One question for refs is asked before each fetch in git's second protocol.
    assert scene.host.count("git-upload-pack") - before <= 3


def test_the_mirror_has_no_files_that_nobody_asked_for(scene: Scene) -> None:
    commit = scene.source.push_branch("main", {"composer.json": b"{}", "large.bin": os.urandom(300_000)})
    scene.provider.committed_at(scene.connection, scene.project, commit)

    assert "?" in scene.mirror("rev-list", "--all", "--objects", "--missing=print")
    assert sum(path.stat().st_size for path in scene.connection.folder.rglob("*.pack")) < 100_000


def test_a_server_that_cannot_leave_files_out_is_mirrored_whole(scene: Scene) -> None:
    scene.source.git("config", "uploadpack.allowFilter", "false")

    assert scene.archive(scene.source.commit_of("main"))["composer.json"] == manifest()


def test_commits_that_are_here_cost_no_request(scene: Scene) -> None:
    commit, project = scene.source.commit_of("main"), scene.project
    scene.archive(commit)
    scene.host.paths.clear()

    scene.provider.read_file(scene.connection, project, commit, "composer.json")
    archived(scene.provider, scene.connection, project, commit)

    assert scene.host.paths == []


def test_many_commits_cost_few_fetches(scene: Scene) -> None:
    scene.source.push_branches({f"b{number:02}": library(note=f"b{number}") for number in range(60)})

    for number in range(60):
        scene.read(scene.source.commit_of(f"b{number:02}"))

    assert scene.host.count("git-upload-pack") < 60 + 40  # 60 of them asked for the project, not for files


def test_a_branch_that_moved_keeps_its_old_commit(scene: Scene) -> None:
    old = scene.source.commit_of("main")
    scene.read(old)
    new = scene.source.push_branch("other", library(note="elsewhere"))
    scene.source.reset_branch("main", new)
    scene.source.delete("refs/heads/1.x")
    scene.source.collect_garbage()

    assert scene.archive(new)
    assert b"On main" in scene.archive(old)["README.md"]


def test_a_tag_that_was_moved_by_force_keeps_both_commits(scene: Scene) -> None:
    first = scene.source.commit_of("refs/tags/1.0.0")
    scene.read(first)
    second = scene.source.push_branch("hotfix", library(note="moved"))
    scene.source.push_tag("1.0.0", second, annotated=True)

    assert scene.refs()["refs/tags/1.0.0"] == second
    assert b"moved" in scene.archive(second)["README.md"]
    assert b"Release 0" in scene.archive(first)["README.md"]


def test_a_deleted_tag_still_has_its_archive_after_all_tidying(scene: Scene) -> None:
    commit = scene.source.push_branch("temporary", library(note="deleted soon"))
    scene.source.push_tag("5.0.0", commit)
    scene.archive(commit)
    scene.source.delete("refs/tags/5.0.0")
    scene.source.delete("refs/heads/temporary")
    scene.source.collect_garbage()
    scene.read(scene.source.push_branch("main", library(note="fetch and prune")))

    scene.mirror("gc", "--prune=now")

    assert "refs/tags/5.0.0" not in scene.refs()
    assert "refs/tags/5.0.0" not in scene.mirror("for-each-ref", "--format=%(refname)")
    assert b"deleted soon" in scene.archive(commit)["README.md"]


def test_many_packs_are_put_into_one_and_nothing_is_lost(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("packistry.providers.git_mirror._PACKS", 1)
    commits = [scene.source.push_branch("main", library(note=str(number))) for number in range(4)]

    for commit in commits:
        scene.archive(commit)

    assert [scene.archive(commit)["README.md"] for commit in commits] == [
        library(note=str(number))["README.md"] for number in range(4)
    ]
    assert len(list(scene.connection.folder.rglob("*.pack"))) <= 2


def test_a_commit_of_no_branch_is_fetched_by_its_id(scene: Scene) -> None:
    commit = scene.source.push_branch("short", library(note="of no branch"))
    scene.source.delete("refs/heads/short")

    assert b"of no branch" in scene.archive(commit)["README.md"]


@pytest.mark.parametrize("commit", ["1" * 40, "HEAD", "--output=/tmp/x", "main", "", "1" * 39 + "\n"])
def test_commits_that_the_project_lacks_are_not_found(scene: Scene, commit: str) -> None:
    with pytest.raises(NotFound):
        scene.archive(commit)


def test_a_tag_of_a_file_does_not_stop_the_rest(scene: Scene) -> None:
    blob = scene.source.git("rev-parse", "main:README.md")
    scene.source.git("update-ref", "refs/tags/readme", blob)

    assert scene.read(scene.source.commit_of("main")) == manifest()
    with pytest.raises(Refusal):
        scene.archive(blob)


def test_a_branch_may_take_the_name_of_a_folder_of_branches(scene: Scene) -> None:
    first = scene.source.push_branch("release/one", library(note="one"))
    scene.read(first)
    scene.source.delete("refs/heads/release/one")
    second = scene.source.push_branch("release", library(note="two"))

    assert scene.read(second) == manifest()


def test_submodules_and_lfs_are_told_of(scene: Scene) -> None:
    plain = scene.source.commit_of("main")
    modules = scene.source.push_branch("modules", {**library(), ".gitmodules": b'[submodule "x"]\n\tpath = x\n'})
    large = scene.source.push_branch("large", {**library(), ".gitattributes": b"*.psd filter=lfs diff=lfs -text\n"})
    told = scene.source.push_branch("told", {**library(), ".gitattributes": b"# *.psd filter=lfs\n"})

    def needs(commit: str) -> tuple[bool, bool]:
        where = (scene.provider, scene.connection, scene.project, commit)
        return needs_submodules(*where), needs_lfs(*where)

    assert [needs(commit) for commit in (plain, modules, large, told)] == [
        (False, False),
        (True, False),
        (False, True),
        (False, False),
    ]


def test_a_password_is_sent_in_a_header_and_never_shown(scene: Scene, client: Client) -> None:
    scene.host.users["zoe"] = "s3cret-of-zoe"
    connection = Connection(
        scene.connection.address, {"password": "s3cret-of-zoe"}, {"username": "zoe"}, client, scene.connection.folder
    )

    project = scene.provider.project(connection, NAME)
    files = archived(scene.provider, connection, project, scene.source.commit_of("main"))

    assert "composer.json" in files
    assert "s3cret" not in repr(project) + repr(scene.provider.check(connection))
    assert not any(b"s3cret" in path.read_bytes() for path in connection.folder.rglob("*") if path.is_file())
    assert set(scene.host.credentials) == {"Basic em9lOnMzY3JldC1vZi16b2U="}


@pytest.mark.parametrize("password", ["", "wrong"])
def test_a_wrong_password_is_refused_without_asking_anybody(scene: Scene, client: Client, password: str) -> None:
    scene.host.users["zoe"] = "right"
    connection = Connection(
        scene.connection.address, {"password": password}, {"username": "zoe"}, client, scene.connection.folder
    )

    with pytest.raises(CredentialRefused, match="source rotate"):
        scene.provider.project(connection, NAME)
    assert scene.provider.check(connection).lines[0].finding is (Finding.BAD if password else Finding.WARNING)


def statuses() -> list[tuple[int, type[Refusal]]]:
    return [
        (403, CredentialRefused),
        (404, NotFound),
        (410, NotFound),
        (429, RateLimited),
        (500, HostUnavailable),
        (503, HostUnavailable),
    ]


@pytest.mark.parametrize(("status", "refusal"), statuses())
def test_every_status_has_its_refusal(scene: Scene, status: int, refusal: type[Refusal]) -> None:
    with troubled(scene, lambda path: Reply(status)), pytest.raises(refusal) as refused:
        scene.provider.project(scene.connection, NAME)

    assert type(refused.value) is refusal


def test_a_page_of_html_is_no_git_server(scene: Scene) -> None:
    page = Reply(200, {"Content-Type": "text/html"}, b"<html>Sign in</html>")

    with troubled(scene, lambda path: page), pytest.raises(HostUnavailable, match="did not answer as a git server"):
        scene.provider.project(scene.connection, NAME)


@pytest.mark.parametrize(
    "location", ["file:///etc/", "ext::sh -c touch% /tmp/pwned", "http://127.0.0.1:{other}/x", "git://x/y"]
)
@pytest.mark.parametrize("status", [301, 302, 307])
def test_redirects_are_followed_nowhere(scene: Scene, tmp_path: Path, status: int, location: str) -> None:
    with GitHost(tmp_path / "srv").running() as other:
        there = location.format(other=other.address.rpartition(":")[2])
        reply = Reply(status, {"Location": f"{there}/info/refs?service=git-upload-pack"})

        with troubled(scene, lambda path: reply), pytest.raises(HostRefused, match="sends us elsewhere"):
            scene.provider.project(scene.connection, NAME)

        assert other.paths == []


def test_a_server_without_smart_http_cannot_lead_elsewhere(scene: Scene, tmp_path: Path) -> None:
    commit = scene.source.commit_of("main")
    with GitHost(tmp_path / "srv").running() as other:
        answers = {
            "info/refs": Reply(200, {"Content-Type": "text/plain"}, f"{commit}\trefs/heads/main\n".encode()),
            "http-alternates": Reply(200, {}, f"{other.address}/{NAME}/objects\n".encode()),
            "alternates": Reply(200, {}, b"/etc\n"),
            "HEAD": Reply(200, {}, b"ref: refs/heads/main\n"),
        }
        project = scene.project

        def dumb(path: str) -> Reply:
            return next((reply for end, reply in answers.items() if path.endswith(end)), Reply(404))

        with troubled(scene, dumb), pytest.raises(Refusal):
            archived(scene.provider, scene.connection, project, commit)

        assert other.paths == []


@pytest.mark.parametrize(
    "address",
    [
        "file:///srv/git",
        "ext::sh -c id",
        "-oProxyCommand=id",
        "ssh://-oProxyCommand=id/x",
        "ssh://git@-host/x",
        "-x@host:path",
        "git@-host:path",
        "git@host::path",
        "/srv/git",
        "git://host/x",
        "https://zoe:secret@host/x",
        "https://host/../x",
        "https://host/x?y=z",
        "https://host:99999/",
        "https:///x",
        "https://ho st/",
        "http://host\n/",
    ],
)
def test_addresses_that_git_must_not_see_are_refused(client: Client, tmp_path: Path, address: str) -> None:
    connection = Connection(address, {"private_key": "x"}, {}, client, tmp_path)

    with pytest.raises(InvalidInput, match="cannot be the address of a git server") as refused:
        PlainGit().project(connection, "x")

    assert "secret" not in refused.value.sentence


def test_nothing_of_the_machine_or_the_person_is_read(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "marker"
    (tmp_path / ".gitconfig").write_text(
        f'[core]\n\tsshCommand = touch {marker}\n[url "file:///"]\n\tinsteadOf = http://\n'
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / ".gitconfig"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    monkeypatch.setenv("GIT_EXEC_PATH", str(tmp_path))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    # A repository around the data folder, whose configuration git would find by itself.
    subprocess.run(["git", "init", "-q", scene.connection.folder.parent], check=True, env={"PATH": os.environ["PATH"]})
    with (scene.connection.folder.parent / ".git" / "config").open("a") as config:
        config.write('[url "file:///"]\n\tinsteadOf = http://\n')

    assert scene.archive(scene.source.commit_of("main"))
    assert not marker.exists()


def test_a_host_that_hangs_is_left_and_the_next_run_mends(scene: Scene) -> None:
    project, commit = scene.project, scene.source.commit_of("main")
    scene.host.hang_after_bytes = 600
    scene.source.push_branch("large", {"large.bin": os.urandom(5000)})
    started = time.monotonic()

    with pytest.raises(HostUnavailable, match="took too long"):
        archived(patient(1.5), scene.connection, project, commit)

    assert time.monotonic() - started < 10
    scene.host.hang_after_bytes = None
    assert scene.archive(commit)


def test_a_process_killed_in_the_middle_of_a_fetch_leaves_what_the_next_one_mends(scene: Scene) -> None:
    commit = scene.source.push_branch(
        "main", {"composer.json": b"{}", **{f"{n}.txt": os.urandom(60) for n in range(300)}}
    )
    scene.host.hang_after_bytes = 3000
    child = start_fetching(scene, commit)
    assert scene.host.is_hanging.wait(20)

    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    stale = next((scene.connection.folder / "mirrors").iterdir()) / "packed-refs.lock"
    stale.touch()
    scene.host.hang_after_bytes = None

    # git itself goes on, holds the lock, and ends when the host does not say more; here we end it.
    end_children_of(scene.connection.folder)
    assert scene.archive(commit)["composer.json"] == b"{}"
    assert not stale.exists()
    assert scene.mirror("fsck", "--connectivity-only", "--no-dangling") == ""


def test_two_processes_at_once_both_get_the_commit(scene: Scene) -> None:
    commits = [scene.source.push_branch(f"b{number}", library(note=str(number))) for number in range(2)]
    children = [start_fetching(scene, commit) for commit in commits]

    assert [child.wait(60) for child in children] == [0, 0]
    assert all(scene.archive(commit) for commit in commits)


def test_many_threads_at_once_all_get_their_commits(scene: Scene) -> None:
    scene.source.push_branches({f"b{number}": library(note=str(number)) for number in range(12)})
    commits = [scene.source.commit_of(f"b{number}") for number in range(12)]

    with ThreadPoolExecutor(6) as pool:
        files = list(pool.map(scene.archive, commits))

    assert [one["README.md"] for one in files] == [library(note=str(number))["README.md"] for number in range(12)]
    assert scene.host.count("git-upload-pack") < 60


def test_who_waits_too_long_for_the_mirror_says_so(scene: Scene) -> None:
    project, commit = scene.project, scene.source.commit_of("main")
    impatient = PlainGit(GitLimits(lock_seconds=0.2))
    scene.host.hang_after_bytes = 600

    def hold() -> None:
        with suppress(Refusal):
            archived(patient(3), scene.connection, project, commit)

    holder = threading.Thread(target=hold)
    holder.start()
    assert scene.host.is_hanging.wait(20)

    with pytest.raises(HostUnavailable, match="in use for too long"):
        archived(impatient, scene.connection, project, commit)

    holder.join()


def test_an_archive_past_the_limit_is_refused(scene: Scene) -> None:
    small = PlainGit(GitLimits(archive_bytes=4096))

    with pytest.raises(HostUnavailable, match="most we take"):
        archived(small, scene.connection, scene.project, scene.source.commit_of("main"))


def test_a_date_that_no_calendar_knows_is_refused(scene: Scene) -> None:
    tree = scene.source.git("rev-parse", "main^{tree}")
    raw = f"tree {tree}\nauthor A <a@b.c> 99999999999999 +0000\ncommitter A <a@b.c> 1 +0000\n\nx\n".encode()
    commit = scene.source.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=raw)
    scene.source.reset_branch("odd", commit)

    with pytest.raises(HostRefused, match="no date"):
        scene.provider.committed_at(scene.connection, scene.project, commit)


def start_fetching(scene: Scene, commit: str) -> subprocess.Popen[bytes]:
    """Another process that downloads the archive of the commit."""
    script = (
        "import io, sys; from pathlib import Path\n"
        "from packistry.outbound.client import Client, OutboundLimits; from packistry.outbound.guard import Guard\n"
        "from packistry.providers.base import Connection; from packistry.providers.git import PlainGit\n"
        "client = Client(OutboundLimits(), Guard(['127.0.0.0/8']))\n"
        "connection = Connection(sys.argv[1], {}, {}, client, Path(sys.argv[2])); git = PlainGit()\n"
        "git.download_archive(connection, git.project(connection, sys.argv[3]), sys.argv[4], io.BytesIO())\n"
    )
    words = [scene.connection.address, str(scene.connection.folder), NAME, commit]
    return subprocess.Popen([sys.executable, "-c", script, *words], cwd=ROOT)


def end_children_of(folder: Path) -> None:
    """Ends the git processes that work in a folder of this test: a killed parent leaves them."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if b"HOME=" + os.fsencode(folder) in (entry / "environ").read_bytes():
                os.kill(int(entry.name), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
