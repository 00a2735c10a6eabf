"""Plain git against a real server, `git http-backend`: projects, refs, dates, files and archives."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from packistry.archives.limits import Limits
from packistry.archives.reader import read_archive
from packistry.errors import HostRefused, NotFound, Refusal
from packistry.outbound.client import Client
from packistry.providers.base import Finding, Ref, RefKind
from tests.fakes.git_projects import FIRST_COMMIT_AT, library, make_project, manifest
from tests.providers.git_scene import NAME, Scene, open_scene


@pytest.fixture
def scene(tmp_path: Path, client: Client) -> Iterator[Scene]:
    with open_scene(tmp_path, client) as scene:
        yield scene


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


def test_projects_cannot_be_listed_and_the_check_says_so(scene: Scene) -> None:
    report = scene.provider.check(scene.connection)

    with pytest.raises(HostRefused, match="cannot list its projects"):
        scene.provider.projects(scene.connection, search="acme")
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


@pytest.mark.parametrize("name", ["main", "-dash", "ünïcode/☃", "with'quote", "per%20cent", "-u=touch", "1.0/x"])
def test_one_ref_is_found_with_the_commit_it_stands_for_now(scene: Scene, name: str) -> None:
    find, project = scene.provider.find_ref, scene.project
    for folder in ("longer/", "refs/heads/"):
        scene.source.push_branch(f"{folder}{name}", library(note="another branch whose name ends so"))
    for number in range(2):
        commit = scene.source.push_branch("odd", library(note=f"{name} {number}"))
        scene.source.git("update-ref", f"refs/heads/{name}", commit)
        scene.source.git("tag", "-f", "-a", "-m", "x", "x", "odd")
        scene.source.git("update-ref", f"refs/tags/{name}", scene.source.git("rev-parse", "refs/tags/x"))

        assert find(scene.connection, project, RefKind.BRANCH, name) == Ref(RefKind.BRANCH, name, commit)
        assert find(scene.connection, project, RefKind.TAG, name) == Ref(RefKind.TAG, name, commit)


@pytest.mark.parametrize("kind", RefKind)
@pytest.mark.parametrize(
    "name", ["gone", "", "..", "../heads/main", "a\0b", "*", "[m]ain", "mai?", "main^{}", "main\n"]
)
def test_a_ref_that_is_not_there_is_none(scene: Scene, kind: RefKind, name: str) -> None:
    scene.source.push_tag("main", scene.source.commit_of("main"), annotated=True)
    for name_ending_so in ("longer/gone", "refs/heads/gone", "refs/tags/gone"):
        scene.source.push_branch(name_ending_so, library())

    assert scene.provider.find_ref(scene.connection, scene.project, kind, name) is None


def test_a_ref_is_found_without_a_mirror_and_not_in_a_project_that_is_gone(scene: Scene) -> None:
    project = scene.project

    assert scene.provider.find_ref(scene.connection, project, RefKind.BRANCH, "main")
    assert not (scene.connection.folder / "mirrors").exists()
    with pytest.raises(NotFound):
        scene.provider.find_ref(scene.connection, replace(project, id="acme/nothing"), RefKind.BRANCH, "main")


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


def test_a_tag_of_a_file_does_not_stop_the_rest(scene: Scene) -> None:
    blob = scene.source.git("rev-parse", "main:README.md")
    scene.source.git("update-ref", "refs/tags/readme", blob)

    assert scene.read(scene.source.commit_of("main")) == manifest()
    with pytest.raises(Refusal):
        scene.archive(blob)


def test_the_archive_room_reads_what_git_archives(scene: Scene, tmp_path: Path) -> None:
    commit = scene.source.push_branch("main", {**library(), "päth/ünd \u2603.txt": b"", "x/" * 60 + "deep.txt": b""})
    with (tmp_path / "archive").open("wb") as file:
        scene.provider.download_archive(scene.connection, scene.project, commit, file)

    contents = read_archive(tmp_path / "archive", Limits())

    assert contents.composer_json == manifest()
    assert contents.top_folder == f"widgets-{commit[:12]}"
    assert contents.readme == ("README.md", library()["README.md"])
