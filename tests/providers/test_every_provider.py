"""What the importer and the hooks rely on, tried with every provider against its fake host."""

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from packistry.clock import now
from packistry.errors import (
    CredentialRefused,
    HostRefused,
    HostUnavailable,
    MalformedEvent,
    NotFound,
    RateLimited,
    ScopeMissing,
)
from packistry.providers import PROVIDERS
from packistry.providers.base import Connection, EventKind, Finding, HookEvent, HookState, Ref, RefKind
from tests.fakes.bitbucket import GRANTING
from tests.fakes.host import FakeProject, FakeToken, RateLimit, object_id
from tests.fakes.loopback import Reply
from tests.providers.conftest import KINDS, MANIFEST, TOKEN, Stage
from tests.tools import ROOT

SECRET = "secret-of-the-hook"
HOOK = "https://packages.example/incoming/here/1"

# Every call that asks the host something, for tests of what holds for all of them.
CALLS: dict[str, Callable[[Stage], object]] = {
    "projects": lambda stage: list(stage.provider.projects(stage.connection)),
    "project": lambda stage: stage.provider.project(stage.connection, "12"),
    "project_named": lambda stage: stage.provider.project_named(stage.connection, "acme/widgets"),
}


def archive_of(stage: Stage, commit: str) -> bytes:
    buffer = io.BytesIO()
    stage.provider.download_archive(stage.connection, stage.project, commit, buffer)
    return buffer.getvalue()


def speaking_tls(stage: Stage) -> Connection:
    """A connection to where nobody answers: the fake speaks no TLS."""
    return replace(stage.connection, address=stage.host.address.replace("http:", "https:"))


def test_the_check_names_the_account_and_counts_its_projects(stage: Stage) -> None:
    stage.add_projects(4)

    report = stage.provider.check(stage.connection)

    assert [line for line in report.lines if line.finding is not Finding.GOOD] == []
    assert report.account == "octocat"
    assert report.projects_seen == 5
    assert report.expires_at is None


def test_the_check_writes_nothing(stage: Stage) -> None:
    stage.provider.check(stage.connection)

    # Being given a token for a while changes nothing.
    assert {request.method for request in stage.host.requests if request.path != GRANTING} == {"GET"}


def test_the_check_warns_before_the_credential_expires(stage: Stage) -> None:
    if "expiry" in stage.kind.untold:
        pytest.skip("the host does not tell when a credential ends")
    token = stage.host.tokens[TOKEN]
    token.expires_at = (now() + timedelta(days=5)).replace(hour=0, minute=0, second=0, microsecond=0)

    report = stage.provider.check(stage.connection)

    assert report.expires_at == token.expires_at
    assert [line.sentence for line in report.lines if line.finding is Finding.WARNING] == [
        f"The credential expires on {token.expires_at:%Y-%m-%d}: make a new one and rotate this source before."
    ]


def test_the_check_of_an_unknown_credential_says_so(stage: Stage) -> None:
    report = stage.provider.check(stage.connection_with("unknown"))

    assert [line.finding for line in report.lines] == [Finding.BAD]
    assert "does not accept the credential" in report.lines[0].sentence
    assert isinstance(report.refusal, CredentialRefused)


@pytest.mark.parametrize("token", ["", "töken", "to\nken"])
def test_the_check_of_a_credential_that_cannot_be_one_says_so(stage: Stage, token: str) -> None:
    report = stage.provider.check(stage.connection_with(token))

    assert [line.finding for line in report.lines] == [Finding.BAD]


def test_a_credential_may_end_in_the_line_it_was_copied_with(stage: Stage) -> None:
    assert stage.provider.check(stage.connection_with(f"{TOKEN}\n")).account == "octocat"


def test_the_check_of_a_host_in_trouble_says_so(stage: Stage) -> None:
    stage.host.troubles.extend([Reply(500)] * 9)

    report = stage.provider.check(stage.connection)

    assert [line.finding for line in report.lines] == [Finding.BAD]
    assert isinstance(report.refusal, HostUnavailable)


def test_the_check_of_a_credential_without_scopes_tells_what_is_missing(stage: Stage) -> None:
    stage.host.tokens[TOKEN] = FakeToken(scopes=())

    report = stage.provider.check(stage.connection)

    missing = " ".join(line.sentence for line in report.lines if line.finding is not Finding.GOOD)
    assert "scope" in missing or "permission" in missing


