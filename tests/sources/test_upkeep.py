"""Hooks at a host: made with the project, looked after, repaired, told of a new secret, and removed in the end."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from packistry import clock
from packistry.db.models import AuditEvent, Hook, Project, Repository, Source
from packistry.house import House
from packistry.repositories.actions import delete_repository, update_repository
from packistry.sealing import Sealer
from packistry.settings import secret_key
from packistry.sources.actions import delete_source
from packistry.sources.connecting import filled_in
from packistry.sources.desk import Wish
from packistry.sources.hooks import HookSecrets, open_secrets, rotate_hook
from packistry.sources.projects import delete_project, update_project
from packistry.sources.upkeep import due_hooks, why_unreachable
from tests import factories
from tests.fakes.github import FakeGitHub
from tests.fakes.host import FakeProject, FakeToken
from tests.fakes.loopback import Reply
from tests.providers.conftest import KINDS, Kind
from tests.sources.hosted import OPERATOR, TOKEN, Hosted, hosted_on

PUBLIC = "https://packages.example.com"


@pytest.fixture
def hosted(house: House) -> Iterator[Hosted]:
    """A project that was just added, on a server that has a public address; its hook is not made yet."""
    settings = house.settings.model_copy(update={"public_url": PUBLIC})
    with FakeGitHub().running() as host:
        yield hosted_on(replace(house, settings=settings), host)


@pytest.fixture
def hooked(hosted: Hosted) -> Hosted:
    """With its hook made."""
    keep(hosted)
    return hosted


def keep(hosted: Hosted) -> Hook:
    """Looks after all hooks that are due; the hook of the project then."""
    with hosted.house.database.read() as session:
        due = due_hooks(session)
    for hook_id in due:
        hosted.house.hook_keeper.work(hook_id)
    return hook_of(hosted)


def hook_of(hosted: Hosted) -> Hook:
    with hosted.house.database.read() as session:
        return session.scalars(select(Hook).order_by(Hook.id)).first() or pytest.fail("there is no hook")


def secrets_of(hosted: Hosted) -> HookSecrets:
    return open_secrets(Sealer([secret_key(hosted.house.settings)]), hook_of(hosted).secret)


def remote(hosted: Hosted) -> dict[str, Any]:
    """The only hook at the host."""
    [hook] = hosted.remote.hooks.values()
    return hook


def wait(monkeypatch: pytest.MonkeyPatch, time: timedelta) -> None:
    later = clock.now() + time
    monkeypatch.setattr(clock, "now", lambda: later)


def change(hosted: Hosted, action: Callable[..., Any], **options: Any) -> None:
    with hosted.house.database.write() as session:
        action(session, OPERATOR, session.get_one(Project, hosted.project_id), **options)


def test_a_hook_is_made_with_the_project(hosted: Hosted) -> None:
    hook = keep(hosted)

    told = remote(hosted)["config"]
    assert told["url"] == f"{PUBLIC}/r/acme/incoming/github/1/{hosted.project_id}"
    assert told["secret"] == secrets_of(hosted).secret
    assert (hook.state, hook.reason, hook.address) == ("active", None, told["url"])
    with hosted.house.database.read() as session:
        assert due_hooks(session) == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_host_calls_what_it_was_told_and_forgets_it(house: House, client: TestClient, kind: Kind) -> None:
    settings = house.settings.model_copy(update={"public_url": PUBLIC, "outbound_allow": ("127.0.0.1",)})
    house = replace(house, settings=settings)
    repository_id = factories.repository(house, "acme")
    with kind.fake(base_path=kind.base_path).running() as host:
        host.tokens[TOKEN] = FakeToken(scopes=kind.scopes)
        project = host.add(FakeProject(12, "acme/widgets"))
        project.push_branch("main", {"composer.json": b"{}"})
        fields = {**kind.credential, **kind.settings, kind.secret: TOKEN}
        house.desk.connect(OPERATOR, "host", filled_in(kind.name, host.address, fields))
        house.desk.add(OPERATOR, "host", ["acme/widgets"], Wish(repository_id))
        with house.database.read() as session:
            [hook_id] = due_hooks(session)
        house.hook_keeper.work(hook_id)
        with house.database.read() as session:
            made = session.get_one(Hook, hook_id)
            secret = open_secrets(Sealer([secret_key(house.settings)]), made.secret).secret
        delivery = host.push_delivery(project, "refs/heads/main", secret)

        assert len(project.hooks) == 1
        path = urlsplit(made.address).path
        assert client.post(path, content=delivery.body, headers=dict(delivery.headers)).status_code == 202

        with house.database.write() as session:
            delete_project(session, OPERATOR, session.scalars(select(Project)).one())
        house.hook_keeper.work(hook_id)
        assert project.hooks == {}
        assert client.post(path, content=delivery.body, headers=dict(delivery.headers)).status_code == 404


def test_a_hook_that_is_there_is_looked_at_again_and_left_alone(
    hooked: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dict(remote(hooked))
    wait(monkeypatch, timedelta(hours=7))

    hook = keep(hooked)

    assert remote(hooked) == before
    assert (hook.state, hook.checked_at) == ("active", clock.now())


def test_a_host_that_calls_is_not_asked_whether_it_does(hooked: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    wait(monkeypatch, timedelta(hours=7))
    with hooked.house.database.write() as session:
        row = session.scalars(select(Hook)).one()
        row.state, row.last_delivery_at = "failing", clock.now() - timedelta(hours=1)
    before = len(hooked.host.requests)

    hook = keep(hooked)

    assert (hook.state, len(hooked.host.requests)) == ("active", before)


@pytest.mark.parametrize("trouble", ["credential_refused", "waits_until"])
def test_a_host_that_wants_to_hear_nothing_is_asked_for_no_hook(hosted: Hosted, trouble: str) -> None:
    until = clock.now() + timedelta(hours=1)
    with hosted.house.database.write() as session:
        source = session.scalars(select(Source)).one()
        setattr(source, trouble, until if trouble == "waits_until" else "The token has ended.")

    with hosted.house.database.read() as session:
        assert due_hooks(session) == []


@pytest.mark.parametrize("trouble", ["gone", "disabled"])
def test_a_hook_that_is_gone_or_disabled_is_repaired(
    hooked: Hosted, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    if trouble == "gone":
        hooked.remote.hooks.clear()
    else:
        remote(hooked)["active"] = False
    wait(monkeypatch, timedelta(hours=7))

    hook = keep(hooked)

    assert remote(hooked)["active"] is True
    assert remote(hooked)["config"]["secret"] == secrets_of(hooked).secret
    assert hook.state == "active"


def test_a_hook_whose_calls_fail_says_so(hooked: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    remote(hooked)["last_response"] = {"code": 502, "status": "timeout", "message": None}
    wait(monkeypatch, timedelta(hours=7))

    hook = keep(hooked)

    assert hook.state == "failing"
    assert PUBLIC in (hook.reason or "")


def test_a_repository_that_got_another_path_gets_its_calls_there(hooked: Hosted) -> None:
    with hooked.house.database.write() as session:
        repository = session.scalars(select(Repository).where(Repository.path == "acme")).one()
        update_repository(session, OPERATOR, repository, path="elsewhere")

    hook = keep(hooked)

    assert remote(hooked)["config"]["url"] == hook.address
    assert "/r/elsewhere/" in hook.address


def test_a_rotated_secret_reaches_the_host_and_the_one_before_ends_an_hour_later(
    hooked: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = secrets_of(hooked).secret
    with hooked.house.database.write() as session:
        rotated = rotate_hook(session, OPERATOR, Sealer([secret_key(hooked.house.settings)]), hook_of(hooked).id)
    assert set(secrets_of(hooked).accepted()) == {before, rotated}
    with hooked.house.database.read() as session:
        assert session.scalars(select(AuditEvent).where(AuditEvent.event == "hook.rotated")).one()
    assert remote(hooked)["config"]["secret"] == before

    keep(hooked)

    assert remote(hooked)["config"]["secret"] == rotated
    assert set(secrets_of(hooked).accepted()) == {before, rotated}
    wait(monkeypatch, timedelta(minutes=61))
    assert secrets_of(hooked).accepted() == [rotated]


def test_a_secret_that_is_rotated_while_the_host_is_told_is_told_next(
    hosted: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = hosted.house.hook_keeper
    note = type(keeper)._note  # pyright: ignore[reportPrivateUsage] the moment between the host and the row

    def rotate_first(self: Any, *arguments: Any) -> None:
        monkeypatch.setattr(type(keeper), "_note", note)
        with hosted.house.database.write() as session:
            rotate_hook(session, OPERATOR, Sealer([secret_key(hosted.house.settings)]), hook_of(hosted).id)
        note(self, *arguments)

    monkeypatch.setattr(type(keeper), "_note", rotate_first)
    keeper.work(hook_of(hosted).id)
    assert hook_of(hosted).state == "wanted"

    keep(hosted)

    assert remote(hosted)["config"]["secret"] == secrets_of(hosted).secret
    assert hook_of(hosted).state == "active"


@pytest.mark.parametrize("how", ["project", "unhooked", "source", "repository"])
def test_a_hook_is_removed_with_what_it_was_for(hooked: Hosted, how: str) -> None:
    with hooked.house.database.write() as session:
        project = session.get_one(Project, hooked.project_id)
        if how == "project":
            delete_project(session, OPERATOR, project)
        elif how == "unhooked":
            update_project(session, OPERATOR, project, hooked=False)
        elif how == "source":
            delete_source(session, OPERATOR, session.get_one(Source, project.source_id))
        else:
            delete_repository(session, OPERATOR, session.get_one(Repository, project.repository_id), with_packages=True)

    hook = keep(hooked)

    assert hooked.remote.hooks == {}
    assert (hook.state, hook.remote_hook_id, hook.secret) == ("removed", None, b"")
    # Nothing is left to be done with the credential of a deleted source.
    assert bool(hooked.source().credential) is (how != "source")


def test_a_directory_that_goes_leaves_the_hook_to_the_others(hooked: Hosted) -> None:
    with hooked.house.database.read() as session:
        repository_id = session.get_one(Project, hooked.project_id).repository_id
    hooked.house.desk.add(OPERATOR, "github", ["acme/widgets"], Wish(repository_id, directory="lib"))
    before = remote(hooked)["config"]["url"]

    change(hooked, delete_project)
    hook = keep(hooked)

    assert hook.deleted_at is None
    assert remote(hooked)["config"]["url"] == before


def test_a_project_that_is_added_again_gets_its_hook_again(hooked: Hosted) -> None:
    change(hooked, delete_project)
    keep(hooked)
    with hooked.house.database.read() as session:
        repository_id = session.get_one(Project, hooked.project_id).repository_id

    hooked.house.desk.add(OPERATOR, "github", ["acme/widgets"], Wish(repository_id))
    hook = keep(hooked)

    assert (hook.state, hook.deleted_at) == ("active", None)
    assert remote(hooked)["config"]["secret"] == secrets_of(hooked).secret


def test_a_credential_is_kept_for_a_day_when_the_host_is_not_there(
    hooked: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooked.host.troubles.extend(Reply(503) for _ in range(20))
    with hooked.house.database.write() as session:
        delete_source(session, OPERATOR, session.scalars(select(Source)).one())
    assert hooked.source().credential

    assert keep(hooked).remote_hook_id is not None
    assert hooked.source().credential
    wait(monkeypatch, timedelta(days=1, minutes=1))
    hooked.host.troubles.extend(Reply(503) for _ in range(20))
    keep(hooked)

    assert hooked.source().credential == b""


def test_a_host_that_refuses_makes_a_project_polled_and_says_why(hosted: Hosted) -> None:
    hosted.host.tokens[TOKEN] = FakeToken(scopes=("public_repo",))
    hosted.remote.administered = False

    hook = keep(hosted)

    assert hook.state == "polled"
    assert "admin:repo_hook" in (hook.reason or "")


def test_an_archived_project_is_polled(hosted: Hosted) -> None:
    hosted.remote.archived = True

    hook = keep(hosted)

    assert hook.state == "polled"
    assert "archived" in (hook.reason or "")


def test_a_server_without_a_public_address_says_what_to_set(house: House) -> None:
    with FakeGitHub().running() as host:
        hosted = hosted_on(house, host)
        hook = keep(hosted)

        assert hook.state == "polled"
        assert "PACKISTRY_PUBLIC_URL" in (hook.reason or "")
        assert hosted.remote.hooks == {}


def test_a_project_without_a_hook_has_none(hosted: Hosted) -> None:
    with hosted.house.database.read() as session:
        repository_id = session.get_one(Project, hosted.project_id).repository_id
    other = hosted.host.add(FakeProject(13, "acme/gadgets"))

    hosted.house.desk.add(OPERATOR, "github", ["acme/gadgets"], Wish(repository_id, hooked=False))
    keep(hosted)

    assert other.hooks == {}


@pytest.mark.parametrize(
    ("public", "source", "allowed", "reachable"),
    [
        ("https://packages.example.com", "https://api.github.com", (), True),
        ("http://127.0.0.1:8000", "https://api.github.com", (), False),
        ("http://localhost:8000", "https://gitlab.com", (), False),
        ("https://10.1.2.3", "https://gitlab.com", (), False),
        ("https://[fd00::1]", "https://gitlab.com", (), False),
        ("https://packages", "https://gitlab.com", (), False),
        ("https://packages.lan", "https://gitlab.com", (), False),
        ("https://packages.lan", "https://gitlab.example.com", ("gitlab.example.com",), True),
        ("https://10.1.2.3", "https://10.1.2.4/gitlab", (), True),
        ("http://127.0.0.1:8000", "http://127.0.0.1:3000", (), True),
        (None, "https://api.github.com", (), False),
    ],
)
def test_who_can_call_whom(public: str | None, source: str, allowed: tuple[str, ...], reachable: bool) -> None:
    assert (why_unreachable(public, source, allowed) is None) is reachable
