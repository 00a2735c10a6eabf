"""What is GitLab's alone: groups, keyset pages, roles, signing tokens, and its events."""

import base64
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from packistry.errors import HostUnavailable, MalformedEvent, RateLimited, ScopeMissing
from packistry.providers.base import EventKind, Finding, HookState, Ref, RefKind
from packistry.providers.gitlab import GitLab
from tests.fakes.gitlab import FakeGitLab, delivery
from tests.fakes.host import FakeProject, FakeToken
from tests.fakes.loopback import Reply
from tests.providers.conftest import TOKEN, Kind, Stage

COMMIT, TAG_OBJECT, ZEROS = "c" * 40, "7" * 40, "0" * 40
HOOK = "https://packages.example/incoming/gitlab/1"


@pytest.fixture
def stage(stage_of: Callable[[Kind], Stage]) -> Stage:
    """GitLab at the root of its host, as in the cloud."""
    return stage_of(Kind("gitlab", FakeGitLab, ("api",)))


def test_the_token_is_sent_in_gitlabs_own_header(stage: Stage) -> None:
    list(stage.provider.refs(stage.connection, stage.project))

    assert {request.headers.get("private-token") for request in stage.host.requests} == {TOKEN}


def test_projects_are_paged_by_their_id(stage: Stage) -> None:
    stage.add_projects(150)

    list(stage.provider.projects(stage.connection))

    listings = [request.query for request in stage.host.requests]
    assert [query.get("id_after") for query in listings] == [None, "1098"]
    assert all(query["membership"] == "true" for query in listings)


def test_a_group_gives_the_projects_of_its_subgroups_too(stage: Stage) -> None:
    stage.host.add(FakeProject(13, "acme/tools/deep/hammer"))
    stage.host.add(FakeProject(14, "acmeister/other"))

    projects = stage.provider.projects(stage.connection, owner="acme")

    assert [project.full_name for project in projects] == ["acme/widgets", "acme/tools/deep/hammer"]


def test_a_subgroup_gives_its_own_projects(stage: Stage) -> None:
    cast("FakeGitLab", stage.host).groups.add("acme/tools")
    stage.host.add(FakeProject(13, "acme/tools/hammer"))

    projects = stage.provider.projects(stage.connection, owner="acme/tools")

    assert [project.full_name for project in projects] == ["acme/tools/hammer"]


def test_a_project_in_a_subgroup_is_found_by_its_whole_name(stage: Stage) -> None:
    stage.host.add(FakeProject(13, "acme/tools/deep/hammer"))

    assert stage.provider.project_named(stage.connection, "acme/tools/deep/hammer").id == "13"


@pytest.mark.parametrize(
    ("permissions", "expected"),
    [
        ({"project_access": {"access_level": 40}, "group_access": None}, True),
        ({"project_access": None, "group_access": {"access_level": 50}}, True),
        ({"project_access": {"access_level": 30}, "group_access": {"access_level": 20}}, False),
        ({"project_access": None, "group_access": None}, False),
        (None, None),
    ],
)
def test_hooks_take_the_role_of_a_maintainer(
    stage: Stage, permissions: Mapping[str, Any] | None, expected: bool | None
) -> None:
    row = {
        "id": 12,
        "path_with_namespace": "acme/widgets",
        "web_url": "https://gitlab.example/acme/widgets",
        "http_url_to_repo": "https://gitlab.example/acme/widgets.git",
        "permissions": permissions,
    }
    stage.host.troubles.append(Reply(200, row))

    assert stage.provider.project(stage.connection, "12").may_create_hooks is expected


@pytest.mark.parametrize(
    ("scopes", "findings"),
    [
        (("api",), [Finding.GOOD]),
        (("read_api", "read_repository"), [Finding.GOOD, Finding.WARNING]),
        (("granular",), [Finding.WARNING]),
    ],
)
def test_the_check_tells_what_the_scopes_reach(stage: Stage, scopes: tuple[str, ...], findings: list[Finding]) -> None:
    stage.host.tokens[TOKEN] = FakeToken(scopes=scopes)

    report = stage.provider.check(stage.connection)

    assert [line.finding for line in report.lines[3:]] == findings