def test_all_refs_are_listed_with_their_commits_to_the_last_page(stage: Stage) -> None:
    project = stage.fake_project
    commit = project.branches["main"]
    for name in ("feature/a b", "feature/ä", "-dash", "7.3", "a%2Fb", "#1"):
        project.branches[name] = commit
    for number in range(230):
        project.push_tag(f"v1.{number}", commit, annotated=number % 2 == 0)

    refs = list(stage.provider.refs(stage.connection, stage.project))

    assert {ref.name: ref.commit for ref in refs if ref.kind is RefKind.BRANCH} == project.branches
    assert {ref.name: ref.commit for ref in refs if ref.kind is RefKind.TAG} == project.tags
    assert len(refs) == 237


@pytest.mark.parametrize("kind", RefKind)
def test_one_ref_is_found_with_the_commit_it_stands_for_now(stage: Stage, kind: RefKind) -> None:
    fake, project = stage.fake_project, stage.project
    other, first, second = (fake.commit({"composer.json": b"%d" % number}) for number in range(3))
    for name in ("main", "feature/ä", "-dash", "7.3", "a%2Fb", "100%", "%2e%2e/x", "#1", "a&q=b", 'a"b', "a+b", "a;b"):
        # The name of the other kind, and longer ones, stand for something else.
        fake.branches |= {name: other, f"{name}-longer": other, f"x/{name}": other}
        fake.tags |= {name: other, f"{name}/longer": other}
        for commit in (first, second):
            if kind is RefKind.BRANCH:
                fake.branches[name] = commit
            else:
                fake.push_tag(name, commit, annotated=True)
            asked = len(stage.host.requests)

            assert stage.provider.find_ref(stage.connection, project, kind, name) == Ref(kind, name, commit)
            # Behind the tag object of an annotated tag, GitHub looks only when it is asked to.
            assert len(stage.host.requests) - asked <= 1 + (kind is RefKind.TAG and stage.kind.name == "github")


@pytest.mark.parametrize("kind", RefKind)
def test_a_ref_that_is_gone_is_none(stage: Stage, kind: RefKind) -> None:
    fake, project = stage.fake_project, stage.project
    similar = dict.fromkeys(("1.x-longer", "1.x/longer", "heads/1.x", "tags/1.x", "1.X"), fake.branches["main"])
    fake.branches |= similar
    fake.tags |= similar
    other = fake.tags if kind is RefKind.BRANCH else fake.branches
    other["1.x"] = fake.branches["main"]

    assert stage.provider.find_ref(stage.connection, project, kind, "1.x") is None


def test_no_ref_is_found_where_there_is_no_commit(stage: Stage) -> None:
    project = stage.project
    stage.fake_project.branches.clear()

    assert stage.provider.find_ref(stage.connection, project, RefKind.BRANCH, "main") is None


@pytest.mark.parametrize("name", ["", "../main", "main~1"])
def test_what_git_takes_for_no_name_is_not_asked_for(stage: Stage, name: str) -> None:
    project = stage.project
    asked = len(stage.host.requests)

    assert stage.provider.find_ref(stage.connection, project, RefKind.BRANCH, name) is None
    assert len(stage.host.requests) == asked


def test_a_project_that_is_gone_says_nothing_of_its_refs(stage: Stage) -> None:
    project = stage.project
    stage.host.projects.clear()

    with pytest.raises(NotFound):
        stage.provider.find_ref(stage.connection, project, RefKind.BRANCH, "main")


def test_refs_that_did_not_change_cost_no_list_and_new_ones_are_found(stage: Stage) -> None:
    project, connection = stage.project, stage.connection
    for number in range(230):
        stage.fake_project.push_tag(f"v1.{number}", stage.fake_project.branches["main"])
    before = list(stage.provider.refs(connection, project))

    again = list(stage.provider.refs(connection, project))
    stage.fake_project.push_tag("v2", stage.fake_project.push_branch("main", {"composer.json": b"{}"}))
    after = list(stage.provider.refs(connection, project))

    assert again == before
    assert {ref.name: ref.commit for ref in after if ref.kind is RefKind.TAG} == stage.fake_project.tags
    assert Ref(RefKind.BRANCH, "main", stage.fake_project.branches["main"]) in after


