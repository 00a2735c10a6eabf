"""The first administrator: made once, by the link of the last start."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from packistry.access.permissions import Role
from packistry.accounts.sessions import Place
from packistry.accounts.setup import is_setup_code, make_first_administrator, needs_setup, offer_setup
from packistry.db.models import AuditEvent, Installation, User
from packistry.errors import NotFound, Refusal
from packistry.house import House
from tests import factories

HERE = Place("192.0.2.1", "Tests")


def offer(house: House) -> str | None:
    with house.database.write() as session:
        return offer_setup(session)


def holds(house: House, code: str) -> bool:
    with house.database.read() as session:
        return is_setup_code(session, code)


def make(house: House, code: str, email: str = "ada@example.test") -> int:
    with house.database.write() as session:
        return make_first_administrator(session, code, HERE, name="Ada", email=email, password_hash="x")


def test_a_code_is_kept_as_a_digest_and_taken_however_it_was_typed(house: House) -> None:
    code = offer(house) or ""

    with house.database.read() as session:
        kept = session.scalars(select(Installation.setup_digest)).one()
    assert kept is not None
    assert code not in kept
    assert len(code.replace("-", "")) == 16
    assert holds(house, code.lower().replace("-", " ").replace(" ", ""))
    assert not holds(house, code[:-1])
    assert not holds(house, "")


def test_a_start_makes_the_code_of_the_one_before_useless(house: House) -> None:
    first, second = offer(house) or "", offer(house) or ""

    assert not holds(house, first)
    assert holds(house, second)


def test_the_code_makes_one_administrator_and_is_used_up(house: House) -> None:
    code = offer(house) or ""
    make(house, code)

    with pytest.raises(NotFound, match="does not set this installation up"):
        make(house, code, "bob@example.test")
    with house.database.read() as session:
        [user] = session.scalars(select(User))
        events = session.scalars(select(AuditEvent)).all()
        assert not needs_setup(session)
    assert user.role == Role.ADMINISTRATOR
    assert [(each.event, each.actor_name, each.address) for each in events] == [
        ("user.created", "the set-up link", "192.0.2.1")
    ]


def test_an_administrator_made_by_command_ends_the_code_and_there_is_no_other(house: House) -> None:
    code = offer(house) or ""
    factories.user(house, "bob@example.test")
    assert holds(house, code)
    factories.user(house, "ada@example.test", role=Role.ADMINISTRATOR)

    assert not holds(house, code)
    assert offer(house) is None


def test_of_two_who_open_the_link_at_once_one_becomes_administrator(house: House) -> None:
    code = offer(house) or ""
    together = threading.Barrier(2)

    def one(email: str) -> bool:
        together.wait()
        try:
            make(house, code, email)
        except Refusal:
            return False
        return True

    with ThreadPoolExecutor(2) as executor:
        won = list(executor.map(one, ["ada@example.test", "bob@example.test"]))

    with house.database.read() as session:
        count = session.scalar(select(func.count()).select_from(User))
    assert (sorted(won), count) == ([False, True], 1)
