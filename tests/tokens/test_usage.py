"""When, from where and by which client a token was last used: gathered, and written in batches."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError
from starlette.testclient import TestClient

from packistry import clock
from packistry.app import Worker
from packistry.db.models import Token, User
from packistry.house import House
from packistry.settings import Settings
from packistry.tokens.usage import CLIENT_CHARACTERS, TokenUses
from tests import factories

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
COMPOSER = "Composer/2.8.8 (Linux; PHP 8.2)"


def caller(address: str | None = "192.0.2.1", client: str = COMPOSER) -> tuple[str | None, str]:
    return address, client


def the_token(house: House, name: str = "ci") -> Token:
    with house.database.read() as session:
        return session.scalars(select(Token).where(Token.name == name)).one()


@pytest.fixture
def ci(house: House) -> int:
    """The id of a deploy token called ci."""
    factories.deploy_token(house, name="ci")
    return the_token(house).id


def test_a_flush_writes_the_last_use_of_each_token(house: House, ci: int, monkeypatch: pytest.MonkeyPatch) -> None:
    factories.deploy_token(house, name="other")
    uses = TokenUses()
    for minute, address in enumerate(("192.0.2.1", "192.0.2.2", "192.0.2.3")):
        monkeypatch.setattr(clock, "now", lambda at=NOON + timedelta(minutes=minute): at)
        uses.note(ci, lambda shown=address: caller(shown))
    assert the_token(house).last_used_at is None

    uses.flush(house.database)

    token = the_token(house)
    assert (token.last_used_at, token.last_used_address) == (NOON + timedelta(minutes=2), "192.0.2.3")
    assert token.last_used_client == COMPOSER
    assert the_token(house, "other").last_used_at is None


def test_nothing_gathered_is_nothing_written(house: House) -> None:
    unreachable = house.database
    with unreachable.write() as session:
        session.execute(text("DROP TABLE token_secrets"))

    TokenUses().flush(unreachable)


def test_what_another_worker_wrote_later_stays(house: House, ci: int, monkeypatch: pytest.MonkeyPatch) -> None:
    early, late = TokenUses(), TokenUses()
    monkeypatch.setattr(clock, "now", lambda: NOON)
    early.note(ci, lambda: caller("192.0.2.1"))
    monkeypatch.setattr(clock, "now", lambda: NOON + timedelta(seconds=1))
    late.note(ci, lambda: caller("192.0.2.2"))

    late.flush(house.database)
    early.flush(house.database)

    assert the_token(house).last_used_address == "192.0.2.2"


def test_a_use_that_could_not_be_written_is_written_the_next_time(house: House, ci: int) -> None:
    uses = TokenUses()
    uses.note(ci, caller)
    with house.database.write() as session:
        session.execute(text("ALTER TABLE tokens RENAME TO elsewhere"))
    with pytest.raises(SQLAlchemyError):
        uses.flush(house.database)
    with house.database.write() as session:
        session.execute(text("ALTER TABLE elsewhere RENAME TO tokens"))

    uses.flush(house.database)

    assert the_token(house).last_used_client == COMPOSER


CLIENTS = [
    ("", "", "a client that says nothing"),
    ("x" * 5_000, "x" * CLIENT_CHARACTERS, "more than a person reads"),
    ("Composer\0/2", "Composer/2", "NUL, which PostgreSQL takes nowhere"),
    ("Composér", "Composér", "letters beyond ASCII"),
]


@pytest.mark.parametrize(("client", "kept", "why"), CLIENTS, ids=[row[2] for row in CLIENTS])
def test_whatever_the_client_calls_itself_can_be_written(
    house: House, ci: int, client: str, kept: str, why: str
) -> None:
    uses = TokenUses()
    uses.note(ci, lambda: caller(None, client))

    uses.flush(house.database)

    assert (the_token(house).last_used_client, the_token(house).last_used_address) == (kept, None), why


def test_a_worker_that_stops_has_written_who_used_what(house: House) -> None:
    token = factories.deploy_token(house, "", name="ci")
    headers = {"Authorization": f"Bearer {token}", "User-Agent": COMPOSER}

    with TestClient(Worker(house.settings), base_url="http://packistry.test", client=("192.0.2.9", 1)) as worker:
        assert worker.get("/packages.json", headers=headers).status_code == 200

    used = the_token(house)
    assert used.last_used_at is not None
    assert (used.last_used_address, used.last_used_client) == ("192.0.2.9", COMPOSER)


def test_a_bad_credential_is_no_use(house: House) -> None:
    token = factories.deploy_token(house, "", name="ci")
    with house.database.write() as session:
        session.scalars(select(Token)).one().expires_at = NOON - timedelta(days=500)

    with TestClient(Worker(house.settings), base_url="http://packistry.test") as worker:
        assert worker.get("/packages.json", headers={"Authorization": f"Bearer {token}"}).status_code == 401

    assert the_token(house).last_used_at is None


@pytest.mark.parametrize("by_token", [True, False])
def test_a_person_was_seen_when_a_token_or_the_password_was_used(
    settings: Settings, house: House, *, by_token: bool
) -> None:
    person = factories.user(house)
    secret = factories.personal_token(house, person)
    headers = {"Authorization": f"Bearer {secret}"} if by_token else {}
    login = None if by_token else ("ada@example.test", factories.PASSWORD)

    with TestClient(Worker(settings), base_url="http://packistry.test") as asking:
        asking.get("/packages.json", headers=headers, auth=login)

    with house.database.read() as session:
        assert session.get_one(User, person).last_seen_at is not None