def test_a_project_without_commits_has_no_refs(stage: Stage) -> None:
    stage.fake_project.branches.clear()

    assert list(stage.provider.refs(stage.connection, stage.project)) == []


def test_the_time_of_a_commit_is_in_utc(stage: Stage) -> None:
    moment = datetime(2024, 2, 29, 12, 0, 5, tzinfo=timezone(timedelta(hours=2)))
    commit = stage.fake_project.commit({"a": b""}, moment.astimezone(UTC))

    committed_at = stage.provider.committed_at(stage.connection, stage.project, commit)

    assert committed_at == moment
    assert committed_at.utcoffset() == timedelta()


@pytest.mark.parametrize("path", ["composer.json", "packages/ä b/composer.json", "a#b?c/%2e.json"])
def test_a_file_is_read_at_a_commit(stage: Stage, path: str) -> None:
    old = stage.fake_project.commit({path: b'{"old": true}\n'})
    stage.fake_project.push_branch("main", {path: MANIFEST})

    assert stage.provider.read_file(stage.connection, stage.project, old, path) == b'{"old": true}\n'


@pytest.mark.parametrize("path", ["missing.json", "src", "..", "src/../composer.json", ""])
def test_what_is_no_file_is_none(stage: Stage, path: str) -> None:
    commit = stage.fake_project.branches["main"]

    assert stage.provider.read_file(stage.connection, stage.project, commit, path) is None


def test_a_file_that_is_far_too_large_is_refused_for_good(stage: Stage) -> None:
    commit = stage.fake_project.commit({"composer.json": b" " * 1024**2, "large.json": b" " * (1024**2 + 1)})

    assert stage.provider.read_file(stage.connection, stage.project, commit, "composer.json") == b" " * 1024**2
    with pytest.raises(HostRefused, match="larger than 1 MiB"):
        stage.provider.read_file(stage.connection, stage.project, commit, "large.json")


def test_an_archive_comes_by_its_commit(stage: Stage) -> None:
    old = stage.fake_project.branches["main"]
    stage.fake_project.push_branch("main", {"composer.json": b"{}"})

    assert archive_of(stage, old) == stage.fake_project.archive(old)


def test_no_credential_follows_to_where_the_archives_lie(stage: Stage) -> None:
    archive_of(stage, stage.fake_project.branches["main"])

    sent = [set(request.headers) & {"authorization", "private-token"} for request in stage.host.archive_requests]
    assert sent == [set()] * len(sent)


def test_an_archive_that_is_not_there_writes_nothing(stage: Stage) -> None:
    project, buffer = stage.project, io.BytesIO()

    with pytest.raises(NotFound):
        stage.provider.download_archive(stage.connection, project, object_id("nothing"), buffer)

    assert buffer.getvalue() == b""


def test_an_archive_of_a_host_that_is_not_there_is_unavailable(stage: Stage) -> None:
    project, commit = stage.project, stage.fake_project.branches["main"]
    connection = speaking_tls(stage)

    with pytest.raises(HostUnavailable):
        stage.provider.download_archive(connection, project, commit, io.BytesIO())


def test_a_hook_is_made_once_and_given_a_new_secret(stage: Stage) -> None:
    stage.provider.create_hook(stage.connection, stage.project, HOOK, SECRET)
    # Under its own id, or under another one where only a new hook gets the secret.
    second = stage.provider.create_hook(stage.connection, stage.project, HOOK, "another-secret")

    assert list(stage.fake_project.hooks) == [second]
    assert "another-secret" in repr(stage.fake_project.hooks)
    assert SECRET not in repr(stage.fake_project.hooks)


def test_a_hook_is_found_on_the_last_page(stage: Stage) -> None:
    project = stage.project
    for number in range(120):
        stage.provider.create_hook(stage.connection, project, f"{HOOK}{number}", SECRET)

    stage.provider.create_hook(stage.connection, project, f"{HOOK}119", SECRET)

    assert len(stage.fake_project.hooks) == 120


def test_a_hook_lives_until_it_is_deleted(stage: Stage) -> None:
    project = stage.project
    hook = stage.provider.create_hook(stage.connection, project, HOOK, SECRET)

    assert stage.provider.hook_state(stage.connection, project, hook) is HookState.ACTIVE

    stage.provider.delete_hook(stage.connection, project, hook)
    stage.provider.delete_hook(stage.connection, project, hook)

    assert stage.provider.hook_state(stage.connection, project, hook) is HookState.GONE


