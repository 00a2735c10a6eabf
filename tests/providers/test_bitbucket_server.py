"""What is Bitbucket Data Center's alone: projects that have no address by their id, its refusals, hooks and events."""

import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from packistry.errors import CredentialRefused, HostRefused, MalformedEvent, NotFound, ScopeMissing
from packistry.providers.base import EventKind, Finding, HookEvent, HookState, Ref, RefKind
from packistry.providers.bitbucket_server import BitbucketServer
from tests.fakes.bitbucket_server import FakeBitbucketServer, push_delivery, signed_delivery
from tests.fakes.host import FakeProject, FakeToken
from tests.fakes.loopback import Reply
from tests.providers.conftest import TOKEN, Kind, Stage

COMMIT, TAG_OBJECT = "c" * 40, "7" * 40
HOOK = "https://packages.example/incoming/bitbucket-server/1"


@pytest.fixture
def stage(stage_of: Callable[[Kind], Stage]) -> Stage:
    """A server at the root of its host."""
    return stage_of(Kind("bitbucket-server", FakeBitbucketServer, ("REPO_ADMIN",)))


def events_of(event: str, payload: Mapping[str, Any]) -> list[HookEvent]:
    delivery = signed_delivery(event, {**payload}, "secret")
    return list(BitbucketServer().parse_event(delivery.headers, delivery.body))


def asked(stage: Stage) -> list[str]:
    """The paths of what was asked since the last call."""
    paths = [request.path.removeprefix("/rest/api/latest") for request in stage.host.requests]
    stage.host.requests.clear()
    return paths


def test_a_project_is_looked_for_once_and_then_found_where_it_was(stage: Stage) -> None:
    first = stage.project
    assert asked(stage) == ["/repos", "/projects/acme/repos/widgets/default-branch"]

    assert stage.project == first
    assert asked(stage) == ["/projects/acme/repos/widgets", "/projects/acme/repos/widgets/default-branch"]


def test_another_project_that_took_the_name_is_not_taken_for_it(stage: Stage) -> None:
    assert stage.project.full_name == "acme/widgets"
    stage.fake_project.full_name = "other/gizmos"
    stage.host.add(FakeProject(13, "acme/widgets"))

    assert stage.project.full_name == "other/gizmos"
    stage.host.requests.clear()
    assert stage.project.full_name == "other/gizmos"
    assert "/repos" not in asked(stage)


def test_a_project_is_found_on_the_last_page(stage: Stage) -> None:
    del stage.host.projects[12]
    for number in range(2100):
        stage.host.add(FakeProject(1000 + number, f"acme/more-{number}"))
    stage.host.add(stage.fake_project)

    assert stage.project.id == "12"
    assert [request.query.get("start") for request in stage.host.requests[:3]] == [None, "1000", "2000"]


def test_archived_projects_are_listed_too(stage: Stage) -> None:
    stage.fake_project.archived = True

    assert [one.archived for one in stage.provider.projects(stage.connection)] == [True]


def test_a_project_has_no_account_in_its_clone_address(stage: Stage) -> None:
    assert stage.project.clone_url == f"{stage.host.address}/scm/acme/widgets.git"
    assert stage.project.web_url == f"{stage.host.address}/projects/acme/repos/widgets"


def test_a_project_without_commits_or_without_its_default_branch_has_none(stage: Stage) -> None:
    stage.fake_project.branches.clear()
    assert stage.project.default_branch is None

    stage.fake_project.default_branch = None
    assert stage.project.default_branch is None


@pytest.mark.parametrize("project_id", ["", "x", "-1", "٣", "../1"])
def test_what_is_no_number_is_no_id(stage: Stage, project_id: str) -> None:
    with pytest.raises(NotFound):
        stage.provider.project(stage.connection, project_id)

    assert stage.host.requests == []


def test_who_is_known_but_may_not_is_told_what_is_missing(stage: Stage) -> None:
    project = stage.project
    stage.host.tokens[TOKEN] = FakeToken(scopes=("REPO_READ",))

    with pytest.raises(ScopeMissing, match="It needs the permission `Repository admin` to create hooks"):
        stage.provider.create_hook(stage.connection, project, HOOK, "secret")

    stage.host.tokens.clear()
    with pytest.raises(CredentialRefused):
        stage.provider.create_hook(stage.connection, project, HOOK, "secret")


def test_the_check_tells_whether_hooks_can_be_made_and_whose_token_it_is(stage: Stage) -> None:
    stage.host.tokens[TOKEN] = FakeToken(login="", scopes=("REPO_READ",))

    report = stage.provider.check(stage.connection)

    assert report.account is None
    assert "of a project or a repository" in report.lines[0].sentence
    assert [line.finding for line in report.lines] == [Finding.GOOD, Finding.GOOD, Finding.WARNING]
    assert "for acme/widgets" in report.lines[2].sentence


def test_the_check_counts_no_more_than_a_page(stage: Stage) -> None:
    stage.add_projects(999)
    assert stage.provider.check(stage.connection).projects_seen == 1000

    stage.host.add(FakeProject(1, "acme/one-more"))
    assert stage.provider.check(stage.connection).projects_seen is None


