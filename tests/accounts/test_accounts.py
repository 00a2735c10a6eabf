"""Users: what may be in a row, who may change it, and that readers are told."""

import pytest
from sqlalchemy import select

from packistry.access.actors import Actor, Anonymous, DeployTokenActor, UserActor
from packistry.access.grants import Grant
from packistry.access.permissions import ALL_ABILITIES, Ability, Role
from packistry.access.secrets import password_matches
from packistry.accounts.actions import (
    create_user,
    delete_user,
    make_password_hash,
    reset_password,
    update_user,
)
from packistry.accounts.queries import UserSummary, find_user, list_users
from packistry.accounts.sign_in import user_actor
from packistry.db.changes import user_key
from packistry.db.models import AuditEvent, Token, User
from packistry.errors import AlreadyExists, Forbidden, InvalidInput, NotFound
from packistry.house import House
from tests import factories
from tests.factories import OPERATOR


def make(house: House, **given: object) -> int:
    values: dict[str, object] = {"name": "Ada", "email": "ada@example.test", "password_hash": None, **given}
    with house.database.write() as session:
        return create_user(session, OPERATOR, **values).id  # pyright: ignore[reportArgumentType]


def change(house: House, user_id: int, **given: object) -> None:
    with house.database.write() as session:
        update_user(session, OPERATOR, session.get_one(User, user_id), **given)  # pyright: ignore[reportArgumentType]


def listed(house: House) -> list[UserSummary]:
    with house.database.read() as session:
        return list_users(session, OPERATOR)


def events(house: House) -> list[str]:
    with house.database.read() as session:
        return list(session.scalars(select(AuditEvent.event).order_by(AuditEvent.id)))


def test_a_new_user_is_listed_with_what_was_given(house: House) -> None:
    make(house, name=" Ada ", email=" ADA@Example.TEST ", role=Role.ADMINISTRATOR, grants=[Grant("", write=True)])

    [ada] = listed(house)

    assert (ada.name, ada.email, ada.role, ada.active) == ("Ada", "ada@example.test", "admin", True)
    assert ada.grants == (Grant("", write=True),)
    assert "password" not in repr(ada)


WRONG = [
    ({"name": ""}, "A name has", "no name"),
    ({"name": "\t"}, "A name has", "a name of spaces"),
    ({"name": "x" * 256}, "A name has", "a name too long"),
    ({"email": ""}, "is not an e-mail address", "none"),
    ({"email": "ada"}, "is not an e-mail address", "no sign"),
    ({"email": "ada@"}, "is not an e-mail address", "nothing behind the sign"),
    ({"email": "@example.test"}, "is not an e-mail address", "nothing before it"),
    ({"email": "a@b@c"}, "is not an e-mail address", "two signs"),
    ({"email": "a b@c"}, "is not an e-mail address", "a space"),
    ({"email": "a\0@c"}, "is not an e-mail address", "NUL, which PostgreSQL takes nowhere"),
    ({"email": "a@" + "x" * 255}, "is not an e-mail address", "too long"),
    ({"grants": [Grant("nowhere")]}, "There is no repository nowhere", "a grant of what is not there"),
]


@pytest.mark.parametrize(("given", "words", "why"), WRONG, ids=[row[2] for row in WRONG])
def test_what_no_user_can_be_is_refused_when_made_and_when_changed(
    house: House, given: dict[str, object], words: str, why: str
) -> None:
    user_id = make(house, email="first@example.test", grants=[Grant("")])
    before = listed(house)

    with pytest.raises(InvalidInput, match=words):
        make(house, **given)
    with pytest.raises(InvalidInput, match=words):
        change(house, user_id, **given)

    assert listed(house) == before, why
    assert events(house) == ["user.created"]


def test_an_address_is_one_persons_whatever_its_case(house: House) -> None:
    make(house, email="ada@example.test")
    other = make(house, email="eve@example.test")

    with pytest.raises(AlreadyExists, match="already a user ada@example"):
        make(house, email="Ada@Example.Test")
    with pytest.raises(AlreadyExists, match="already a user ada@example"):
        change(house, other, email="ADA@example.test")


def test_the_address_of_a_deleted_user_is_free_again(house: House) -> None:
    first = make(house)
    with house.database.write() as session:
        delete_user(session, OPERATOR, session.get_one(User, first))

    second = make(house)

    assert second != first
    assert [user.id for user in listed(house)] == [second]


def test_a_change_keeps_what_is_not_named(house: House) -> None:
    user_id = make(house, grants=[Grant("")])

    change(house, user_id, name="Countess")

    [ada] = listed(house)
    assert (ada.name, ada.email, ada.role, ada.grants) == ("Countess", "ada@example.test", "user", (Grant(""),))