def test_a_hook_of_a_project_that_was_renamed_is_written_where_it_is_now(stage: Stage) -> None:
    project = stage.project
    stage.fake_project.full_name = "acme/gizmos"
    stage.host.add(FakeProject(13, "acme/widgets"))

    hook = stage.provider.create_hook(stage.connection, project, HOOK, SECRET)

    assert list(stage.fake_project.hooks) == [hook]
    stage.provider.delete_hook(stage.connection, project, hook)
    assert stage.fake_project.hooks == {}


def test_an_archived_project_gets_no_hook_and_its_owner_is_told_why(stage: Stage) -> None:
    if "archived" in stage.kind.untold:
        pytest.skip("the host has no archived projects")
    project = stage.project
    stage.fake_project.archived = True

    with pytest.raises(HostRefused, match=r"^acme/widgets is archived on .*: it is polled\.$"):
        stage.provider.create_hook(stage.connection, project, HOOK, SECRET)

    assert stage.fake_project.hooks == {}


def test_who_may_not_make_hooks_is_told_what_is_missing(stage: Stage) -> None:
    project = stage.project
    stage.fake_project.administered = False

    with pytest.raises(ScopeMissing, match=r"It needs .*hook|It needs .*api"):
        stage.provider.create_hook(stage.connection, project, HOOK, SECRET)


@pytest.mark.parametrize("name", CALLS)
def test_an_unknown_credential_is_refused_without_being_told(stage: Stage, name: str) -> None:
    stage.host.tokens.clear()

    with pytest.raises(CredentialRefused) as refused:
        CALLS[name](stage)

    assert TOKEN not in refused.value.sentence + refused.value.detail


@pytest.mark.parametrize("name", CALLS)
def test_a_host_that_asks_us_to_wait_says_until_when(stage: Stage, name: str) -> None:
    stage.host.troubles.extend([Reply(429, headers={"Retry-After": "90"})] * 9)
    before = now()

    with pytest.raises(RateLimited) as refused:
        CALLS[name](stage)

    assert timedelta(seconds=88) < refused.value.until - before < timedelta(seconds=120)


def test_a_limit_is_not_run_into(stage: Stage) -> None:
    if {"limit", "end of a limit"} & set(stage.kind.untold):
        pytest.skip("the host does not tell how many requests are left, or until when")
    stage.host.limit = RateLimit(requests=10, seconds=1)
    connection = stage.connection

    projects = {stage.provider.project_named(connection, "acme/widgets").id for _ in range(15)}

    assert len(projects) == 1


def test_a_limit_that_others_used_up_says_when_it_ends(stage: Stage) -> None:
    stage.host.limit = RateLimit(requests=0, seconds=600)

    with pytest.raises(RateLimited) as refused:
        stage.provider.project_named(stage.connection, "acme/widgets")

    # A minute where the host says nothing.
    seconds = 60 if "limit" in stage.kind.untold else 600
    assert timedelta(seconds=seconds - 10) < refused.value.until - now() < timedelta(seconds=seconds + 2)


@pytest.mark.parametrize("status", [500, 501, 599])
@pytest.mark.parametrize("name", CALLS)
def test_a_host_in_trouble_is_unavailable(stage: Stage, name: str, status: int) -> None:
    stage.host.troubles.extend([Reply(status, b"Oops")] * 9)

    with pytest.raises(HostUnavailable, match=str(status)):
        CALLS[name](stage)


BAD_BODIES = [
    b"",
    b"<!doctype html><title>Sign in</title>",
    b"null",
    b"[]x",
    b"[1]",
    b"7",
    b'{"id":',
    b'{"id": {}}',
    b'[{"id": 1}]',
    b"\xff",
]


@pytest.mark.parametrize("body", BAD_BODIES)
@pytest.mark.parametrize("name", CALLS)
def test_a_host_that_answers_something_else_is_unavailable(stage: Stage, name: str, body: bytes) -> None:
    stage.host.troubles.extend([Reply(200, body, {"Content-Type": "text/html"})] * 9)

    with pytest.raises(HostUnavailable):
        CALLS[name](stage)


def test_a_host_that_is_not_there_is_unavailable(stage: Stage) -> None:
    with pytest.raises(HostUnavailable):
        stage.provider.project(speaking_tls(stage), "12")


