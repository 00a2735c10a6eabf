"""What is GitHub's alone: its headers, its kinds of tokens, its limits, and its events."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from packistry.errors import CredentialRefused, HostRefused, MalformedEvent, NotFound, RateLimited, ScopeMissing
from packistry.providers.base import EventKind, Finding, HookState, Ref, RefKind
from packistry.providers.github import GitHub
from tests.fakes.github import FakeGitHub, signed_delivery
from tests.fakes.host import FakeProject, FakeToken
from tests.fakes.loopback import Reply
from tests.providers.conftest import TOKEN, Kind, Stage

COMMIT, TAG_OBJECT = "c" * 40, "7" * 40
HOOK = "https://packages.example/incoming/github/1"


@pytest.fixture
def stage(stage_of: Callable[[Kind], Stage]) -> Stage:
    """GitHub in the cloud."""
    return stage_of(Kind("github", FakeGitHub, ("repo",)))


def events_of(event: str, payload: Mapping[str, Any]) -> list[tuple[EventKind, str | None, Ref | None]]:
    delivery = signed_delivery(event, {"repository": {"id": 12}, **payload}, "secret")
    events = GitHub().parse_event(delivery.headers, delivery.body)
    return [(event.kind, event.project_id, event.ref) for event in events]


def test_every_request_says_who_asks_and_for_which_version(stage: Stage) -> None:
    list(stage.provider.refs(stage.connection, stage.project))
    stage.provider.create_hook(stage.connection, stage.project, HOOK, "secret")

    for request in stage.host.requests:
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        assert request.headers["accept"] == "application/vnd.github+json"
        assert request.headers["x-github-api-version"] == "2022-11-28"
        assert request.headers["user-agent"]


def test_a_project_that_was_renamed_is_found_by_its_former_name(stage: Stage) -> None:
    cast("FakeGitHub", stage.host).rename(stage.fake_project, "acme/gizmos")

    assert stage.provider.project_named(stage.connection, "acme/widgets").full_name == "acme/gizmos"


def test_another_ref_that_is_answered_is_not_taken(stage: Stage) -> None:
    project, commit = stage.project, {"object": {"type": "commit", "sha": COMMIT}}
    stage.host.troubles.append(Reply(200, {"ref": "refs/heads/main-longer", **commit}))

    assert stage.provider.find_ref(stage.connection, project, RefKind.BRANCH, "main") is None


def test_a_tag_of_a_tag_stands_for_the_commit_and_one_of_a_file_for_nothing(stage: Stage) -> None:
    project, inner, tag = stage.project, "8" * 40, {"object": {"type": "tag", "sha": TAG_OBJECT}}
    first, second = Reply(200, {"ref": "refs/tags/v1", **tag}), Reply(200, {"object": {"type": "tag", "sha": inner}})

    stage.host.troubles.extend([first, second, Reply(200, {"object": {"type": "commit", "sha": COMMIT}})])
    assert stage.provider.find_ref(stage.connection, project, RefKind.TAG, "v1") == Ref(RefKind.TAG, "v1", COMMIT)

    stage.host.troubles.extend([first, Reply(200, {"object": {"type": "blob", "sha": inner}})])
    assert stage.provider.find_ref(stage.connection, project, RefKind.TAG, "v1") is None

    stage.host.troubles.extend([first, *[second] * 9])
    assert stage.provider.find_ref(stage.connection, project, RefKind.TAG, "v1") is None


def test_everything_works_with_a_project_that_was_read_before_it_was_renamed(stage: Stage) -> None:
    project, connection, commit = stage.project, stage.connection, stage.fake_project.branches["main"]
    cast("FakeGitHub", stage.host).rename(stage.fake_project, "other/gizmos")

    hook = stage.provider.create_hook(connection, project, HOOK, "secret")

    assert [ref.commit for ref in stage.provider.refs(connection, project)] == [commit]
    assert stage.provider.read_file(connection, project, commit, "composer.json")
    assert stage.provider.hook_state(connection, project, hook) is HookState.ACTIVE
    stage.provider.delete_hook(connection, project, hook)
    assert stage.fake_project.hooks == {}


def test_the_check_of_an_address_that_is_no_api_says_where_it_lies(stage: Stage) -> None:
    stage.host.troubles.append(Reply(404, b"<html>Not here</html>", {"Content-Type": "text/html"}))

    [line] = stage.provider.check(stage.connection).lines

    assert line.finding is Finding.BAD
    assert "ends in /api/v3" in line.sentence


def test_a_disabled_project_counts_as_archived(stage: Stage) -> None:
    row = stage.provider.project(stage.connection, "12")
    stage.host.troubles.append(Reply(200, {**told(stage), "disabled": True}))

    assert not row.archived
    assert stage.provider.project(stage.connection, "12").archived


def told(stage: Stage) -> dict[str, Any]:
    """The project as the host tells it."""
    project = stage.project
    urls = {"html_url": project.web_url, "clone_url": project.clone_url}
    return {"id": int(project.id), "full_name": project.full_name, "default_branch": "main", **urls}


def test_the_projects_of_a_person_are_those_we_see_and_the_public_ones_once_each(stage: Stage) -> None:
    stage.host.add(FakeProject(13, "octocat/one"))
    stage.host.add(FakeProject(14, "octocat/two"))

    projects = stage.provider.projects(stage.connection, owner="OctoCat".lower())

    assert [project.id for project in projects] == ["13", "14"]


@pytest.mark.parametrize(
    ("scopes", "missing"),
    [
        (("repo",), []),
        (("repo", "admin:repo_hook"), []),
        (("public_repo",), ["`repo`", "`admin:repo_hook`"]),
        (("public_repo", "write:repo_hook"), ["`repo`"]),
        ((), ["`repo`", "`admin:repo_hook`"]),
    ],
)
def test_the_check_names_the_scopes_that_a_classic_token_lacks(
    stage: Stage, scopes: tuple[str, ...], missing: list[str]
) -> None:
    stage.host.tokens[TOKEN] = FakeToken(scopes=scopes)

    report = stage.provider.check(stage.connection)

    warnings = [line.sentence for line in report.lines if line.finding is Finding.WARNING]
    assert [next(name for name in ("`repo`", "`admin:repo_hook`") if name in one) for one in warnings] == missing


@pytest.mark.parametrize(("administered", "finding"), [(True, Finding.GOOD), (False, Finding.WARNING)])
def test_the_check_tries_a_fine_grained_token_by_reading(stage: Stage, administered: bool, finding: Finding) -> None:
    stage.host.tokens[TOKEN] = FakeToken(is_fine_grained=True)
    stage.fake_project.administered = administered

    report = stage.provider.check(stage.connection)

    assert [line.finding for line in report.lines[-2:]] == [Finding.GOOD, finding]
    assert "acme/widgets" in report.lines[-1].sentence


@pytest.mark.parametrize("text", ["2026-12-31 10:00:00 UTC", "2026-12-31 11:00:00 +0100", "2026-12-31 05:00:00 -0500"])
def test_the_expiry_is_read_with_any_zone(stage: Stage, text: str) -> None:
    stage.host.extra_headers["GitHub-Authentication-Token-Expiration"] = text

    assert stage.provider.check(stage.connection).expires_at == datetime(2026, 12, 31, 10, tzinfo=UTC)


def test_an_expiry_that_is_no_date_counts_as_none(stage: Stage) -> None:
    stage.host.extra_headers["GitHub-Authentication-Token-Expiration"] = "soon"

    assert stage.provider.check(stage.connection).expires_at is None


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}, b""),
        ({"Retry-After": "60"}, b""),
        ({}, b'{"message": "You have exceeded a secondary rate limit."}'),
    ],
)
def test_both_kinds_of_limit_are_a_403_and_no_missing_scope(
    stage: Stage, headers: Mapping[str, str], body: bytes
) -> None:
    stage.host.troubles.append(Reply(403, body, headers))

    with pytest.raises(RateLimited, match="asks us to wait until"):
        stage.provider.project(stage.connection, "12")


def test_any_other_403_is_a_missing_scope(stage: Stage) -> None:
    project = stage.project
    stage.host.troubles.append(Reply(403, b'{"message": "Resource not accessible by personal access token"}'))

    with pytest.raises(ScopeMissing, match="Contents: read"):
        list(stage.provider.refs(stage.connection, project))


def test_a_list_is_asked_for_on_condition_that_it_changed(stage: Stage) -> None:
    project = stage.project
    list(stage.provider.refs(stage.connection, project))
    stage.host.requests.clear()

    list(stage.provider.refs(stage.connection, project))

    assert [request.path.rpartition("/")[2] for request in stage.host.requests] == ["branches", "tags"]
    assert all(request.headers["if-none-match"].startswith('W/"') for request in stage.host.requests)


def test_a_folder_is_no_file(stage: Stage) -> None:
    commit = stage.fake_project.branches["main"]

    assert stage.provider.read_file(stage.connection, stage.project, commit, "src") is None


def test_a_hook_asks_for_pushes_deletions_and_changes_of_the_project(stage: Stage) -> None:
    stage.provider.create_hook(stage.connection, stage.project, HOOK, "secret")

    hook = stage.fake_project.hooks["1000"]
    assert hook["events"] == ["push", "delete", "repository"]
    assert hook["config"] == {"url": HOOK, "content_type": "json", "secret": "secret", "insecure_ssl": "0"}


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({"last_response": {"code": 202}}, HookState.ACTIVE),
        ({"last_response": {"code": 500}}, HookState.FAILING),
        ({"last_response": None}, HookState.ACTIVE),
        ({"active": False}, HookState.DISABLED),
    ],
)
def test_the_state_of_a_hook_is_told(stage: Stage, change: Mapping[str, Any], state: HookState) -> None:
    hook = stage.provider.create_hook(stage.connection, stage.project, HOOK, "secret")
    stage.fake_project.hooks[hook] |= change

    assert stage.provider.hook_state(stage.connection, stage.project, hook) is state


def test_a_hook_that_was_switched_off_is_switched_on_again(stage: Stage) -> None:
    hook = stage.provider.create_hook(stage.connection, stage.project, HOOK, "secret")
    stage.fake_project.hooks[hook]["active"] = False

    assert stage.provider.create_hook(stage.connection, stage.project, HOOK, "secret") == hook

    assert stage.provider.hook_state(stage.connection, stage.project, hook) is HookState.ACTIVE


def test_an_address_that_github_does_not_call_is_refused(stage: Stage) -> None:
    project = stage.project
    stage.host.troubles.extend(
        [Reply(200, told(stage)), Reply(200, []), Reply(422, b'{"message": "Validation Failed"}')]
    )

    with pytest.raises(HostRefused, match="hooks of acme/widgets"):
        stage.provider.create_hook(stage.connection, project, "http://localhost/", "secret")


def test_a_token_that_loses_its_right_half_way_is_refused(stage: Stage) -> None:
    commit = stage.fake_project.branches["main"]
    for number in range(150):
        stage.fake_project.push_tag(f"v{number}", commit)
    refs = stage.provider.refs(stage.connection, stage.project)

    taken = [next(refs) for _ in range(50)]
    stage.host.tokens.clear()

    assert len(taken) == 50
    with pytest.raises(CredentialRefused):
        list(refs)


@pytest.mark.parametrize(
    ("event", "payload", "expected"),
    [
        ("ping", {"zen": "Keep it logically awesome."}, (EventKind.PING, None, None)),
        (
            "push",
            {"ref": "refs/heads/a/b", "after": COMMIT, "deleted": False},
            (EventKind.REF_CHANGED, "12", Ref(RefKind.BRANCH, "a/b", COMMIT)),
        ),
        (
            "push",
            {"ref": "refs/tags/v1", "after": TAG_OBJECT, "head_commit": {"id": COMMIT}},
            (EventKind.REF_CHANGED, "12", Ref(RefKind.TAG, "v1", COMMIT)),
        ),
        # A branch is what `after` says; the head commit of a push may be missing.
        (
            "push",
            {"ref": "refs/heads/main", "after": COMMIT, "head_commit": None},
            (EventKind.REF_CHANGED, "12", Ref(RefKind.BRANCH, "main", COMMIT)),
        ),
        (
            "push",
            {"ref": "refs/tags/v1", "after": "0" * 40, "deleted": True, "head_commit": None},
            (EventKind.REF_DELETED, "12", Ref(RefKind.TAG, "v1", "")),
        ),
        ("delete", {"ref": "7.3", "ref_type": "branch"}, (EventKind.REF_DELETED, "12", Ref(RefKind.BRANCH, "7.3", ""))),
        ("delete", {"ref": "v1/x", "ref_type": "tag"}, (EventKind.REF_DELETED, "12", Ref(RefKind.TAG, "v1/x", ""))),
        ("delete", {"ref": "x", "ref_type": "repository"}, (EventKind.IGNORED, "12", None)),
        ("create", {"ref": "v1", "ref_type": "tag"}, (EventKind.IGNORED, None, None)),
        ("repository", {"action": "renamed"}, (EventKind.PROJECT_CHANGED, "12", None)),
        ("repository", {"action": "transferred"}, (EventKind.PROJECT_CHANGED, "12", None)),
        ("repository", {"action": "archived"}, (EventKind.PROJECT_CHANGED, "12", None)),
        ("repository", {"action": "unarchived"}, (EventKind.PROJECT_CHANGED, "12", None)),
        ("repository", {"action": "edited"}, (EventKind.PROJECT_CHANGED, "12", None)),
        ("repository", {"action": "deleted"}, (EventKind.PROJECT_DELETED, "12", None)),
        ("repository", {"action": "created"}, (EventKind.IGNORED, "12", None)),
        ("issues", {"action": "opened"}, (EventKind.IGNORED, None, None)),
    ],
)
def test_an_event_is_understood(
    event: str, payload: Mapping[str, Any], expected: tuple[EventKind, str | None, Ref | None]
) -> None:
    assert events_of(event, payload) == [expected]


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("push", {"after": COMMIT}),
        ("push", {"ref": "refs/heads/main"}),
        ("push", {"ref": "refs/heads/main", "after": "main"}),
        ("push", {"ref": "refs/heads/main", "after": COMMIT, "repository": {}}),
        ("push", {"ref": ["refs/heads/main"], "after": COMMIT}),
        ("delete", {"ref": "main"}),
        ("repository", {}),
    ],
)
def test_an_event_that_lacks_a_field_is_refused(event: str, payload: Mapping[str, Any]) -> None:
    with pytest.raises(MalformedEvent):
        events_of(event, payload)


def test_a_hook_that_sends_forms_is_told_what_to_change() -> None:
    headers = {"content-type": "application/x-www-form-urlencoded", "x-github-event": "push"}

    with pytest.raises(MalformedEvent, match="application/json"):
        GitHub().parse_event(headers, b"payload=" + json.dumps({}).encode())


def test_only_the_newer_signature_counts() -> None:
    delivery = signed_delivery("push", {}, "secret")
    older = {"x-hub-signature": delivery.headers["x-hub-signature-256"]}

    assert not GitHub().is_authentic(older, delivery.body, "secret")


def test_a_person_or_organisation_that_is_not_there_is_not_found(stage: Stage) -> None:
    stage.host.troubles.extend([Reply(404), Reply(200, []), Reply(404)])

    with pytest.raises(NotFound):
        list(stage.provider.projects(stage.connection, owner="nobody"))
