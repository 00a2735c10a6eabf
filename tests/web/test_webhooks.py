"""Deliveries of code hosts through the whole application: signed or not, of every host, of everything they tell."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from packistry import clock
from packistry.db.models import AuditEvent, Delivery, Hook, Project, Repository, Source
from packistry.house import House
from packistry.providers.base import Project as HostProject
from packistry.sealing import Sealer
from packistry.settings import secret_key
from packistry.sources.actions import add_project, delete_source
from packistry.sources.deliveries import unpack
from packistry.sources.hooks import HookSecrets, rotate_hook, seal_secrets
from packistry.web import webhooks
from tests import factories
from tests.factories import OPERATOR
from tests.fakes.bitbucket import push_delivery
from tests.fakes.github import signed_delivery as github_delivery
from tests.fakes.host import FakeHost, FakeProject
from tests.providers.conftest import KINDS, Kind
from tests.web.hosts import SECRET, Hooked, add, altered, git_delivery, hook, unsigned

COMMIT = "1" * 40


@pytest.fixture(autouse=True)
def repository(house: House) -> None:
    factories.repository(house, "acme")


@pytest.fixture
def git(house: House, client: TestClient) -> Hooked:
    """A project of plain git, whose deliveries are short."""
    return hook(house, client, "git")


@pytest.fixture
def github(house: House, client: TestClient) -> Hooked:
    return hook(house, client, "github", "12")


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def hosted(
    request: pytest.FixtureRequest, house: House, client: TestClient
) -> Iterator[tuple[Hooked, FakeHost, FakeProject]]:
    """A project of each host, and the fake that makes its deliveries."""
    kind: Kind = request.param
    with kind.fake(base_path=kind.base_path).running() as host:
        project = host.add(FakeProject(12, "acme/widgets"))
        project.push_branch("main", {"composer.json": b"{}"})
        yield hook(house, client, kind.name, kind.identify(project)), host, project


def github_event(event: str, **payload: Any) -> Any:
    return github_delivery(event, {"repository": {"id": 12}, **payload}, SECRET)


class TestEveryHost:
    """The same for each of them, through the addresses of a project and of its source."""

    @pytest.mark.parametrize("shared", [False, True])
    def test_a_signed_push_is_answered_with_its_run(
        self, hosted: tuple[Hooked, FakeHost, FakeProject], shared: bool
    ) -> None:
        hooked, host, project = hosted
        delivery = host.push_delivery(project, "refs/heads/main", SECRET)

        answer = hooked.post(delivery, hooked.shared_address if shared else None)

        [run] = hooked.runs()
        assert (answer.status_code, answer.json()) == (202, {"run": run.id})
        assert (run.partial, run.priority, run.cause, run.state) == (True, 10, "push", "waiting")
        # What the ref stands for is asked of the host: a delivery may be old.
        assert hooked.refs() == {"main": ("branch", "")}

    def test_a_deleted_ref_is_looked_at_too(self, hosted: tuple[Hooked, FakeHost, FakeProject]) -> None:
        hooked, host, project = hosted

        answer = hooked.post(host.push_delivery(project, "refs/tags/v1.0.0", SECRET))

        assert answer.status_code == 202
        assert hooked.refs() == {"v1.0.0": ("tag", "")}

    @pytest.mark.parametrize("forge", [unsigned, altered])
    def test_what_nobody_signed_is_refused_and_not_read(
        self, hosted: tuple[Hooked, FakeHost, FakeProject], forge: Callable[[Any], Any]
    ) -> None:
        hooked, host, project = hosted
        signed = host.push_delivery(project, "refs/heads/main", SECRET)

        answer = hooked.post(forge(signed))

        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert hooked.runs() == []
        assert _deliveries(hooked) == []

    def test_another_secret_is_refused(self, hosted: tuple[Hooked, FakeHost, FakeProject]) -> None:
        hooked, host, project = hosted

        assert hooked.post(host.push_delivery(project, "refs/heads/main", SECRET + "x")).status_code == 401

    def test_a_delivery_that_comes_again_is_answered_the_same_and_changes_nothing(
        self, hosted: tuple[Hooked, FakeHost, FakeProject]
    ) -> None:
        hooked, host, project = hosted
        delivery = host.push_delivery(project, "refs/heads/main", SECRET)
        first = hooked.post(delivery)
        _finish(hooked)

        again = hooked.post(delivery)

        assert (again.status_code, again.json()) == (202, first.json())
        assert len(hooked.runs()) == len(_deliveries(hooked)) == 1

    def test_what_is_kept_of_a_delivery_has_no_secret(self, hosted: tuple[Hooked, FakeHost, FakeProject]) -> None:
        hooked, host, project = hosted
        delivery = host.push_delivery(project, "refs/heads/main", SECRET)

        answer = hooked.client.post(
            hooked.address,
            content=delivery.body,
            headers={**delivery.headers, "authorization": "Basic abc", "cookie": "a=b", "x-request-id": "kept"},
        )

        [kept] = _deliveries(hooked)
        assert (kept.status, kept.runs) == (202, [answer.json()["run"]])
        assert unpack(kept) == delivery.body
        assert kept.headers["x-request-id"] == "kept"
        assert not [name for name in kept.headers if "token" in name or "signature" in name]
        assert not {"authorization", "cookie"} & set(kept.headers)


def test_refused_deliveries_are_counted_at_the_source(settings: Any, house: House) -> None:
    from packistry.app import Worker

    with TestClient(Worker(settings)) as client:
        hooked = hook(house, client, "git")
        for _ in range(3):
            assert hooked.post(git_delivery("wrong")).status_code == 401

    # The worker's end writes what it counted.
    source = hooked.source()
    assert source.refused_deliveries == 3
    assert source.refused_delivery_at is not None


def test_ten_pushes_make_one_run_of_the_refs_they_tell_of(git: Hooked) -> None:
    answers = [git.post(git_delivery(ref="refs/heads/main", commit=f"{number:040x}")) for number in range(9)]
    answers.append(git.post(git_delivery(ref="refs/tags/v1", commit=COMMIT)))

    assert {answer.json()["run"] for answer in answers} == {git.runs()[0].id}
    assert git.refs() == {"main": ("branch", ""), "v1": ("tag", "")}


def test_a_delivery_that_comes_eight_times_at_once_is_one(git: Hooked) -> None:
    receiver = git.house.receiver
    delivery = git_delivery(ref="refs/heads/main")
    headers = {**delivery.headers, "x-packistry-delivery": "the-same"}
    door = receiver.find_door("acme", "git", git.source_id, git.project_id)

    with ThreadPoolExecutor(8) as executor:
        asked = [executor.submit(receiver.receive, door, headers, delivery.body) for _ in range(8)]
        answers = [each.result() for each in asked]

    [run] = git.runs()
    assert {tuple(answer.runs) for answer in answers} == {(run.id,)}
    assert len(_deliveries(git)) == 1


def test_a_push_of_many_refs_looks_at_all_of_them(house: House, client: TestClient) -> None:
    project = FakeProject(12, "acme/widgets")
    hooked = hook(house, client, "bitbucket", project.uuid)
    tags = [f"refs/tags/1.{number}" for number in range(30)]
    for tag in tags:
        project.push_tag(tag.removeprefix("refs/tags/"), COMMIT)

    answer = hooked.post(push_delivery(project, tags, SECRET))

    assert answer.status_code == 202
    assert len(hooked.refs()) == 30


def test_a_push_of_more_refs_than_are_worth_asking_for_becomes_a_look_at_all(house: House, client: TestClient) -> None:
    project = FakeProject(12, "acme/widgets")
    hooked = hook(house, client, "bitbucket", project.uuid)

    hooked.post(push_delivery(project, [f"refs/tags/1.{number}" for number in range(60)], SECRET))

    [run] = hooked.runs()
    assert not run.partial


def test_all_directories_of_a_project_share_its_hook(git: Hooked) -> None:
    lib = add(git.house, git.client, git.source(), "acme/widgets.git", directory="lib")

    answer = git.post(git_delivery(ref="refs/heads/main"))

    first, second = git.runs()
    assert answer.json() == {"run": first.id, "runs": [first.id, second.id]}
    assert {first.project_id, second.project_id} == {git.project_id, lib.project_id}
    with git.house.database.read() as session:
        assert len(session.scalars(select(Hook)).all()) == 1


def test_a_delivery_without_a_ref_looks_at_everything_soon(git: Hooked) -> None:
    answer = git.post(git_delivery())

    [run] = git.runs()
    assert (answer.status_code, run.partial, run.cause, run.priority) == (202, False, "sync", 10)


@pytest.mark.parametrize("name", ["größe", "日本/語", "-leading", "a.b", "100%25", "'\"<>"])
def test_names_that_git_allows_are_looked_at(git: Hooked, name: str) -> None:
    answer = git.post(git_delivery(ref=f"refs/heads/{name}"))

    assert answer.status_code == 202
    assert git.refs() == {name: ("branch", "")}


@pytest.mark.parametrize("name", ["a b", "../../x", "a..b", "x^", "x*", "x?y", "/x", "x/", "a@{1}", "back\\slash"])
def test_names_that_git_does_not_allow_are_asked_of_no_host(git: Hooked, name: str) -> None:
    answer = git.post(git_delivery(ref=f"refs/heads/{name}"))

    assert answer.status_code == 200
    assert "no name that git gives" in answer.json()["message"]
    assert git.runs() == []


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"nothing", b'{"project": 3}', b'{"project": "a\\u0000b"}', b"\xff", b'{"ref": "refs/heads/main"}'],
)
def test_a_delivery_that_lacks_what_is_needed_is_422_and_kept(git: Hooked, body: bytes) -> None:
    answer = git.post(git_delivery(body=body))

    assert (answer.status_code, answer.json()["code"]) == (422, "malformed_event")
    [kept] = _deliveries(git)
    assert (kept.status, kept.event, kept.answer) == (422, "unreadable", answer.json()["message"])


def test_a_ping_is_answered_with_nothing(github: Hooked) -> None:
    answer = github.post(github_event("ping", zen="Keep it logically awesome."))

    assert (answer.status_code, answer.content) == (204, b"")
    assert _deliveries(github)[0].status == 204


@pytest.mark.parametrize(
    ("event", "payload", "words"),
    [
        ("issues", {"action": "opened"}, '"issues" changes no package'),
        ("push", {"ref": "refs/notes/x", "after": COMMIT}, "neither a branch nor a tag"),
        ("push", {"ref": "refs/heads/x", "after": COMMIT, "repository": {"id": 13}}, "the project 13"),
    ],
)
def test_what_changes_nothing_says_so(github: Hooked, event: str, payload: Any, words: str) -> None:
    answer = github.post(github_event(event, **payload))

    assert answer.status_code == 200
    assert words in answer.json()["message"]
    assert github.runs() == []
    assert _deliveries(github)[0].answer == answer.json()["message"]


@pytest.mark.parametrize("action", ["renamed", "transferred", "archived", "unarchived", "edited"])
def test_a_project_that_changed_is_looked_at_anew(github: Hooked, action: str) -> None:
    answer = github.post(github_event("repository", action=action))

    [run] = github.runs()
    assert (answer.status_code, run.partial, run.priority) == (202, False, 10)


def test_a_project_that_is_gone_says_so_and_keeps_its_versions(github: Hooked) -> None:
    answers = [github.post(github_event("repository", action="deleted")) for _ in range(2)]

    assert {answer.status_code for answer in answers} == {200}
    with github.house.database.read() as session:
        assert "deleted there" in (session.get_one(Project, github.project_id).problem or "")
        events = session.scalars(select(AuditEvent.event).where(AuditEvent.event == "project.gone")).all()
    assert len(events) == 1
    assert github.runs() == []


def test_a_ref_that_the_project_does_not_take_changes_nothing(house: House, client: TestClient) -> None:
    hooked = hook(house, client, "git", branches=["release/*"], tags=["v*", "!v0*"])

    answers = {
        ref: hooked.post(git_delivery(ref=f"refs/{ref}")).status_code
        for ref in ("heads/feature", "heads/release/1", "heads/main", "tags/v1", "tags/v0.1", "tags/1")
    }

    # The default branch names the package, and is always taken.
    assert answers == {
        "heads/feature": 200,
        "heads/release/1": 202,
        "heads/main": 202,
        "tags/v1": 202,
        "tags/v0.1": 200,
        "tags/1": 200,
    }


def test_a_push_hurries_a_whole_look_that_waits_and_adds_no_run(git: Hooked) -> None:
    git.post(git_delivery())

    git.post(git_delivery(ref="refs/heads/main"))

    [run] = git.runs()
    assert not run.partial
    assert git.refs() == {}


def test_a_secret_opens_its_own_project_only(git: Hooked) -> None:
    other = add(git.house, git.client, git.source(), "acme/other.git", secret="the-secret-of-another")

    mine = git_delivery("the-secret-of-another")
    assert git.post(mine).status_code == 401
    answer = git.post(mine, git.shared_address)

    assert answer.status_code == 200
    assert "acme/other.git" in answer.json()["message"]
    assert git.post(git_delivery("the-secret-of-another", project="acme/other.git"), other.address).status_code == 202


def test_hooks_with_one_secret_find_their_own_project_by_the_address_of_the_source(git: Hooked) -> None:
    other = add(git.house, git.client, git.source(), "acme/other.git")

    answer = git.post(git_delivery(project="acme/other.git", ref="refs/heads/main"), git.shared_address)

    [run] = git.runs()
    assert (answer.status_code, run.project_id) == (202, other.project_id)


def test_a_rotated_secret_works_at_once_and_the_one_before_for_an_hour(
    git: Hooked, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealer = Sealer([secret_key(git.house.settings)])
    assert git.post(git_delivery()).status_code == 202
    with git.house.database.write() as session:
        row = session.scalars(select(Hook)).one()
        row.state = "manual"
        secret = rotate_hook(session, OPERATOR, sealer, row.id)

    assert git.post(git_delivery(secret)).status_code == 202
    assert git.post(git_delivery()).status_code == 202

    later = clock.now() + timedelta(minutes=61)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert git.post(git_delivery(secret)).status_code == 202
    assert git.post(git_delivery()).status_code == 401


def test_a_hook_without_a_secret_yet_lets_nobody_in(git: Hooked) -> None:
    with git.house.database.write() as session:
        session.scalars(select(Hook)).one().secret = b""

    assert git.post(git_delivery("")).status_code == 401


def test_one_secret_that_cannot_be_opened_closes_the_door_to_no_other(git: Hooked) -> None:
    add(git.house, git.client, git.source(), "acme/other.git")
    with git.house.database.write() as session:
        lost = session.scalars(select(Hook).where(Hook.remote_id == "acme/other.git")).one()
        lost.secret = seal_secrets(Sealer([b"x" * 32]), HookSecrets(SECRET))

    assert git.post(git_delivery(), git.shared_address).status_code == 202


@pytest.mark.parametrize(
    "address",
    [
        "/r/acme/incoming/github/1",
        "/r/acme/incoming/git/2",
        "/r/acme/incoming/git/1/9",
        "/r/acme/incoming/git/x",
        "/r/acme/incoming/git/1/x",
        "/r/acme/incoming/git/99999999999999999999",
        "/r/elsewhere/incoming/git/1",
        "/r/acme/incoming/nothing/1",
        "/r/acme/incoming/git/1/1/1",
        "/incoming/git/1/1",
    ],
)
def test_an_address_that_leads_to_no_source_is_unknown(git: Hooked, address: str) -> None:
    assert git.post(git_delivery(), address).status_code == 404


def test_the_root_repository_has_addresses_of_its_own(git: Hooked) -> None:
    found = HostProject("root.git", "root.git", "", "", "main")
    with git.house.database.write() as session:
        root = session.scalars(select(Repository).where(Repository.path == "")).one()
        source = session.get_one(Source, git.source_id)
        add_project(session, OPERATOR, source, root, found)
        sealed = seal_secrets(Sealer([secret_key(git.house.settings)]), HookSecrets(SECRET))
        session.scalars(select(Hook).where(Hook.remote_id == "root.git")).one().secret = sealed

    assert git.post(git_delivery(project="root.git"), f"/incoming/git/{git.source_id}").status_code == 202


def test_a_source_that_was_deleted_takes_nothing(git: Hooked) -> None:
    with git.house.database.write() as session:
        delete_source(session, OPERATOR, session.get_one(Source, git.source_id))

    assert git.post(git_delivery()).status_code == 404


def test_a_get_is_told_what_is_allowed(git: Hooked) -> None:
    answer = git.client.get(git.address)

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


class TestLargeBodies:
    """Nobody fills the memory, signed or not."""

    def test_fifty_megabytes_are_refused_before_they_are_read(self, git: Hooked) -> None:
        read: list[int] = []

        def body() -> Iterator[bytes]:
            for _ in range(50):
                read.append(1)
                yield b"x" * 1024**2

        headers = {"content-length": str(50 * 1024**2), "x-hub-signature-256": "sha256=00"}
        answer = git.client.post(git.address, content=body(), headers=headers)

        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")

    def test_a_body_that_does_not_tell_its_length_is_read_to_the_limit(
        self, git: Hooked, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(webhooks, "BODY_BYTES", 1000)

        answer = git.client.post(git.address, content=iter([b"x" * 600, b"x" * 600]))

        assert answer.status_code == 413

    def test_a_large_delivery_below_the_limit_is_taken(self, git: Hooked) -> None:
        answer = git.post(git_delivery(ref="refs/heads/main", note="x" * 24 * 1024**2))

        assert answer.status_code == 202

    def test_more_than_there_is_memory_for_is_sent_away(self, git: Hooked, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(webhooks, "HELD_BYTES", 100)
        with TestClient(git.client.app, base_url="http://packistry.test") as client:
            full = client.post(git.address, content=b"x" * 101, headers={"x-hub-signature-256": "x"})
            small = client.post(git.address, content=b"x" * 99, headers={"x-hub-signature-256": "x"})

        assert (full.status_code, full.headers["retry-after"]) == (503, "5")
        assert small.status_code == 401

    def test_memory_is_given_back_whatever_became_of_a_delivery(
        self, git: Hooked, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(webhooks, "HELD_BYTES", 200)
        with TestClient(git.client.app, base_url="http://packistry.test") as client:
            answers = [
                client.post(git.address, content=delivery.body, headers=dict(delivery.headers)).status_code
                for delivery in [git_delivery(), git_delivery("wrong"), git_delivery(body=b"x" * 150)] * 4
            ]

        assert answers == [202, 401, 422] * 4

    def test_many_secrets_are_tried_over_no_large_body(self, git: Hooked, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("packistry.sources.receiving.MOST_HASHED_BYTES", 2000)
        add(git.house, git.client, git.source(), "acme/other.git")
        large = git_delivery(note="x" * 1200)

        assert git.post(large, git.shared_address).status_code == 413
        assert git.post(large).status_code == 202


def _deliveries(hooked: Hooked) -> list[Delivery]:
    with hooked.house.database.read() as session:
        rows = list(session.scalars(select(Delivery).order_by(Delivery.id)))
        for row in rows:
            session.refresh(row, ["body"])
        return rows


def _finish(hooked: Hooked) -> None:
    """As if the jobs process had done it."""
    with hooked.house.database.write() as session:
        for run in hooked.runs():
            session.merge(run).state = "done"
