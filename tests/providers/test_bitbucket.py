"""What is Bitbucket Cloud's alone: its two-part credential, its workspace, its hooks, and its events."""

import base64
import io
from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest

from packistry.errors import CredentialRefused, HostUnavailable, MalformedEvent, NotFound
from packistry.providers.base import EventKind, Finding, HookEvent, HookState, Ref, RefKind
from packistry.providers.bitbucket import Bitbucket
from tests.fakes.bitbucket import EMAIL, GRANTING, FakeBitbucket, push_delivery, signed_delivery
from tests.fakes.host import FakeProject, FakeToken
from tests.fakes.loopback import Reply
from tests.providers.conftest import KINDS, TOKEN, Kind, Stage

COMMIT = "c" * 40
HOOK = "https://packages.example/incoming/bitbucket/1"


@pytest.fixture
def stage(stage_of: Callable[[Kind], Stage]) -> Stage:
    return stage_of(next(kind for kind in KINDS if kind.name == "bitbucket"))


@pytest.fixture
def consumer(stage_of: Callable[[Kind], Stage]) -> Stage:
    """Connected by an OAuth consumer."""
    return stage_of(next(kind for kind in KINDS if kind.name == "bitbucket" and kind.secret == "secret"))


def events_of(event: str, payload: dict[str, Any]) -> list[HookEvent]:
    delivery = signed_delivery(event, payload, "secret")
    return list(Bitbucket().parse_event(delivery.headers, delivery.body))


def test_email_and_token_are_encoded_here_without_their_line_ends(stage: Stage) -> None:
    list(stage.provider.projects(stage.connection_with(f"{TOKEN}\r\n")))

    expected = base64.b64encode(f"{EMAIL}:{TOKEN}".encode()).decode()
    assert {request.headers["authorization"] for request in stage.host.requests} == {f"Basic {expected}"}


def test_a_consumer_is_given_a_token_once_for_all_that_is_asked(consumer: Stage) -> None:
    project = consumer.project
    list(consumer.provider.refs(consumer.connection, project))
    consumer.provider.check(consumer.connection)

    asked = [request for request in consumer.host.requests if request.path == GRANTING]
    assert [request.headers["content-type"] for request in asked] == ["application/x-www-form-urlencoded"]
    [token] = cast("FakeBitbucket", consumer.host).granted
    rest = {request.headers["authorization"] for request in consumer.host.requests if request not in asked}
    assert rest == {f"Bearer {token}"}


def test_a_token_that_ended_early_is_replaced_in_the_midst_of_a_list(consumer: Stage) -> None:
    host = cast("FakeBitbucket", consumer.host)
    consumer.add_projects(250)
    projects = consumer.provider.projects(consumer.connection)
    first = next(projects)

    host.granted.clear()

    assert len({first, *projects}) == 251
    assert len(host.granted) == 1
    buffer, commit = io.BytesIO(), consumer.fake_project.branches["main"]
    project = consumer.project
    host.granted.clear()
    consumer.provider.download_archive(consumer.connection, project, commit, buffer)
    assert buffer.getvalue() == consumer.fake_project.archive(commit)


def test_a_token_is_replaced_before_it_ends(consumer: Stage) -> None:
    cast("FakeBitbucket", consumer.host).grant_seconds = 60

    for _ in range(2):
        list(consumer.provider.projects(consumer.connection))

    assert len(cast("FakeBitbucket", consumer.host).granted) == 2


def test_a_consumer_that_was_deleted_is_refused_and_not_asked_for_again_and_again(consumer: Stage) -> None:
    connection = consumer.connection
    list(consumer.provider.projects(connection))
    consumer.host.tokens.clear()
    consumer.host.requests.clear()

    with pytest.raises(CredentialRefused):
        list(consumer.provider.projects(connection))

    assert [request.method for request in consumer.host.requests] == ["GET", "POST"]


@pytest.mark.parametrize("grant", [{}, {"access_token": ""}, {"access_token": "to\nken", "expires_in": 7200}, []])
def test_a_grant_without_a_token_is_no_token(consumer: Stage, grant: object) -> None:
    consumer.host.troubles.append(Reply(200, grant))

    with pytest.raises(HostUnavailable):
        list(consumer.provider.projects(consumer.connection))


def test_a_project_of_another_workspace_is_not_found(stage: Stage) -> None:
    stage.host.add(FakeProject(13, "other/gadgets"))

    with pytest.raises(NotFound, match="other/gadgets is not in the workspace acme"):
        stage.provider.project_named(stage.connection, "other/gadgets")
    with pytest.raises(NotFound, match="workspace acme"):
        list(stage.provider.projects(stage.connection, owner="other"))
    assert stage.provider.project_named(stage.connection, "ACME/widgets") == stage.project


def test_another_ref_that_is_answered_is_not_taken(stage: Stage) -> None:
    project = stage.project
    stage.host.troubles.append(Reply(200, {"values": [{"name": "Main", "target": {"hash": COMMIT}}]}))

    assert stage.provider.find_ref(stage.connection, project, RefKind.BRANCH, "main") is None