def test_the_check_of_a_token_for_something_else_names_the_scope(stage: Stage) -> None:
    stage.host.tokens[TOKEN] = FakeToken(scopes=("read_registry",))

    report = stage.provider.check(stage.connection)

    assert [line.finding for line in report.lines] == [Finding.BAD]
    assert "`read_api`" in report.lines[0].sentence


def test_a_token_ends_at_the_begin_of_its_day(stage: Stage) -> None:
    stage.host.tokens[TOKEN].expires_at = datetime(2031, 5, 6, tzinfo=UTC)

    assert stage.provider.check(stage.connection).expires_at == datetime(2031, 5, 6, tzinfo=UTC)


def test_an_old_server_that_tells_nothing_of_tokens_is_checked_all_the_same(stage: Stage) -> None:
    stage.host.troubles.extend([Reply(200, {"username": "octocat"}), Reply(404)])

    report = stage.provider.check(stage.connection)

    assert report.account == "octocat"
    assert [line.finding for line in report.lines] == [Finding.GOOD, Finding.GOOD, Finding.GOOD, Finding.WARNING]


def test_an_expiry_that_is_no_date_is_an_answer_of_no_gitlab(stage: Stage) -> None:
    stage.host.troubles.extend([Reply(200, {"username": "octocat"}), Reply(200, {"expires_at": "soon"})])

    with pytest.raises(HostUnavailable, match="no date"):
        stage.provider.check(stage.connection)


def test_more_projects_than_gitlab_counts_are_no_number(stage: Stage) -> None:
    facts = Reply(200, {"scopes": ["api"], "expires_at": None})
    stage.host.troubles.extend([Reply(200, {"username": "octocat"}), facts, Reply(200, [{"id": 1}])])

    report = stage.provider.check(stage.connection)

    assert report.projects_seen is None
    assert {line.finding for line in report.lines} == {Finding.GOOD}


def test_a_tag_of_something_that_is_no_commit_is_passed_over(stage: Stage) -> None:
    project = stage.project
    tags = [{"name": "blob", "commit": None}, {"name": "v1", "commit": {"id": COMMIT}}]
    stage.host.troubles.extend([Reply(200, []), Reply(200, tags)])

    assert list(stage.provider.refs(stage.connection, project)) == [Ref(RefKind.TAG, "v1", COMMIT)]


def test_a_ban_after_failed_sign_ins_is_a_time_to_wait(stage: Stage) -> None:
    stage.host.troubles.append(Reply(403, b"Forbidden", {"Retry-After": "3600"}))

    with pytest.raises(RateLimited):
        stage.provider.project(stage.connection, "12")


def test_a_scope_that_is_missing_for_hooks_is_named(stage: Stage) -> None:
    project = stage.project
    stage.host.tokens[TOKEN] = FakeToken(scopes=("read_api",))

    with pytest.raises(ScopeMissing, match="`api` and at least the role Maintainer"):
        stage.provider.create_hook(stage.connection, project, HOOK, "secret")


def test_a_hook_asks_for_pushes_of_branches_and_tags(stage: Stage) -> None:
    stage.provider.create_hook(stage.connection, stage.project, HOOK, "secret")

    hook = stage.fake_project.hooks["1000"]
    assert (hook["push_events"], hook["tag_push_events"], hook["enable_ssl_verification"]) == (True, True, True)
    assert (hook["url"], hook["token"]) == (HOOK, "secret")


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({}, HookState.ACTIVE),
        ({"alert_status": "temporarily_disabled"}, HookState.FAILING),
        ({"alert_status": "disabled"}, HookState.DISABLED),
        ({"push_events": False}, HookState.DISABLED),
        ({"tag_push_events": False}, HookState.DISABLED),
    ],
)
def test_the_state_of_a_hook_is_told_and_repaired(stage: Stage, change: Mapping[str, Any], state: HookState) -> None:
    provider, connection, project = stage.provider, stage.connection, stage.project
    hook = provider.create_hook(connection, project, HOOK, "secret")
    stage.fake_project.hooks[hook] |= change

    assert provider.hook_state(connection, project, hook) is state

    repaired = provider.create_hook(connection, project, HOOK, "secret")
    assert provider.hook_state(connection, project, repaired) is HookState.ACTIVE
    assert len(stage.fake_project.hooks) == 1


