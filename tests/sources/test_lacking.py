"""What an archive lacks because git keeps it elsewhere is said by the ref and kept with the version."""

import io
import zipfile
from collections.abc import Generator, Sequence

import pytest
from sqlalchemy import select

from packistry.db.models import Project, Version
from packistry.house import House
from packistry.sources.lacking import lacking, submodules
from tests.fakes.git_projects import library
from tests.fakes.github import FakeGitHub
from tests.fakes.host import FakeProject, Reply
from tests.sources.conftest import Connected
from tests.sources.hosted import Hosted, hosted_on

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n"
MODULES = b'[submodule "one"]\n\tpath = lib/one\n\turl = ../one.git\n[submodule "two"]\n\tpath = "packages/core/two"\n'
WITH_ONE = (
    "Its archive lacks what is in the git submodule lib/one: commit the files themselves, or require them as packages."
)


def add_submodule(connected: Connected, branch: str, path: str) -> None:
    """A commit on the branch that has a submodule at the path, as `git submodule add` makes it."""
    git = connected.project.git
    tree = git("ls-tree", "-r", f"refs/heads/{branch}").splitlines()
    entries = [*tree, f"160000 commit {'1' * 40}\t{path}"]
    git("read-tree", "--empty")
    git("update-index", "--index-info", stdin="\n".join(entries).encode())
    commit = git("commit-tree", "-m", "submodule", "-p", f"refs/heads/{branch}", git("write-tree"))
    git("update-ref", f"refs/heads/{branch}", commit)


def test_a_submodule_is_named_by_the_ref_and_the_version(connected: Connected) -> None:
    connected.project.push_branch("main", {**library(), ".gitmodules": MODULES})
    add_submodule(connected, "main", "lib/one")

    refs = connected.run()

    assert (refs["main"].state, refs["main"].reason) == ("imported", WITH_ONE)
    assert _warnings(connected) == [WITH_ONE]


def test_a_submodule_is_named_where_gitmodules_is_not_exported(connected: Connected) -> None:
    connected.project.push_branch(
        "main", {**library(), ".gitmodules": MODULES, ".gitattributes": b".git* export-ignore\n"}
    )
    add_submodule(connected, "main", "lib/one")

    assert connected.run()["main"].reason == WITH_ONE


def test_a_submodule_elsewhere_in_the_project_is_nothing_to_a_directory_of_it(connected: Connected) -> None:
    core = {f"packages/core/{name}": content for name, content in library(name="acme/core").items()}
    connected.project.push_branch("main", {**library(), **core, ".gitmodules": MODULES})
    add_submodule(connected, "main", "lib/one")
    with connected.house.database.write() as session:
        session.get_one(Project, connected.project_id).directory = "packages/core"

    first = connected.run()["main"].reason
    add_submodule(connected, "main", "packages/core/two")
    second = connected.run()["main"].reason

    assert first is None
    assert second is not None
    assert second.startswith("Its archive lacks what is in the git submodule two:")


def test_a_folder_that_is_empty_once_exported_is_no_submodule(connected: Connected) -> None:
    connected.project.push_branch(
        "main", {**library(), ".gitmodules": MODULES, "empty/.gitattributes": b"* export-ignore\n"}
    )

    assert connected.run()["main"].reason is None


def test_pointers_of_lfs_are_counted(connected: Connected) -> None:
    large = {f"large/{letter}.bin": POINTER for letter in "abcde"}
    connected.project.push_branch("main", {**library(), **large, "docs.md": b"# " + POINTER})

    refs = connected.run()

    assert refs["main"].state == "imported"
    assert refs["main"].reason == (
        "Its archive has pointers of Git LFS in place of the files large/a.bin, large/b.bin, large/c.bin and 2 more: "
        "let the host put LFS objects into archives, or commit the files themselves."
    )


def test_what_needs_nothing_says_nothing(connected: Connected) -> None:
    connected.project.push_branch("main", library())

    assert connected.run()["main"].reason is None
    assert _warnings(connected) == []


class Zipping(FakeGitHub):
    """Sends archives as GitHub makes them: an entry for each folder, that of a submodule too."""

    def redirect_to_archive(self, project: FakeProject, commit: str) -> Reply:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name in ("top/", "top/composer.json", "top/lib/", "top/lib/one/", "top/src/", "top/src/a.php"):
                archive.writestr(name, b"" if name.endswith("/") else project.commits[commit].files[name[4:]])
        return Reply(200, buffer.getvalue())


@pytest.fixture
def hosted(house: House) -> Generator[Hosted]:
    with Zipping().running() as host:
        yield hosted_on(house, host)


def test_a_submodule_at_a_hosted_project_is_named_too(hosted: Hosted) -> None:
    files = {"composer.json": b'{"name": "acme/widgets"}', "src/a.php": b"<?php", ".gitmodules": MODULES}
    hosted.remote.push_branch("main", files)

    hosted.run()

    with hosted.house.database.read() as session:
        assert session.scalars(select(Version.warnings)).one() == [WITH_ONE]


@pytest.mark.parametrize(
    ("content", "directory", "paths"),
    [
        (b"", "", []),
        (MODULES, "", ["lib/one", "packages/core/two"]),
        (MODULES, "packages/core", ["two"]),
        (MODULES, "packages", ["core/two"]),
        (b'[submodule "x"]\r\n  path=x y\r\n', "", ["x y"]),
        (b"\xff\xfe path", "", []),
        (b"path = \xff", "", ["\ufffd"]),
    ],
)
def test_paths_of_submodules_are_read(content: bytes, directory: str, paths: Sequence[str]) -> None:
    assert submodules(content, directory) == paths


def test_one_sentence_tells_of_both() -> None:
    told = lacking(["a"], ["b"]) or ""

    assert "git submodule a:" in told
    assert "the file b:" in told


def _warnings(connected: Connected) -> list[str]:
    with connected.house.database.read() as session:
        return session.scalars(select(Version.warnings)).one()
