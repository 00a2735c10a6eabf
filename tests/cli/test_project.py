"""`packistry project`, in front of a real git server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from packistry.documents.sources import AddedProjectDocument, ImportDocument
from packistry.documents.subjects import DeletedDocument
from tests.cli.conftest import Packistry
from tests.fakes.git_host import GitHost
from tests.fakes.git_projects import library, make_project


@pytest.fixture
def added(packistry: Packistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Packistry]:
    """Commands in a house with one project of a git server, added and not imported yet."""
    monkeypatch.setenv("PACKISTRY_OUTBOUND_ALLOW", "127.0.0.1")
    make_project(tmp_path / "git", "widgets.git").push_branch("main", library())
    with GitHost(tmp_path / "git").running() as host:
        packistry("repository", "add", "Acme", "--path", "acme", code=0)
        packistry("source", "add", "local", "--provider", "git", "--url", host.address, code=0)
        packistry("package", "add", "local", "widgets.git", "--repository", "acme", "--tag", "v*", "--no-hook", code=0)
        yield packistry


def test_a_project_is_listed_with_what_was_said_when_it_was_added(added: Packistry) -> None:
    [project] = added("project", "list", "--source", "local", "--json", code=0).documents(AddedProjectDocument)

    assert (project.source, project.project, project.repository) == ("local", "widgets.git", "acme")
    assert (project.tags, project.branches, project.hook, project.rule) == (["v*"], [], False, None)


def test_a_list_for_people_names_it_with_its_number(added: Packistry) -> None:
    [header, row] = added("project", "list", code=0).out.splitlines()

    assert header.split() == ["PROJECT", "SOURCE", "NAME", "REPOSITORY", "PACKAGE", "REFS", "PROBLEM"]
    assert row.split() == ["1", "local", "widgets.git", "acme", "-", "v*"]


def test_settings_are_changed_and_shown(added: Packistry) -> None:
    words = ("--tag", "v2.*", "--tag", "!*-rc*", "--branch", "main", "--hook")

    changed = added("project", "update", "widgets.git", *words, "--json", code=0).document(AddedProjectDocument)

    assert (changed.tags, changed.branches, changed.hook) == (["v2.*", "!*-rc*"], ["main"], True)
    assert added("project", "show", "1", "--json", code=0).document(AddedProjectDocument) == changed
    assert "tags:       v2.*, !*-rc*" in added("project", "show", "1", code=0).out


def test_a_pattern_that_can_be_none_is_refused_and_nothing_is_changed(added: Packistry) -> None:
    refused = added("project", "update", "1", "--branch", "main", "--tag", "", "--json")

    assert (refused.refusal.code, refused.refusal.field) == ("invalid_input", "tag")
    assert added("project", "show", "1", "--json").document(AddedProjectDocument).branches == []


def test_it_goes_to_another_repository_and_is_imported_there(added: Packistry) -> None:
    added("repository", "add", "Internal", "--path", "internal", code=0)

    moved = added("project", "update", "1", "--repository", "internal", "--json", code=0).document(AddedProjectDocument)

    assert (moved.id, moved.repository, moved.tags) == (2, "internal", ["v*"])
    newest = added("import", "list", "--json", code=0).documents(ImportDocument)[0]
    assert (newest.repository, newest.cause, newest.state) == ("internal", "first", "waiting")


def test_a_deleted_project_is_gone_and_can_be_added_again(added: Packistry) -> None:
    gone = added("project", "delete", "widgets.git", "--yes", "--json", code=0).document(DeletedDocument)

    assert (gone.deleted, gone.id, gone.name) == ("project", 1, "widgets.git")
    assert added("project", "list", code=0).out == "There is no project; `packistry package add`.\n"
    assert added("project", "show", "1", "--json").refusal.code == "not_found"
    assert added("import", "list", "--open", "--json").documents(ImportDocument) == []
    added("package", "add", "local", "widgets.git", "--repository", "acme", code=0)
    assert len(added("project", "list", "--json").documents(AddedProjectDocument)) == 1
