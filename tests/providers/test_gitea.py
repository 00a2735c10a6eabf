"""Gitea and Forgejo before their fake host: pages, tags, hooks, signatures and events."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from packistry.errors import CredentialRefused, HostUnavailable, MalformedEvent, NotFound, ScopeMissing
from packistry.outbound.client import Client
from packistry.providers.base import Connection, EventKind, Finding, HookState, Ref, RefKind
from packistry.providers.gitea import Gitea
from tests.fakes.gitea import FakeGitea, delivery
from tests.fakes.host import FIRST_COMMIT_AT, FakeProject, FakeToken
from tests.fakes.loopback import Reply

TOKEN, SECRET = "good-token-of-the-tests", "secret-of-the-hook"
COMMIT, TAG_OBJECT, ZEROS = "c" * 40, "7" * 40, "0" * 40
HOOK = "https://packages.example/incoming/gitea/1"
GITEA = Gitea()


@pytest.fixture(params=["", "/code/gitea"])
def host(request: pytest.FixtureRequest) -> Iterator[FakeGitea]:
    """A server at the root of its host, and one below a path."""
    host = FakeGitea(base_path=request.param)
    host.tokens[TOKEN] = FakeToken(scopes=("write:repository", "read:user"))
    host.add(FakeProject(12, "acme/widgets")).push_branch("main", {"composer.json": b"{}", "src/ä b.php": b"<?php"})
    with host.running():
        yield host


@pytest.fixture
def connection(host: FakeGitea, client: Client, tmp_path: Path) -> Connection:
    return Connection(host.address, {"token": TOKEN}, {}, client, tmp_path)


def test_the_check_tells_account_projects_and_what_private_hooks_need(connection: Connection) -> None:
    report = GITEA.check(connection)

    assert (report.account, report.projects_seen) == ("octocat", 1)
    assert {line.finding for line in report.lines} == {Finding.GOOD}
    assert any("ALLOWED_HOST_LIST" in line.sentence for line in report.lines)


def test_the_check_names_a_scope_that_is_missing(host: FakeGitea, connection: Connection) -> None:
    host.tokens[TOKEN] = FakeToken(scopes=("read:repository",))

    report = GITEA.check(connection)

    assert [line.finding for line in report.lines] == [Finding.BAD]
    assert "`read:user`" in report.lines[0].sentence


def test_an_unknown_token_is_refused(host: FakeGitea, connection: Connection) -> None:
    host.tokens.clear()

    with pytest.raises(CredentialRefused):
        GITEA.project(connection, "12")


def test_projects_are_listed_to_the_last_page_fifty_at_a_time(host: FakeGitea, connection: Connection) -> None:
    for number in range(150):
        host.add(FakeProject(1000 + number, f"acme/more-{number}"))

    assert len(list(GITEA.projects(connection))) == 151
    assert [request.query.get("page", "1") for request in host.requests] == ["1", "2", "3", "4"]


def test_projects_are_found_by_name_and_owner(host: FakeGitea, connection: Connection) -> None:
    host.add(FakeProject(13, "octocat/gadgets"))

    assert [one.id for one in GITEA.projects(connection, search="GADGET")] == ["13"]
    assert [one.id for one in GITEA.projects(connection, owner="acme")] == ["12"]


def test_a_renamed_project_is_found_by_its_id(host: FakeGitea, connection: Connection) -> None:
    host.projects[12].full_name = "acme/gizmos"

    assert GITEA.project(connection, "12").full_name == "acme/gizmos"


@pytest.mark.parametrize("name", ["acme", "acme/..", "../..", "", "acme/../user"])
def test_a_name_leads_nowhere_else(connection: Connection, name: str) -> None:
    with pytest.raises(NotFound):
        GITEA.project_named(connection, name)


def test_an_annotated_tag_stands_for_its_commit(host: FakeGitea, connection: Connection) -> None:
    project = host.projects[12]
    for number in range(120):
        project.push_tag(f"v1.{number}", project.branches["main"], annotated=True)

    refs = list(GITEA.refs(connection, GITEA.project(connection, "12")))

    assert {ref.name: ref.commit for ref in refs if ref.kind is RefKind.TAG} == project.tags
    assert Ref(RefKind.BRANCH, "main", project.branches["main"]) in refs


def test_a_commit_gives_its_time_its_files_and_its_archive(host: FakeGitea, connection: Connection) -> None:
    fake, project, buffer = host.projects[12], GITEA.project(connection, "12"), io.BytesIO()
    commit = fake.branches["main"]

    GITEA.download_archive(connection, project, commit, buffer)

    assert buffer.getvalue() == fake.archive(commit)
    assert all("authorization" not in request.headers for request in host.archive_requests)
    assert GITEA.committed_at(connection, project, commit) == FIRST_COMMIT_AT
    assert GITEA.read_file(connection, project, commit, "src/ä b.php") == b"<?php"
    assert GITEA.read_file(connection, project, commit, "../composer.json") is None


def test_a_hook_given_a_new_secret_replaces_the_former_one(host: FakeGitea, connection: Connection) -> None:
    project = GITEA.project(connection, "12")
    former = GITEA.create_hook(connection, project, HOOK, SECRET)

    hook = GITEA.create_hook(connection, project, HOOK, "another-secret")

    assert list(host.projects[12].hooks) == [hook]
    assert host.projects[12].hooks[hook]["config"]["secret"] == "another-secret"
    assert GITEA.hook_state(connection, project, former) is HookState.GONE


def test_a_hook_tells_its_state_until_it_is_deleted(host: FakeGitea, connection: Connection) -> None:
    project = GITEA.project(connection, "12")
    hook = GITEA.create_hook(connection, project, HOOK, SECRET)

    assert GITEA.hook_state(connection, project, hook) is HookState.ACTIVE
    host.projects[12].hooks[hook]["active"] = False
    assert GITEA.hook_state(connection, project, hook) is HookState.DISABLED

    GITEA.delete_hook(connection, project, hook)
    GITEA.delete_hook(connection, project, hook)
    assert host.projects[12].hooks == {}


def test_who_may_not_make_hooks_is_told_the_scope(host: FakeGitea, connection: Connection) -> None:
    host.projects[12].administered = False

    with pytest.raises(ScopeMissing, match="`write:repository`"):
        GITEA.create_hook(connection, GITEA.project(connection, "12"), HOOK, SECRET)


@pytest.mark.parametrize("body", [b"<html>", b"7", b"[1]", b'{"id": {}}'])
def test_a_host_that_answers_something_else_is_unavailable(
    host: FakeGitea, connection: Connection, body: bytes
) -> None:
    host.troubles.append(Reply(200, body))

    with pytest.raises(HostUnavailable):
        GITEA.project(connection, "12")


@pytest.mark.parametrize("software", ["gitea", "forgejo"])
@pytest.mark.parametrize("header", ["x-hub-signature-256", "x-{}-signature"])
def test_a_delivery_is_authentic_by_each_of_its_signatures_alone(software: str, header: str) -> None:
    sent = delivery("push", {}, SECRET, software=software)
    name = header.format(software)
    headers = {name: sent.headers[name]}

    assert GITEA.is_authentic(headers, sent.body, SECRET)
    assert not GITEA.is_authentic(headers, sent.body + b" ", SECRET)
    assert not GITEA.is_authentic(headers, sent.body, "")
    assert not GITEA.is_authentic({name: "é"}, sent.body, SECRET)
    assert GITEA.delivery_id(sent.headers) in sent.headers.values()


PUSH: dict[str, Any] = {"ref": "refs/heads/7.3", "after": COMMIT, "repository": {"id": 12}}
REPOSITORY: dict[str, Any] = {"repository": {"id": 12}}


@pytest.mark.parametrize("software", ["gitea", "forgejo"])
@pytest.mark.parametrize(
    ("event", "payload", "expected"),
    [
        ("push", PUSH, (EventKind.REF_CHANGED, Ref(RefKind.BRANCH, "7.3", COMMIT))),
        ("push", {**PUSH, "after": ZEROS}, (EventKind.REF_DELETED, Ref(RefKind.BRANCH, "7.3", ""))),
        # `after` of an annotated tag is the tag object.
        (
            "push",
            {**PUSH, "ref": "refs/tags/v1/x", "after": TAG_OBJECT, "head_commit": {"id": COMMIT}},
            (EventKind.REF_CHANGED, Ref(RefKind.TAG, "v1/x", COMMIT)),
        ),
        (
            "delete",
            {**REPOSITORY, "ref": "v1/x", "ref_type": "tag"},
            (EventKind.REF_DELETED, Ref(RefKind.TAG, "v1/x", "")),
        ),
        ("repository", {**REPOSITORY, "action": "deleted"}, (EventKind.PROJECT_DELETED, None)),
        ("repository", {**REPOSITORY, "action": "transferred"}, (EventKind.PROJECT_CHANGED, None)),
        ("repository", {**REPOSITORY, "action": "created"}, (EventKind.IGNORED, None)),
        ("create", {}, (EventKind.IGNORED, None)),
    ],
)
def test_an_event_is_understood(
    software: str, event: str, payload: dict[str, Any], expected: tuple[EventKind, Ref | None]
) -> None:
    sent = delivery(event, payload, SECRET, software=software)

    assert [(one.kind, one.ref) for one in GITEA.parse_event(sent.headers, sent.body)] == [expected]


@pytest.mark.parametrize("missing", ["ref", "after", "repository"])
def test_a_push_that_lacks_a_field_is_refused_by_its_name(missing: str) -> None:
    sent = delivery("push", {key: value for key, value in PUSH.items() if key != missing}, SECRET)

    with pytest.raises(MalformedEvent, match=missing):
        GITEA.parse_event(sent.headers, sent.body)
