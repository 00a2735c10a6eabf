"""`packistry rule`, `package add --all`, `source projects` and `source update`, in front of a fake GitHub."""

from collections.abc import Iterator

import pytest

from packistry.documents.sources import (
    AddedProjectDocument,
    GatheredDocument,
    ImportDocument,
    ProjectDocument,
    RuleDocument,
    SourceDocument,
)
from packistry.documents.subjects import DeletedDocument
from tests.cli.conftest import Packistry
from tests.fakes.github import FakeGitHub
from tests.fakes.host import FakeProject, FakeToken

TOKEN = "good-token-of-the-tests"


@pytest.fixture
def host() -> Iterator[FakeGitHub]:
    """An organisation with a package, a project that is none, and an archived one."""
    with FakeGitHub().running() as host:
        host.tokens[TOKEN] = FakeToken(scopes=("repo",))
        host.add(FakeProject(1, "acme/widgets")).push_branch("main", {"composer.json": b'{"name": "acme/widgets"}'})
        host.add(FakeProject(2, "acme/handbook")).push_branch("main", {"README.md": b""})
        host.add(FakeProject(3, "acme/attic", archived=True)).push_branch("main", {"composer.json": b"{}"})
        yield host


@pytest.fixture
def connected(packistry: Packistry, host: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> Packistry:
    """Commands in a house that is connected with the host."""
    monkeypatch.setenv("PACKISTRY_OUTBOUND_ALLOW", "127.0.0.1")
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    packistry("repository", "add", "Acme", "--path", "acme", code=0)
    words = ("--provider", "github", "--url", host.address, "--set", "token=@GITHUB_TOKEN")
    packistry("source", "add", "github", *words, code=0)
    return packistry


ALL = ("package", "add", "github", "--all", "--owner", "acme", "--repository", "acme")


def test_an_organisation_is_added_and_each_project_told_of(connected: Packistry) -> None:
    words = ("--exclude", "*-old", "--tag", "v*", "--no-hook")

    gathered = connected(*ALL, *words, "--json", code=0).document(GatheredDocument)

    assert {each.project: each.state for each in gathered.projects} == {
        "acme/attic": "archived",
        "acme/handbook": "no_package",
        "acme/widgets": "added",
    }
    rule = gathered.rule
    assert (rule.id, rule.source, rule.owner, rule.repository) == (1, "github", "acme", "acme")
    assert (rule.include, rule.exclude, rule.tags, rule.hook, rule.projects) == ([], ["*-old"], ["v*"], False, 1)
    [waiting] = connected("import", "list", "--json").documents(ImportDocument)
    assert waiting.id == next(each.run for each in gathered.projects if each.run)
    [project] = connected("project", "list", "--json").documents(AddedProjectDocument)
    assert (project.project, project.rule, project.tags, project.hook) == ("acme/widgets", 1, ["v*"], False)


def test_people_read_a_table_and_a_sentence(connected: Packistry) -> None:
    lines = connected(*ALL, code=0).out.splitlines()

    assert "acme/handbook  without composer.json on the default branch" in lines
    assert lines[-1] == (
        "Rule 1 (github, acme, to acme): 1 added, 1 archived, 1 without composer.json on the default branch."
    )


def test_archived_ones_are_added_when_that_is_said(connected: Packistry) -> None:
    gathered = connected(*ALL, "--archived", "--include", "a*", "--json", code=0).document(GatheredDocument)

    assert {each.project: each.state for each in gathered.projects} == {
        "acme/attic": "added",
        "acme/handbook": "left_out",
        "acme/widgets": "left_out",
    }


def test_a_rule_is_listed_run_and_deleted(connected: Packistry, host: FakeGitHub) -> None:
    connected(*ALL, code=0)
    host.add(FakeProject(4, "acme/gadgets")).push_branch("main", {"composer.json": b"{}"})

    ran = connected("rule", "run", "1", "--json", code=0).document(GatheredDocument)

    assert {each.project: each.state for each in ran.projects}["acme/gadgets"] == "added"
    [rule] = connected("rule", "list", "--source", "github", "--json", code=0).documents(RuleDocument)
    assert rule == ran.rule
    assert rule.projects == 2
    deleted = connected("rule", "delete", "1", "--yes", "--json", code=0).document(DeletedDocument)
    assert (deleted.deleted, deleted.id) == ("rule", 1)
    assert connected("rule", "list", code=0).out == "There is no rule; `packistry package add --all`.\n"
    assert connected("rule", "run", "1", "--json").refusal.code == "not_found"
    assert len(connected("project", "list", "--json").documents(AddedProjectDocument)) == 2


def test_a_rule_that_cannot_look_says_so_and_ends_with_1(connected: Packistry, host: FakeGitHub) -> None:
    connected(*ALL, code=0)
    host.tokens.clear()

    called = connected("rule", "run", "1")

    assert called.code == 1
    assert "It did not come to its end: GitHub does not accept the credential" in called.out


def test_waiting_for_a_rule_waits_for_what_it_added(connected: Packistry) -> None:
    told = connected(*ALL, "--wait", code=0).out

    assert "main imported" in told.splitlines()
    # The jobs process that did it may have begun its first sync, too.
    run = connected("import", "list", "--json").documents(ImportDocument)[-1]
    assert (run.cause, run.state, run.package) == ("first", "done", "acme/widgets")


MIXED = {
    "neither": ("package", "add", "github"),
    "both": ("package", "add", "github", "acme/widgets", "--all"),
    "a directory of all": ("package", "add", "github", "--all", "--path", "lib"),
    "an owner of named ones": ("package", "add", "github", "acme/widgets", "--owner", "acme"),
    "a pattern of named ones": ("package", "add", "github", "acme/widgets", "--exclude", "x*"),
}


@pytest.mark.parametrize("words", MIXED.values(), ids=MIXED)
def test_what_does_not_go_together_is_not_understood(calls: Packistry, words: tuple[str, ...]) -> None:
    calls(*words, code=2)


def test_several_names_are_added_all_or_none(connected: Packistry) -> None:
    refused = connected("package", "add", "github", "acme/widgets", "acme/none", "--repository", "acme", "--json")

    assert refused.refusal.code == "not_found"
    assert connected("project", "list", "--json").documents(AddedProjectDocument) == []


def test_projects_are_listed_with_what_is_known_of_them(connected: Packistry) -> None:
    connected("package", "add", "github", "acme/widgets", "--repository", "acme", code=0)

    projects = connected("source", "projects", "github", "--owner", "acme", "--json", code=0).documents(ProjectDocument)

    assert {each.name: (each.package, each.archived, each.added) for each in projects} == {
        "acme/widgets": (True, False, True),
        "acme/handbook": (False, False, False),
        "acme/attic": (True, True, False),
    }
    [_, row] = connected("source", "projects", "github", "--search", "attic", "--quick", code=0).out.splitlines()
    assert row.split() == ["acme/attic", "main", "?", "archived"]


def test_a_source_is_renamed_and_asked_less_at_once(connected: Packistry) -> None:
    connected("package", "add", "github", "acme/widgets", code=0)

    changed = connected("source", "update", "github", "--name", "code", "--concurrency", "2", "--json", code=0)

    document = changed.document(SourceDocument)
    assert (document.name, document.concurrency, document.projects) == ("code", 2, 1)
    assert connected("source", "list", "--json").documents(SourceDocument) == [document]


def test_another_address_needs_the_credential_again(connected: Packistry, host: FakeGitHub) -> None:
    words = ("source", "update", "github", "--url", f"{host.address}/", "--json")

    assert connected(*words).refusal.field == "token"
    assert connected(*words, "--set", "token=@GITHUB_TOKEN", code=0).document(SourceDocument).url == host.address
