"""The projects of a host, listed, searched and found, tried with every provider against its fake host."""

from datetime import UTC, datetime

import pytest

from packistry.errors import HostRefused, NotFound
from tests.fakes.host import FakeProject
from tests.providers.conftest import Stage


def test_all_projects_are_listed_to_the_last_page(stage: Stage) -> None:
    added = stage.add_projects(250)

    projects = list(stage.provider.projects(stage.connection))

    assert {project.full_name for project in projects} == {"acme/widgets", *(one.full_name for one in added)}
    assert len(projects) == 251


def test_projects_are_asked_for_in_large_pages(stage: Stage) -> None:
    stage.add_projects(250)

    list(stage.provider.projects(stage.connection))

    assert len(stage.host.requests) <= 6


@pytest.mark.parametrize("search", ["gadget", "GADGET"])
def test_a_search_finds_by_a_part_of_the_name(stage: Stage, search: str) -> None:
    stage.host.add(FakeProject(13, "acme/gadgets"))

    found = stage.provider.projects(stage.connection, search=search)

    assert [project.full_name for project in found] == ["acme/gadgets"]


@pytest.mark.parametrize("search", ["100%", 'a"b', "a&b=c", "#", "a,b", "é"])
def test_a_search_takes_any_text_and_finds_nothing_by_it(stage: Stage, search: str) -> None:
    assert list(stage.provider.projects(stage.connection, search=search)) == []


@pytest.mark.parametrize("owner", ["acme", "octocat"])
def test_the_projects_of_an_organisation_or_a_person_are_listed(stage: Stage, owner: str) -> None:
    stage.host.add(FakeProject(13, "octocat/own"))

    if owner != stage.kind.settings.get("workspace", owner):
        with pytest.raises(NotFound, match="octocat is not in the workspace acme"):
            list(stage.provider.projects(stage.connection, owner=owner))
        return

    projects = list(stage.provider.projects(stage.connection, owner=owner))

    assert [project.full_name for project in projects] == [
        one.full_name for one in stage.host.projects.values() if one.owner == owner
    ]


def test_an_archived_project_is_marked(stage: Stage) -> None:
    if "archived" in stage.kind.untold:
        pytest.skip("the host has no archived projects")
    stage.fake_project.archived = True

    assert stage.project.archived


def test_a_fork_is_marked_alone_and_in_lists(stage: Stage) -> None:
    assert not stage.project.is_fork
    stage.fake_project.fork_of = "other/widgets"

    assert stage.project.is_fork
    assert [one.is_fork for one in stage.provider.projects(stage.connection)] == [True]


def test_a_project_tells_when_it_was_changed_alone_and_in_lists(stage: Stage) -> None:
    if "changed" in stage.kind.untold:
        pytest.skip("the host does not tell")
    stage.fake_project.changed_at = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)

    assert stage.project.changed_at == stage.fake_project.changed_at
    assert [one.changed_at for one in stage.provider.projects(stage.connection)] == [stage.fake_project.changed_at]


def test_a_project_tells_its_names_and_whether_hooks_may_be_made(stage: Stage) -> None:
    project = stage.project

    assert project.id == str(stage.fake_project.id) or project.id == stage.fake_project.uuid
    assert project.full_name == "acme/widgets"
    assert project.web_url.endswith(("/acme/widgets", "/projects/acme/repos/widgets"))
    assert project.clone_url.endswith("/acme/widgets.git")
    assert project.default_branch == "main"
    assert project.may_create_hooks is not False


def test_a_renamed_project_is_found_by_its_id(stage: Stage) -> None:
    before = stage.project
    stage.fake_project.full_name = "acme/gizmos"

    after = stage.provider.project(stage.connection, before.id)

    assert after.full_name == "acme/gizmos"
    assert after.id == before.id


def test_a_project_is_found_by_its_name(stage: Stage) -> None:
    assert stage.provider.project_named(stage.connection, "acme/widgets") == stage.project


def test_a_project_that_is_gone_is_not_found(stage: Stage) -> None:
    project = stage.project
    stage.host.projects.clear()

    with pytest.raises(NotFound):
        stage.provider.project(stage.connection, project.id)
    with pytest.raises(NotFound):
        stage.provider.project_named(stage.connection, "acme/widgets")


@pytest.mark.parametrize("name", ["..", "../..", "acme/..", "acme", "", "acme/../user", "acme/widgets/../../user"])
def test_a_name_leads_nowhere_else(stage: Stage, name: str) -> None:
    with pytest.raises(NotFound):
        stage.provider.project_named(stage.connection, name)


@pytest.mark.parametrize("project_id", ["12/hooks", "../user", "..", "12?x=1", "12#", "%2e%2e"])
def test_an_id_leads_nowhere_else(stage: Stage, project_id: str) -> None:
    with pytest.raises((NotFound, HostRefused)):
        stage.provider.project(stage.connection, project_id)
