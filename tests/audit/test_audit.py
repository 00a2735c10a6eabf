"""The audit log: every change leaves its one line, in the transaction of the change and nowhere else."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from packistry import clock
from packistry.access.actors import Actor, Anonymous, DeployTokenActor, System, UserActor
from packistry.access.grants import Grant
from packistry.access.permissions import COMPOSER_ABILITIES, Ability, Role
from packistry.accounts.actions import create_user, delete_user, reset_password, update_user
from packistry.audit.events import Event
from packistry.audit.log import Subject, record
from packistry.db.engine import WriteSession
from packistry.db.models import AuditEvent, Package, Repository, Token, User, Version
from packistry.house import House
from packistry.packages.actions import delete_package, delete_version, purge_package, purge_version, update_package
from packistry.packages.documents import Address
from packistry.repositories.actions import create_repository, delete_repository, update_repository
from packistry.tokens.actions import (
    create_deploy_token,
    create_personal_token,
    revoke_token,
    rotate_token,
    update_deploy_token,
)
from tests import factories
from tests.tools import ROOT

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
BOSS = UserActor(user_id=1, name="boss@example.test", is_administrator=True, address="192.0.2.1")
READ = frozenset({Ability.READ})
ACME = Address(None, "acme")


class Scene:
    """What there is to change, as rows of one session."""

    def __init__(self, session: WriteSession) -> None:
        self.session = session
        self.repository = session.scalars(select(Repository).where(Repository.path == "acme")).one()
        self.package = session.scalars(select(Package).where(Package.name == "acme/lib")).one()
        self.version = session.scalars(select(Version).where(Version.normalised == "1.0.0.0")).one()
        self.boss = session.get_one(User, 1)
        self.user = session.get_one(User, 2)
        self.deploy = session.scalars(select(Token).where(Token.name == "ci")).one()
        self.personal = session.scalars(select(Token).where(Token.name == "laptop")).one()


@pytest.fixture
def scene(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """A house with one of everything: the administrator 1, the user 2, tokens of both kinds, and a package."""
    monkeypatch.setattr(clock, "now", lambda: NOON)
    factories.user(house, "boss@example.test", role=Role.ADMINISTRATOR)
    factories.user(house, "ada@example.test")
    factories.repository(house, "acme")
    factories.repository(house, "empty")
    factories.publish(house, "acme/lib", "1.0.0")
    factories.deploy_token(house, name="ci")
    factories.personal_token(house, 1, name="laptop")
    return house


@dataclass(frozen=True)
class Line:
    """A change, and the line it leaves."""

    event: Event
    change: Callable[[Scene], object]
    subject: tuple[str, str]
    details: dict[str, Any] = field(default_factory=dict[str, Any])
    says: str = ""


LINES = [
    Line(
        Event.REPOSITORY_CREATED,
        lambda here: create_repository(here.session, BOSS, name="New", path="new", public=True),
        ("repository", "new"),
        {"public": True},
    ),
    Line(
        Event.REPOSITORY_UPDATED,
        lambda here: update_repository(here.session, BOSS, here.repository, path="other", public=True),
        ("repository", "other"),
        {"path": "other", "public": True},
    ),
    Line(
        Event.REPOSITORY_DELETED,
        lambda here: delete_repository(here.session, BOSS, here.repository, with_packages=True),
        ("repository", "acme"),
        {"packages": 1},
    ),
    Line(
        Event.PACKAGE_UPDATED,
        lambda here: update_package(here.session, BOSS, here.package, abandoned="acme/new", address=ACME),
        ("package", "acme/lib"),
        {"abandoned": "acme/new"},
    ),
    Line(
        Event.PACKAGE_DELETED,
        lambda here: delete_package(here.session, BOSS, here.package, ACME),
        ("package", "acme/lib"),
        {"versions": 1},
    ),
    Line(
        Event.PACKAGE_PURGED,
        lambda here: purge_package(here.session, BOSS, here.package, ACME),
        ("package", "acme/lib"),
        {"versions": 1, "archives": 1},
    ),
    Line(
        Event.VERSION_DELETED,
        lambda here: delete_version(here.session, BOSS, here.package, here.version, ACME),
        ("version", "acme/lib 1.0.0"),
    ),
    Line(
        Event.VERSION_PURGED,
        lambda here: purge_version(here.session, BOSS, here.package, here.version, ACME),
        ("version", "acme/lib 1.0.0"),
        {"archives": 1},
    ),
    Line(
        Event.USER_CREATED,
        lambda here: create_user(here.session, BOSS, name="Eve", email="EVE@example.test", password_hash=None),
        ("user", "eve@example.test"),
        {"role": "user"},
    ),
    Line(
        Event.USER_UPDATED,
        lambda here: update_user(
            here.session, BOSS, here.user, role=Role.ADMINISTRATOR, email="a@x.test", grants=[Grant("acme")]
        ),
        ("user", "a@x.test"),
        {"role": "admin", "email": "a@x.test", "grants": "replaced"},
    ),
    Line(
        Event.USER_PASSWORD_RESET,
        lambda here: reset_password(here.session, BOSS, here.user, "$argon2id$secret"),
        ("user", "ada@example.test"),
    ),
    Line(Event.USER_DELETED, lambda here: delete_user(here.session, BOSS, here.user), ("user", "ada@example.test")),
    Line(
        Event.DEPLOY_TOKEN_CREATED,
        lambda here: create_deploy_token(here.session, BOSS, name="new", grants=[Grant("acme")], abilities=READ),
        ("deploy_token", "new"),
        {"abilities": ["repository:read"]},
    ),
    Line(
        Event.DEPLOY_TOKEN_UPDATED,
        lambda here: update_deploy_token(here.session, BOSS, here.deploy, name="build", abilities=COMPOSER_ABILITIES),
        ("deploy_token", "build"),
        {"abilities": ["repository:read", "repository:write"]},
    ),
    Line(
        Event.DEPLOY_TOKEN_ROTATED,
        lambda here: rotate_token(here.session, BOSS, here.deploy, overlap=timedelta(hours=1)),
        ("deploy_token", "ci"),
        {"overlap_seconds": 3600},
    ),
    Line(
        Event.DEPLOY_TOKEN_REVOKED,
        lambda here: revoke_token(here.session, BOSS, here.deploy),
        ("deploy_token", "ci"),
    ),
    Line(
        Event.PERSONAL_TOKEN_CREATED,
        lambda here: create_personal_token(here.session, BOSS, here.boss, name="new", abilities=READ),
        ("personal_token", "new"),
        {"user": "boss@example.test", "abilities": ["repository:read"]},
    ),
    Line(
        Event.PERSONAL_TOKEN_ROTATED,
        lambda here: rotate_token(here.session, BOSS, here.personal, overlap=timedelta()),
        ("personal_token", "laptop"),
        {"overlap_seconds": 0},
    ),
    Line(
        Event.PERSONAL_TOKEN_REVOKED,
        lambda here: revoke_token(here.session, BOSS, here.personal),
        ("personal_token", "laptop"),
    ),
]


def lines(house: House) -> list[AuditEvent]:
    with house.database.read() as session:
        return list(session.scalars(select(AuditEvent).order_by(AuditEvent.id)))


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.event.value)
def test_a_change_leaves_its_one_line(scene: House, line: Line) -> None:
    before = len(lines(scene))

    with scene.database.write() as session:
        line.change(Scene(session))

    [left] = lines(scene)[before:]
    assert left.event == line.event
    assert (left.subject_kind, left.subject_name) == line.subject
    assert left.subject_id is not None
    assert left.details == line.details
    assert (left.actor_kind, left.actor_id, left.actor_name) == ("user", 1, "boss@example.test")
    assert (left.address, left.at) == ("192.0.2.1", NOON)


class Undone(Exception):
    """Something goes wrong after the change."""


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.event.value)
def test_a_change_that_is_rolled_back_leaves_neither_line_nor_word_to_readers(scene: House, line: Line) -> None:
    before = snapshot(scene)

    with pytest.raises(Undone), scene.database.write() as session:  # noqa: PT012
        line.change(Scene(session))
        session.flush()
        raise Undone

    assert snapshot(scene) == before


def snapshot(house: House) -> list[int]:
    from packistry.db.watch import current_generation

    with house.database.read() as session:
        counts = [
            session.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (AuditEvent, Repository, Package, Version, User, Token)
        ]
        gone = [
            session.execute(select(func.count()).where(table.deleted_at.is_not(None))).scalar_one()
            for table in (Repository, Package, Version, User)
        ]
        return [*counts, *gone, current_generation(session)]


def test_every_event_of_the_catalogue_is_looked_for_by_a_test() -> None:
    """Here or where the room that leaves it is tried."""
    written = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))

    forgotten = [each for each in Event if f"Event.{each.name}" not in written and f'"{each.value}"' not in written]

    assert forgotten == []


def test_publishing_leaves_its_lines(scene: House) -> None:
    before = len(lines(scene))
    factories.publish(scene, "acme/new", "dev-main", description="first")
    factories.publish(scene, "acme/new", "dev-main", description="first")
    factories.publish(scene, "acme/new", "dev-main", description="second")
    with scene.database.write() as session:
        package = session.scalars(select(Package).where(Package.name == "acme/new")).one()
        delete_package(session, BOSS, package, ACME)
    factories.publish(scene, "acme/new", "dev-main", description="second")

    left = [(line.event, line.subject_name) for line in lines(scene)[before:]]

    assert left == [
        ("package.created", "acme/new"),
        ("version.published", "acme/new dev-main"),
        # The same files again are no change.
        ("version.moved", "acme/new dev-main"),
        ("package.deleted", "acme/new"),
        ("package.created", "acme/new"),
        ("version.restored", "acme/new dev-main"),
    ]


ACTORS: list[tuple[Actor, tuple[str, int | None, str]]] = [
    (Anonymous(address="192.0.2.1"), ("anonymous", None, "an anonymous caller")),
    (System(address="192.0.2.1"), ("system", None, "the command line")),
    (BOSS, ("user", 1, "boss@example.test")),
    (
        UserActor(
            user_id=1, name="boss@example.test", is_administrator=True, token_id=3, token_name="x", address="192.0.2.1"
        ),
        ("user", 1, "personal token x of boss@example.test"),
    ),
    (
        DeployTokenActor(token_id=4, name="ci", abilities=READ, address="192.0.2.1"),
        ("deploy_token", 4, "deploy token ci"),
    ),
]


@pytest.mark.parametrize(("actor", "identity"), ACTORS, ids=[row[1][2] for row in ACTORS])
def test_a_line_names_who_did_it(house: House, actor: Actor, identity: tuple[str, int | None, str]) -> None:
    with house.database.write() as session:
        record(session, actor, Event.USER_UPDATED, Subject("user", 5, "x"), name="Ada", number=7)

    [line] = lines(house)

    assert (line.actor_kind, line.actor_id, line.actor_name) == identity
    assert line.address == "192.0.2.1"
    assert line.details == {"name": "Ada", "number": 7}


def test_an_upload_is_logged_with_the_token_and_its_address(house: House) -> None:
    from starlette.testclient import TestClient

    from packistry.app import Worker

    token = factories.deploy_token(house, "", abilities="read write", name="ci")
    with TestClient(Worker(house.settings), base_url="http://x.test", client=("192.0.2.9", 1)) as client:
        sent = client.post(
            "/acme/lib",
            files={"file": factories.package_zip(version="1.0.0")},
            headers={"Authorization": f"Bearer {token}"},
        )

    assert sent.status_code == 201
    published = lines(house)[-2:]
    assert [line.event for line in published] == ["package.created", "version.published"]
    assert {(line.actor_kind, line.actor_name, line.address) for line in published} == {
        ("deploy_token", "deploy token ci", "192.0.2.9")
    }
