"""What a mirror keeps, what it costs, and who may use it at once; against a real server."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from packistry.errors import HostUnavailable, NotFound, Refusal
from packistry.outbound.client import Client
from packistry.providers.git import PlainGit
from packistry.providers.git_mirror import mirror_path
from packistry.providers.git_process import GitLimits
from tests.fakes.git_projects import library, manifest
from tests.providers.git_scene import NAME, Scene, archived, open_scene, patient
from tests.tools import ROOT


@pytest.fixture
def scene(tmp_path: Path, client: Client) -> Iterator[Scene]:
    with open_scene(tmp_path, client) as scene:
        yield scene


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


def test_a_branch_may_take_the_name_of_a_folder_of_branches(scene: Scene) -> None:
    first = scene.source.push_branch("release/one", library(note="one"))
    scene.read(first)
    scene.source.delete("refs/heads/release/one")
    second = scene.source.push_branch("release", library(note="two"))

    assert scene.read(second) == manifest()


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


def test_readers_that_come_and_go_do_not_keep_a_new_commit_waiting(scene: Scene) -> None:
    project, old = scene.project, scene.source.commit_of("main")
    scene.archive(old)
    new = scene.source.push_branch("main", library(note="new"))
    is_over = threading.Event()

    def read() -> None:
        while not is_over.is_set():
            archived(scene.provider, scene.connection, project, old)

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        try:
            assert archived(PlainGit(GitLimits(lock_seconds=20)), scene.connection, project, new)
        finally:
            is_over.set()

    assert [reader.result() for reader in readers] == [None] * 4


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


def test_mirrors_of_others_than_the_wanted_projects_are_removed(scene: Scene) -> None:
    commit = scene.source.commit_of("main")
    scene.archive(commit)
    folder = scene.connection.folder

    assert scene.provider.keep_only(folder, [NAME]) == 0
    assert scene.provider.keep_only(folder, ["acme/gadgets.git"]) == 1

    assert list((folder / "mirrors").iterdir()) == []
    assert scene.archive(commit)["composer.json"] == manifest()


def test_a_folder_without_mirrors_has_none_to_remove(scene: Scene, tmp_path: Path) -> None:
    assert scene.provider.keep_only(tmp_path / "nowhere", []) == 0


def test_what_a_kill_left_of_a_removal_is_removed_the_next_time(scene: Scene) -> None:
    scene.archive(scene.source.commit_of("main"))
    [mirror] = (scene.connection.folder / "mirrors").iterdir()
    mirror.rename(mirror.with_name(f"{mirror.name}-0123"))

    assert scene.provider.keep_only(scene.connection.folder, [NAME]) == 1
    assert list((scene.connection.folder / "mirrors").iterdir()) == []


def test_a_mirror_in_use_stays(scene: Scene) -> None:
    scene.archive(scene.source.commit_of("main"))
    path = mirror_path(scene.connection.folder, NAME)
    with (path / "packistry.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)

        assert scene.provider.keep_only(scene.connection.folder, []) == 0

    assert path.exists()


def test_whoever_waited_for_a_mirror_that_was_removed_makes_it_anew(scene: Scene) -> None:
    commit = scene.source.commit_of("main")
    scene.archive(commit)
    path = mirror_path(scene.connection.folder, NAME)
    with ThreadPoolExecutor(1) as executor, (path / "packistry.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = executor.submit(scene.archive, commit)
        time.sleep(0.3)
        path.rename(path.with_name("removed"))
        fcntl.flock(lock, fcntl.LOCK_UN)

        assert waiting.result()["composer.json"] == manifest()

    assert (path / "packistry.lock").exists()
