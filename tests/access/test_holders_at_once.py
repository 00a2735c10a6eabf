"""Two changes of one user or one token at once: the second waits for the first and sees what it left."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from packistry.access.grants import Grant, Holder, grants_of
from packistry.access.permissions import Role
from packistry.accounts.actions import delete_user, reset_password, update_user
from packistry.db.engine import WriteSession
from packistry.db.models import AuditEvent, Token, TokenSecret, User
from packistry.errors import NotFound
from packistry.house import House
from packistry.tokens.actions import revoke_token, rotate_token, update_deploy_token
from tests import factories
from tests.factories import OPERATOR

Change = Callable[[WriteSession, int], object]
WAIT = timedelta(hours=1)


def retie(session: WriteSession, token: int) -> None:
    update_deploy_token(session, OPERATOR, session.get_one(Token, token), grants=[Grant("acme")])
    session.flush()


def rotate(session: WriteSession, token: int) -> None:
    rotate_token(session, OPERATOR, session.get_one(Token, token), overlap=WAIT)
    session.flush()


def revoke(session: WriteSession, token: int) -> None:
    revoke_token(session, OPERATOR, session.get_one(Token, token))
    session.flush()


def regrant(session: WriteSession, user: int) -> None:
    update_user(session, OPERATOR, session.get_one(User, user), grants=[Grant("acme", write=True)])
    session.flush()


def remove(session: WriteSession, user: int) -> None:
    delete_user(session, OPERATOR, session.get_one(User, user))
    session.flush()


def at_once(house: House, identity: int, first: Change, second: Change) -> list[type[Exception]]:
    """Both changes, each having read the row before the first is committed; what the second was refused with."""
    refused: list[type[Exception]] = []

    def run() -> None:
        try:
            with house.database.write() as session:
                second(session, identity)
        except NotFound as refusal:
            refused.append(type(refusal))

    other = threading.Thread(target=run)
    with house.database.write() as session:
        first(session, identity)
        other.start()
        other.join(0.5)
        assert other.is_alive(), "it waits for the first"
    other.join(60)
    return refused


@pytest.fixture
def token(house: House) -> int:
    """A deploy token without ties, and a repository to tie it to."""
    factories.repository(house, "acme")
    factories.deploy_token(house, name="ci")
    with house.database.read() as session:
        return session.scalars(select(Token.id)).one()


@pytest.fixture
def ada(house: House) -> int:
    """A user without grants, and a repository to grant."""
    factories.repository(house, "acme")
    return factories.user(house)


def test_ties_given_twice_are_there_once(house: House, token: int) -> None:
    assert at_once(house, token, retie, retie) == []

    with house.database.read() as session:
        assert grants_of(session, Holder(token_id=token)) == [Grant("acme", write=True)]


def test_of_two_rotations_only_the_last_secret_is_without_end(house: House, token: int) -> None:
    assert at_once(house, token, rotate, rotate) == []

    with house.database.read() as session:
        ends = session.scalars(select(TokenSecret.valid_until).order_by(TokenSecret.id)).all()
    assert [end is None for end in ends] == [False, False, True]


@pytest.mark.parametrize("second", [retie, rotate, revoke])
def test_a_token_that_was_revoked_meanwhile_is_not_there(house: House, token: int, second: Change) -> None:
    assert at_once(house, token, revoke, second) == [NotFound]

    with house.database.read() as session:
        revoked = select(AuditEvent.event).where(AuditEvent.event == "deploy_token.revoked")
        assert len(session.scalars(revoked).all()) == 1


def test_grants_given_twice_are_there_once(house: House, ada: int) -> None:
    assert at_once(house, ada, regrant, regrant) == []

    with house.database.read() as session:
        assert grants_of(session, Holder(user_id=ada)) == [Grant("acme", write=True)]


def promote(session: WriteSession, user: int) -> None:
    update_user(session, OPERATOR, session.get_one(User, user), role=Role.ADMINISTRATOR)
    session.flush()


def change_password(session: WriteSession, user: int) -> None:
    reset_password(session, OPERATOR, session.get_one(User, user), "hash")
    session.flush()


@pytest.mark.parametrize("second", [regrant, remove, promote, change_password])
def test_a_user_who_was_deleted_meanwhile_is_not_there(house: House, ada: int, second: Change) -> None:
    assert at_once(house, ada, remove, second) == [NotFound]

    with house.database.read() as session:
        assert grants_of(session, Holder(user_id=ada)) == []
        removed = select(AuditEvent.event).where(AuditEvent.event == "user.deleted")
        assert len(session.scalars(removed).all()) == 1