@pytest.mark.parametrize(("kind", "ref"), [(RefKind.BRANCH, "refs/heads/feature/x"), (RefKind.TAG, "refs/tags/v1/x")])
def test_a_pushed_ref_is_told_with_its_commit(stage: Stage, kind: RefKind, ref: str) -> None:
    commit = stage.fake_project.branches["main"]
    stage.fake_project.branches["feature/x"] = commit
    stage.fake_project.push_tag("v1/x", commit, annotated=True)
    delivery = stage.host.push_delivery(stage.fake_project, ref, SECRET)

    events = stage.provider.parse_event(delivery.headers, delivery.body)

    name = ref.split("/", 2)[2]
    told = "" if kind is RefKind.TAG and "commits of tags" in stage.kind.untold else commit
    assert events == [HookEvent(EventKind.REF_CHANGED, stage.project.id, Ref(kind, name, told))]


@pytest.mark.parametrize(("kind", "ref"), [(RefKind.BRANCH, "refs/heads/7.3"), (RefKind.TAG, "refs/tags/v1.0.0")])
def test_a_deleted_ref_is_told(stage: Stage, kind: RefKind, ref: str) -> None:
    delivery = stage.host.push_delivery(stage.fake_project, ref, SECRET)

    events = stage.provider.parse_event(delivery.headers, delivery.body)

    name = ref.split("/", 2)[2]
    assert events == [HookEvent(EventKind.REF_DELETED, stage.project.id, Ref(kind, name, ""))]


def test_a_delivery_is_authentic_by_its_own_secret_only(stage: Stage) -> None:
    delivery = stage.host.push_delivery(stage.fake_project, "refs/heads/main", SECRET)
    provider = stage.provider

    assert provider.is_authentic(delivery.headers, delivery.body, SECRET)
    assert not provider.is_authentic(delivery.headers, delivery.body, SECRET + "x")
    assert not provider.is_authentic(delivery.headers, delivery.body, "")
    assert not provider.is_authentic({}, delivery.body, SECRET)
    assert not provider.is_authentic(dict.fromkeys(delivery.headers, ""), delivery.body, "")
    assert not provider.is_authentic(dict.fromkeys(delivery.headers, "é\x80"), delivery.body, SECRET)


def test_a_delivery_has_an_id(stage: Stage) -> None:
    delivery = stage.host.push_delivery(stage.fake_project, "refs/heads/main", SECRET)

    assert stage.provider.delivery_id(delivery.headers) in delivery.headers.values()
    assert stage.provider.delivery_id({}) is None


@pytest.mark.parametrize("body", [body for body in BAD_BODIES if body != b'{"id": {}}'])
def test_a_delivery_that_is_no_object_is_refused(stage: Stage, body: bytes) -> None:
    delivery = stage.host.push_delivery(stage.fake_project, "refs/heads/main", SECRET)

    with pytest.raises(MalformedEvent):
        stage.provider.parse_event(delivery.headers, body)


def test_a_push_that_lacks_the_ref_is_refused(stage: Stage) -> None:
    delivery = stage.host.push_delivery(stage.fake_project, "refs/heads/main", SECRET)
    body = delivery.body.replace(b"refs/heads/main", b"").replace(b'"main"', b'""')

    with pytest.raises(MalformedEvent):
        stage.provider.parse_event(delivery.headers, body)


def test_every_provider_with_hooks_is_tried_here() -> None:
    assert {kind.name for kind in KINDS} == {name for name, provider in PROVIDERS.items() if provider.has_hooks}


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_provider_has_a_guide_that_fills_in_what_it_needs(name: str) -> None:
    guide = (ROOT / "docs" / "guides" / f"{'plain-git' if name == 'git' else name}.md").read_text()

    assert name == "git" or f"--provider {name} " in guide
    for field in PROVIDERS[name].fields:
        assert not field.required or f"--set {field.name}=" in guide


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_provider_declares_what_a_person_fills_in(name: str) -> None:
    provider = PROVIDERS[name]

    assert provider.name == name
    assert provider.label
    assert len({one.name for one in provider.fields}) == len(provider.fields)
    assert all(one.label and one.help for one in provider.fields)
    assert provider.default_address is None or not provider.default_address.endswith("/")
