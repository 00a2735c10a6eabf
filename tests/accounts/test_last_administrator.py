"""The last active administrator stays, whoever wants what, also when two administrators remove each other at once."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy import select

from packistry.access.permissions import Role
from packistry.accounts.actions import delete_user, update_user
from packistry.db.engine import Database, WriteSession
from packistry.db.models import AuditEvent, User
from packistry.errors import Conflict
from packistry.house import House
from tests import factories
from tests.factories import OPERATOR


def demote(session: WriteSession, user: User) -> None:
    update_user(session, OPERATOR, user, role=Role.USER)


def switch_off(session: WriteSession, user: User) -> None:
    update_user(session, OPERATOR, user, active=False)


def remove(session: WriteSession, user: User) -> None:
    delete_user(session, OPERATOR, user)


WAYS = [demote, switch_off, remove]
Way = Callable[[WriteSession, User], None]


def apply(database: Database, way: Way, user_id: int) -> None:
    with database.write() as session:
        way(session, session.get_one(User, user_id))


def administrators(house: House) -> list[int]:
    with house.database.read() as session:
        active = select(User.id).where(User.role == "admin", User.active, User.deleted_at.is_(None))
        return list(session.scalars(active.order_by(User.id)))


@pytest.mark.parametrize("way", WAYS)
def test_the_last_administrator_stays(house: House, way: Way) -> None:
    boss = factories.user(house, "boss@x.test", role=Role.ADMINISTRATOR)
    factories.user(house, "user@x.test")

    with pytest.raises(Conflict, match=r"boss@x\.test is the last active administrator; make another one first"):
        apply(house.database, way, boss)

    assert administrators(house) == [boss]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("before", WAYS)
def test_administrators_who_are_none_any_more_do_not_count(house: House, before: Way, way: Way) -> None:
    boss = factories.user(house, "boss@x.test", role=Role.ADMINISTRATOR)
    other = factories.user(house, "other@x.test", role=Role.ADMINISTRATOR)
    apply(house.database, before, other)

    with pytest.raises(Conflict):
        apply(house.database, way, boss)

    assert administrators(house) == [boss]


@pytest.mark.parametrize("way", WAYS)
def test_one_of_two_administrators_may_go(house: House, way: Way) -> None:
    boss = factories.user(house, "boss@x.test", role=Role.ADMINISTRATOR)
    other = factories.user(house, "other@x.test", role=Role.ADMINISTRATOR)

    apply(house.database, way, boss)

    assert administrators(house) == [other]


@pytest.mark.parametrize("way", WAYS)
def test_users_come_and_go_without_any_administrator(house: House, way: Way) -> None:
    user_id = factories.user(house, "user@x.test")

    apply(house.database, way, user_id)

    assert administrators(house) == []


@pytest.mark.parametrize("way", [demote, remove])
def test_an_administrator_who_is_switched_off_may_go(house: House, way: Way) -> None:
    boss = factories.user(house, "boss@x.test", role=Role.ADMINISTRATOR)
    other = factories.user(house, "other@x.test", role=Role.ADMINISTRATOR)
    apply(house.database, switch_off, other)

    apply(house.database, way, other)

    assert administrators(house) == [boss]


def test_the_last_administrator_may_change_everything_else(house: House) -> None:
    boss = factories.user(house, "boss@x.test", role=Role.ADMINISTRATOR)

    with house.database.write() as session:
        user = session.get_one(User, boss)
        update_user(session, OPERATOR, user, name="Boss", email="b@x.test", role=Role.ADMINISTRATOR, active=True)

    assert administrators(house) == [boss]


@pytest.fixture
def three(house: House) -> Iterator[list[Database]]:
    """Three databases on the same tables, as three processes have."""
    with ExitStack() as stack:
        opened = [Database(house.settings.sqlalchemy_url) for _ in range(3)]
        for database in opened:
            stack.callback(database.dispose)
        yield opened


@pytest.mark.parametrize("way", WAYS)
def test_administrators_who_remove_each_other_at_once_leave_one(house: House, three: list[Database], way: Way) -> None:
    for turn in range(5):
        circle = [
            factories.user(house, f"{turn}-{number}@x.test", role=Role.ADMINISTRATOR) for number in range(len(three))
        ]
        if turn:
            # The one who was left over goes first, so that each turn begins with exactly the circle.
            apply(house.database, way, administrators(house)[0])
        outcomes = all_at_once(three, way, circle)

        assert sorted(outcomes) == ["Conflict", "done", "done"]
        assert len(administrators(house)) == 1
    with house.database.read() as session:
        done = session.scalars(select(AuditEvent.event).where(AuditEvent.event != "user.created")).all()
    assert len(done) == 5 * 2 + 4, "a change that was refused leaves no line"


def all_at_once(databases: list[Database], way: Way, users: list[int]) -> list[str]:
    """What became of removing each user, each by a thread and a database of its own."""
    together = threading.Barrier(len(users))
    outcomes = ["" for _ in users]

    def attempt(number: int) -> None:
        together.wait(30)
        try:
            apply(databases[number], way, users[number])
            outcomes[number] = "done"
        except Conflict:
            outcomes[number] = "Conflict"

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(len(users))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return outcomes