def test_a_delivery_signed_by_a_signing_token_is_authentic() -> None:
    key, body = b"k" * 32, b'{"object_kind": "push"}'
    secret = "whsec_" + base64.b64encode(key).decode()
    digest = hmac.new(key, b"some-id.1790000000." + body, "sha256").digest()
    headers = {
        "webhook-id": "some-id",
        "webhook-timestamp": "1790000000",
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }

    assert GitLab().is_authentic(headers, body, secret)
    assert not GitLab().is_authentic(headers, body + b" ", secret)
    assert not GitLab().is_authentic({**headers, "webhook-timestamp": "1790000001"}, body, secret)
    assert not GitLab().is_authentic({**headers, "webhook-id": "é"}, body, secret)


def test_the_id_of_a_delivery_is_the_one_that_stays_when_it_is_sent_again() -> None:
    assert GitLab().delivery_id({"idempotency-key": "a", "webhook-id": "a", "x-gitlab-event-uuid": "b"}) == "a"
    assert GitLab().delivery_id({"x-gitlab-event-uuid": "b"}) == "b"


PUSH = {"object_kind": "push", "ref": "refs/heads/main", "after": COMMIT, "checkout_sha": COMMIT, "project_id": 12}


@pytest.mark.parametrize(
    ("event", "payload", "expected"),
    [
        ("Push Hook", PUSH, (EventKind.REF_CHANGED, "12", Ref(RefKind.BRANCH, "main", COMMIT))),
        (
            "Tag Push Hook",
            {**PUSH, "object_kind": "tag_push", "ref": "refs/tags/v1", "after": TAG_OBJECT},
            (EventKind.REF_CHANGED, "12", Ref(RefKind.TAG, "v1", COMMIT)),
        ),
        (
            "Push Hook",
            {**PUSH, "after": ZEROS, "checkout_sha": None},
            (EventKind.REF_DELETED, "12", Ref(RefKind.BRANCH, "main", "")),
        ),
        (
            "System Hook",
            {**PUSH, "event_name": "push"},
            (EventKind.REF_CHANGED, "12", Ref(RefKind.BRANCH, "main", COMMIT)),
        ),
        ("System Hook", {"event_name": "project_rename", "project_id": 12}, (EventKind.PROJECT_CHANGED, "12", None)),
        ("System Hook", {"event_name": "project_transfer", "project_id": 12}, (EventKind.PROJECT_CHANGED, "12", None)),
        ("System Hook", {"event_name": "project_update", "project_id": 12}, (EventKind.PROJECT_CHANGED, "12", None)),
        ("Project Hook", {"event_name": "project_destroy", "project_id": 12}, (EventKind.PROJECT_DELETED, "12", None)),
        ("Project Hook", {"event_name": "project_create", "project_id": 12}, (EventKind.IGNORED, None, None)),
        # Comes beside push and tag_push, and has tag objects in place of commits.
        ("System Hook", {"event_name": "repository_update", "project_id": 12}, (EventKind.IGNORED, None, None)),
        ("Note Hook", {"object_kind": "note"}, (EventKind.IGNORED, None, None)),
        ("Push Hook", {}, (EventKind.IGNORED, None, None)),
    ],
)
def test_an_event_is_understood(
    event: str, payload: dict[str, Any], expected: tuple[EventKind, str | None, Ref | None]
) -> None:
    sent = delivery(event, payload, "secret")

    events = GitLab().parse_event(sent.headers, sent.body)

    assert [(event.kind, event.project_id, event.ref) for event in events] == [expected]


@pytest.mark.parametrize("missing", ["ref", "after", "project_id"])
def test_a_push_that_lacks_a_field_is_refused_by_its_name(missing: str) -> None:
    sent = delivery("Push Hook", {key: value for key, value in PUSH.items() if key != missing}, "secret")

    with pytest.raises(MalformedEvent, match=missing):
        GitLab().parse_event(sent.headers, sent.body)