def test_projects_are_those_of_the_workspace(stage: Stage) -> None:
    stage.host.add(FakeProject(13, "other/gadgets"))

    assert [one.full_name for one in stage.provider.projects(stage.connection)] == ["acme/widgets"]


def test_a_token_that_tells_no_account_still_works_and_that_is_said(stage: Stage) -> None:
    stage.host.tokens[TOKEN] = FakeToken(scopes=("read:repository:bitbucket",))

    report = stage.provider.check(stage.connection)

    assert report.account is None
    assert "read:user:bitbucket" in report.lines[0].sentence
    assert [line.finding for line in report.lines] == [Finding.GOOD, Finding.GOOD, Finding.WARNING]
    assert "write:webhook:bitbucket" in report.lines[-1].sentence


def test_everything_works_with_a_project_that_was_read_before_it_was_renamed(stage: Stage) -> None:
    project, commit = stage.project, stage.fake_project.branches["main"]
    stage.fake_project.full_name = "acme/gizmos"

    hook = stage.provider.create_hook(stage.connection, project, HOOK, "secret")

    assert [ref.commit for ref in stage.provider.refs(stage.connection, project)] == [commit]
    assert stage.provider.read_file(stage.connection, project, commit, "composer.json")
    assert stage.provider.hook_state(stage.connection, project, hook) is HookState.ACTIVE


def test_a_hook_asks_for_pushes_and_changes_and_is_switched_on_again(stage: Stage) -> None:
    hook = stage.provider.create_hook(stage.connection, stage.project, HOOK, "secret")
    stage.fake_project.hooks[hook]["active"] = False
    assert stage.provider.hook_state(stage.connection, stage.project, hook) is HookState.DISABLED

    assert stage.provider.create_hook(stage.connection, stage.project, HOOK, "secret") == hook

    assert stage.provider.hook_state(stage.connection, stage.project, hook) is HookState.ACTIVE
    assert stage.fake_project.hooks[hook]["events"] == ["repo:push", "repo:updated"]


def test_a_next_page_at_another_host_is_refused(stage: Stage) -> None:
    page: dict[str, Any] = {"values": [], "next": "https://elsewhere.example/2.0/repositories/acme?page=2"}
    stage.host.troubles.append(Reply(200, page))

    with pytest.raises(Exception, match="at another host"):
        list(stage.provider.projects(stage.connection))


def test_every_change_of_a_push_is_told() -> None:
    project = FakeProject(12, "acme/widgets", branches={"main": COMMIT}, tags={"v1": COMMIT, "v2/x": COMMIT})
    refs = ["refs/heads/main", "refs/tags/v1", "refs/tags/v2/x", "refs/heads/7.3"]
    delivery = push_delivery(project, refs, "secret")

    events = Bitbucket().parse_event(delivery.headers, delivery.body)

    assert events == [
        HookEvent(EventKind.REF_CHANGED, project.uuid, Ref(RefKind.BRANCH, "main", COMMIT)),
        HookEvent(EventKind.REF_CHANGED, project.uuid, Ref(RefKind.TAG, "v1", COMMIT)),
        HookEvent(EventKind.REF_CHANGED, project.uuid, Ref(RefKind.TAG, "v2/x", COMMIT)),
        HookEvent(EventKind.REF_DELETED, project.uuid, Ref(RefKind.BRANCH, "7.3", "")),
    ]


@pytest.mark.parametrize(
    ("event", "payload", "kind"),
    [
        ("repo:updated", {"changes": {"name": {"new": "b", "old": "a"}}}, EventKind.PROJECT_CHANGED),
        ("repo:push", {"push": {"changes": []}}, EventKind.IGNORED),
        ("repo:push", {"push": {"changes": [{"new": {"type": "bookmark", "name": "x"}}]}}, EventKind.IGNORED),
        ("issue:created", {}, EventKind.IGNORED),
    ],
)
def test_what_is_no_change_of_a_ref_is_told_as_what_it_is(
    event: str, payload: Mapping[str, Any], kind: EventKind
) -> None:
    [found] = events_of(event, {"repository": {"uuid": "{1}"}, **payload})

    assert found.kind is kind
    assert bool(found.sentence) is (kind is EventKind.IGNORED)


@pytest.mark.parametrize(
    "change",
    [
        {"new": None, "old": None},
        {"new": {"type": "branch", "name": "main"}},
        {"new": {"type": "branch", "name": "main", "target": {"hash": "main"}}},
        {"new": {"type": "branch", "target": {"hash": COMMIT}}},
    ],
)
def test_a_change_that_lacks_a_field_is_refused(change: Mapping[str, Any]) -> None:
    with pytest.raises(MalformedEvent):
        events_of("repo:push", {"repository": {"uuid": "{1}"}, "push": {"changes": [change]}})


def test_only_a_sha256_signature_counts() -> None:
    delivery = signed_delivery("repo:push", {}, "secret")
    as_github = {"x-hub-signature-256": delivery.headers["x-hub-signature"]}

    assert Bitbucket().is_authentic(delivery.headers, delivery.body, "secret")
    assert not Bitbucket().is_authentic(as_github, delivery.body, "secret")
