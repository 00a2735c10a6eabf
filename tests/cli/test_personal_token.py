"""`packistry personal-token`."""

import pytest

from packistry.access.permissions import Role
from packistry.documents.subjects import DeletedDocument, NewTokenDocument, TokenDocument
from packistry.house import House
from tests import factories
from tests.cli.conftest import Packistry
from tests.cli.test_deploy_token import view

OF_ADA = ("--user", "ada@example.test")


@pytest.fixture(autouse=True)
def ada(house: House) -> int:
    """An administrator, whose tokens read everything."""
    return factories.user(house, "ada@example.test", role=Role.ADMINISTRATOR)


def test_a_token_is_shown_once_with_what_its_user_sees(packistry: Packistry, house: House) -> None:
    factories.repository(house, "acme")

    made = packistry("personal-token", "add", "laptop", *OF_ADA, "--json", code=0).document(NewTokenDocument)
    (listed,) = packistry("personal-token", "list", *OF_ADA, "--json", code=0).documents(TokenDocument)

    assert made.token.startswith("pkpat-")
    assert (made.user, made.abilities, made.grants) == ("ada@example.test", ["read"], [])
    assert [command.split()[2] for command in made.commands[2:]] == ["repositories.packistry", "repositories.acme"]
    assert view(house, made.token).everything
    assert listed.name == "laptop"


def test_the_person_is_told_what_it_may_and_when_it_ends(packistry: Packistry) -> None:
    flags = ("--ability", "read", "--ability", "write", "--expires", "2100-01-31")

    shown = packistry("personal-token", "add", "release", *OF_ADA, *flags, code=0).out

    assert "It may read and write and ends: 2100-01-31 00:00." in shown


def test_a_list_for_people(packistry: Packistry) -> None:
    empty = packistry("personal-token", "list", *OF_ADA, code=0).out
    packistry("personal-token", "add", "laptop", *OF_ADA, code=0)

    lines = packistry("personal-token", "list", *OF_ADA, code=0).out.splitlines()

    assert empty == "ada@example.test has no personal token.\n"
    assert lines[1].split() == ["laptop", "read", "never", "never"]


def test_a_rotated_token_has_a_new_secret(packistry: Packistry, house: House) -> None:
    old = packistry("personal-token", "add", "laptop", *OF_ADA, "--json").document(NewTokenDocument)

    rotate = ("personal-token", "rotate", "laptop", *OF_ADA, "--overlap", "0", "--json")
    new = packistry(*rotate, code=0).document(NewTokenDocument)

    assert [view(house, each.token).refusal is None for each in (old, new)] == [False, True]


def test_a_deleted_token_is_refused(packistry: Packistry, house: House) -> None:
    made = packistry("personal-token", "add", "laptop", *OF_ADA, "--json").document(NewTokenDocument)

    unconfirmed = packistry("personal-token", "delete", "laptop", *OF_ADA, "--json")
    delete = ("personal-token", "delete", "laptop", *OF_ADA, "--yes", "--json")
    gone = packistry(*delete, code=0).document(DeletedDocument)

    assert unconfirmed.refusal.field == "yes"
    assert (gone.deleted, gone.name) == ("personal-token", "laptop")
    assert view(house, made.token).refusal is not None


@pytest.mark.parametrize("verb", ["add", "rotate", "delete"])
def test_an_unknown_user_is_not_found(packistry: Packistry, verb: str) -> None:
    refused = packistry("personal-token", verb, "laptop", "--user", "nobody@example.test", "--json")

    assert refused.refusal.code == "not_found"


def test_a_list_of_an_unknown_user_is_not_found(packistry: Packistry) -> None:
    assert packistry("personal-token", "list", "--user", "9", "--json").refusal.code == "not_found"


@pytest.mark.parametrize("verb", ["rotate", "delete"])
def test_a_token_of_somebody_else_is_not_found(packistry: Packistry, house: House, verb: str) -> None:
    factories.personal_token(house, factories.user(house, "ben@example.test"), name="laptop")

    assert packistry("personal-token", verb, "laptop", *OF_ADA, "--json").refusal.code == "not_found"


def test_a_taken_name_is_refused(packistry: Packistry) -> None:
    packistry("personal-token", "add", "laptop", *OF_ADA, code=0)

    assert packistry("personal-token", "add", "laptop", *OF_ADA, "--json").refusal.code == "already_exists"
