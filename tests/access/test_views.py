"""Views: what is kept of a credential, under which changes it ends, and when."""

import pytest

from packistry.access.actors import Anonymous, DeployTokenActor, System, UserActor
from packistry.access.grants import Grant
from packistry.access.permissions import ALL_ABILITIES, Ability
from packistry.access.views import ID_BYTES, NOBODY, VIEW_BYTES, View, load_view, refused_view
from packistry.db.changes import ChangeKey, token_key, user_key
from packistry.errors import Unauthenticated
from packistry.house import House
from tests import factories
from tests.access.rows import package

PERSON = UserActor(user_id=7, name="ada@example.test", is_administrator=False)
ADMINISTRATOR = UserActor(user_id=7, name="ada@example.test", is_administrator=True, token_id=8, token_name="x")
MACHINE = DeployTokenActor(token_id=9, name="ci", abilities=ALL_ABILITIES)


@pytest.mark.parametrize(
    ("actor", "keys", "why"),
    [
        (Anonymous(), set[ChangeKey](), "nobody never changes"),
        (System(), set[ChangeKey](), "nor does the operator"),
        (PERSON, {user_key(7)}, "a person by password: grants, role, activity, password"),
        (ADMINISTRATOR, {user_key(7), token_key(8)}, "a personal token ends with itself or with its user"),
        (MACHINE, {token_key(9)}, "a machine's token"),
    ],
)
def test_a_view_names_the_changes_that_end_it(
    house: House, actor: Anonymous | System | UserActor | DeployTokenActor, keys: set[ChangeKey], why: str
) -> None:
    with house.database.read() as session:
        assert load_view(session, actor).depends_on == keys, why


def test_a_view_knows_what_was_given_wholly_and_in_part(house: House) -> None:
    whole, part = factories.repository(house, "whole"), factories.repository(house, "part")
    lib = package(house, "part", "acme/lib")
    other = package(house, "part", "acme/other")
    identity = factories.user(house, "ada@example.test", Grant("whole"), Grant("part", "acme/lib"))

    with house.database.read() as session:
        view = load_view(session, UserActor(user_id=identity, name="x", is_administrator=False), expires_at=5.5)

    assert (view.repositories, view.packages, view.partial_repositories) == ({whole}, {lib}, {part})
    assert view.expires_at == 5.5
    assert view.sees_whole(whole, public=False)
    assert view.sees_repository(part, public=False)
    assert not view.sees_whole(part, public=False)
    assert view.sees_package(part, lib, public=False)
    assert not view.sees_package(part, other, public=False)
    assert view.sees_package(part, other, public=True)


def test_an_administrators_view_costs_nothing_per_package(house: House) -> None:
    with house.database.read() as session:
        view = load_view(session, ADMINISTRATOR, expires_at=5.5)

    assert view.everything
    assert (view.repositories, view.packages) == (frozenset(), frozenset())
    assert view.sees_package(1, 2, public=False)
    assert view.expires_at == 5.5


def test_a_view_that_may_not_read_says_so(house: House) -> None:
    writing = frozenset({Ability.WRITE})
    machine = DeployTokenActor(token_id=9, name="ci", abilities=writing)
    administrator = UserActor(user_id=7, name="x", is_administrator=True, abilities=writing)

    with house.database.read() as session:
        assert not load_view(session, machine).can_read
        assert not load_view(session, administrator).can_read
        assert load_view(session, MACHINE).can_read


def test_a_bad_credential_sees_what_nobody_sees_and_keeps_the_reason() -> None:
    refusal = Unauthenticated("This token expired.")
    view = refused_view(refusal, token_key(1), user_key(2))

    assert (type(view.refusal), str(view.refusal)) == (Unauthenticated, refusal.sentence)
    assert view.depends_on == {token_key(1), user_key(2)}
    assert (view.actor, view.can_read, view.everything) == (NOBODY.actor, True, False)
    assert not view.sees_repository(1, public=False)


@pytest.mark.parametrize(
    ("view", "public", "private", "why"),
    [
        (View(actor=MACHINE, can_read=True, packages=frozenset({20})), True, True, "given"),
        (View(actor=MACHINE, can_read=True, packages=frozenset({21})), True, False, "not given"),
        (View(actor=MACHINE, can_read=False, packages=frozenset({20})), True, False, "given, but it cannot read"),
        (View(actor=MACHINE, can_read=True, repositories=frozenset({1})), True, True, "the whole repository"),
        (View(actor=MACHINE, can_read=False, everything=True), True, False, "everything, but it cannot read"),
        (NOBODY, True, False, "nobody"),
    ],
)
def test_what_is_public_may_be_read_by_whoever_sees_or_not(view: View, public: bool, private: bool, why: str) -> None:
    assert view.may_read_package(1, 20, public=True) is public, why
    assert view.may_read_package(1, 20, public=False) is private, why


def test_a_view_says_whose_it_is() -> None:
    views = [View(actor=actor, can_read=True) for actor in (PERSON, ADMINISTRATOR, MACHINE, System(), Anonymous())]

    assert [(view.user_id, view.token_id) for view in views] == [
        (7, None),
        (7, 8),
        (None, 9),
        (None, None),
        (None, None),
    ]


def test_a_view_of_many_packages_weighs_what_its_ids_weigh() -> None:
    few = View(actor=MACHINE, can_read=True)
    many = View(
        actor=MACHINE,
        can_read=True,
        repositories=frozenset({1}),
        packages=frozenset(range(1_000)),
        partial_repositories=frozenset({2, 3}),
    )

    assert few.weight == VIEW_BYTES
    assert many.weight == VIEW_BYTES + ID_BYTES * 1_003