def test_a_change_that_changes_nothing_is_no_event(house: House) -> None:
    user_id = make(house)

    change(house, user_id, name="Ada", email="ADA@example.test", role=Role.USER, active=True)
    change(house, user_id)

    assert events(house) == ["user.created"]


def test_readers_are_told_of_each_change(house: House) -> None:
    user_id = make(house)

    for given in ({"name": "X"}, {"email": "x@x.test"}, {"role": Role.ADMINISTRATOR}, {"grants": [Grant("")]}):
        with house.database.write() as session:
            update_user(session, OPERATOR, session.get_one(User, user_id), **given)  # pyright: ignore[reportArgumentType]
            assert user_key(user_id) in session.changed_keys
            assert session.changed_keys <= {user_key(user_id)}


def test_a_deleted_user_takes_grants_and_tokens_along(house: House) -> None:
    user_id = make(house, grants=[Grant("")])
    factories.personal_token(house, user_id, name="laptop")
    with house.database.write() as session:
        delete_user(session, OPERATOR, session.get_one(User, user_id))
        assert user_key(user_id) in session.changed_keys

    with house.database.read() as session:
        user = session.get_one(User, user_id)
        token = session.scalars(select(Token)).one()
        assert user.deleted_at is not None
        assert not user.active
        assert token.revoked_at == user.deleted_at
        with pytest.raises(NotFound):
            find_user(session, OPERATOR, "ada@example.test")
        with pytest.raises(NotFound):
            find_user(session, OPERATOR, str(user_id))
    assert listed(house) == []


def test_a_user_is_found_by_address_and_by_id(house: House) -> None:
    user_id = make(house)

    with house.database.read() as session:
        assert find_user(session, OPERATOR, " ADA@example.test ").id == user_id
        assert find_user(session, OPERATOR, str(user_id)).id == user_id


@pytest.mark.parametrize("name", ["", "nobody@example.test", "0", "99", "9" * 30, "٣", "-1"])
def test_what_names_no_user_is_not_found(house: House, name: str) -> None:
    make(house)

    with house.database.read() as session, pytest.raises(NotFound, match="`packistry user list` shows them"):
        find_user(session, OPERATOR, name)


def test_a_new_password_replaces_the_old_one(house: House) -> None:
    user_id = make(house, password_hash=make_password_hash("the first good one"))

    with house.database.write() as session:
        reset_password(session, OPERATOR, session.get_one(User, user_id), make_password_hash("the second one"))
        assert session.changed_keys == {user_key(user_id)}

    with house.database.read() as session:
        stored = session.get_one(User, user_id).password_hash
    assert password_matches(stored, "the second one")
    assert not password_matches(stored, "the first good one")


@pytest.mark.parametrize("password", ["", "short", "x" * 9, "x" * 1025])
def test_a_password_too_short_or_too_long_is_refused(password: str) -> None:
    with pytest.raises(InvalidInput, match="10 to 1024 characters") as refused:
        make_password_hash(password)

    assert refused.value.field == "password"


@pytest.mark.parametrize("password", ["x" * 10, "ein längeres Passwort 🔑"])
def test_any_password_of_some_length_is_good(password: str) -> None:
    assert password_matches(make_password_hash(password), password)


NOT_ADMINISTRATORS: list[Actor] = [
    Anonymous(),
    UserActor(user_id=1, name="ada@x.test", is_administrator=False),
    UserActor(user_id=1, name="ada@x.test", is_administrator=True, token_id=5, token_name="x"),
    UserActor(user_id=1, name="ada@x.test", is_administrator=True, abilities=frozenset({Ability.READ})),
    DeployTokenActor(token_id=1, name="ci", abilities=ALL_ABILITIES),
]


@pytest.mark.parametrize("actor", NOT_ADMINISTRATORS)
def test_only_administrators_manage_users(house: House, actor: Actor) -> None:
    user_id = make(house)

    with house.database.write() as session:
        user = session.get_one(User, user_id)
        for attempt in (
            lambda: create_user(session, actor, name="x", email="x@x.test", password_hash=None),
            lambda: update_user(session, actor, user, role=Role.ADMINISTRATOR),
            lambda: reset_password(session, actor, user, "x"),
            lambda: delete_user(session, actor, user),
            lambda: find_user(session, actor, "1"),
            lambda: list_users(session, actor),
        ):
            with pytest.raises(Forbidden, match="user:manage"):
                attempt()
        session.rollback()


def test_a_person_as_an_actor_is_what_the_row_says(house: House) -> None:
    make(house, role=Role.ADMINISTRATOR)
    with house.database.read() as session:
        actor = user_actor(find_user(session, OPERATOR, "1"), abilities=ALL_ABILITIES)

    assert actor == UserActor(user_id=1, name="ada@example.test", is_administrator=True, abilities=ALL_ABILITIES)