def test_archives_are_asked_for_with_a_top_folder(stage: Stage) -> None:
    commit = stage.fake_project.branches["main"]

    stage.provider.download_archive(stage.connection, stage.project, commit, io.BytesIO())

    query = {"at": commit, "format": "zip", "prefix": f"12-{commit}/"}
    assert stage.host.requests[-1].query == query


def test_a_commit_without_a_date_of_this_world_is_refused(stage: Stage) -> None:
    project = stage.project
    stage.host.troubles.append(Reply(200, {"id": COMMIT, "authorTimestamp": 10**18}))

    with pytest.raises(HostRefused, match="no date"):
        stage.provider.committed_at(stage.connection, project, COMMIT)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [("SUCCESS", HookState.ACTIVE), ("FAILURE", HookState.FAILING), ("ERROR", HookState.FAILING)],
)
def test_a_hook_tells_how_its_last_delivery_went(stage: Stage, outcome: str, state: HookState) -> None:
    hook = stage.provider.create_hook(stage.connection, stage.project, HOOK, "secret")
    stage.fake_project.hooks[hook]["outcome"] = outcome

    assert stage.provider.hook_state(stage.connection, stage.project, hook) is state

    stage.fake_project.hooks[hook]["active"] = False
    assert stage.provider.hook_state(stage.connection, stage.project, hook) is HookState.DISABLED


def test_a_hook_is_switched_on_again_when_it_is_made_again(stage: Stage) -> None:
    hook = stage.provider.create_hook(stage.connection, stage.project, HOOK, "secret")
    stage.fake_project.hooks[hook] |= {"active": False, "events": []}

    assert stage.provider.create_hook(stage.connection, stage.project, HOOK, "secret") == hook

    kept = stage.fake_project.hooks[hook]
    assert (kept["active"], kept["events"]) == (True, ["repo:refs_changed", "repo:modified"])
    assert kept["configuration"] == {"secret": "secret"}


def test_every_change_of_a_push_is_told() -> None:
    project = FakeProject(
        12, "acme/widgets", branches={"main": COMMIT}, tags={"v1": COMMIT}, annotated={"v1": TAG_OBJECT}
    )
    refs = ["refs/heads/main", "refs/tags/v1", "refs/heads/7.3", "refs/tags/v2/x", "refs/notes/x"]
    delivery = push_delivery(project, refs, "secret")

    *events, last = BitbucketServer().parse_event(delivery.headers, delivery.body)

    assert events == [
        HookEvent(EventKind.REF_CHANGED, "12", Ref(RefKind.BRANCH, "main", COMMIT)),
        HookEvent(EventKind.REF_CHANGED, "12", Ref(RefKind.TAG, "v1", "")),
        HookEvent(EventKind.REF_DELETED, "12", Ref(RefKind.BRANCH, "7.3", "")),
        HookEvent(EventKind.REF_DELETED, "12", Ref(RefKind.TAG, "v2/x", "")),
    ]
    assert last.kind is EventKind.IGNORED


@pytest.mark.parametrize(
    ("event", "payload", "kind"),
    [
        ("diagnostics:ping", {"test": True}, EventKind.PING),
        ("repo:modified", {"old": {"id": 12}, "new": {"id": 12, "slug": "gizmos"}}, EventKind.PROJECT_CHANGED),
        ("repo:refs_changed", {"repository": {"id": 12}, "changes": []}, EventKind.IGNORED),
        ("pr:opened", {}, EventKind.IGNORED),
    ],
)
def test_what_is_no_change_of_a_ref_is_told_as_what_it_is(
    event: str, payload: Mapping[str, Any], kind: EventKind
) -> None:
    [found] = events_of(event, payload)

    assert found.kind is kind
    assert found.project_id == ("12" if "repository" in payload or "new" in payload else None)
    assert bool(found.sentence) is (kind is EventKind.IGNORED)


CHANGE = {"ref": {"id": "refs/heads/main"}, "type": "UPDATE", "toHash": COMMIT}


@pytest.mark.parametrize(
    "change",
    [{**CHANGE, "ref": {}}, {**CHANGE, "type": None}, {**CHANGE, "toHash": "main"}, {**CHANGE, "toHash": None}],
)
def test_a_change_that_lacks_a_field_is_refused(change: Mapping[str, Any]) -> None:
    with pytest.raises(MalformedEvent):
        events_of("repo:refs_changed", {"repository": {"id": 12}, "changes": [change]})


def test_only_a_sha256_signature_counts() -> None:
    delivery = signed_delivery("repo:refs_changed", {}, "secret")
    unlike = {"x-hub-signature": delivery.headers["x-hub-signature"].replace("sha256=", "sha1=")}

    assert BitbucketServer().is_authentic(delivery.headers, delivery.body, "secret")
    assert not BitbucketServer().is_authentic(unlike, delivery.body, "secret")


def test_a_server_below_a_path_is_asked_below_it(stage_of: Callable[[Kind], Stage]) -> None:
    stage = stage_of(Kind("bitbucket-server", FakeBitbucketServer, ("REPO_READ",), "/git/bitbucket"))

    assert stage.project.full_name == "acme/widgets"
    assert all(request.path.startswith("/git/bitbucket/rest/api/latest/") for request in stage.host.requests)
    elsewhere = replace(stage.connection, address=stage.host.address.removesuffix("/bitbucket"))
    assert stage.provider.check(elsewhere).lines[0].finding is Finding.BAD
