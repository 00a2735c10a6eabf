"""`packistry user`."""

import pytest

from packistry.accounts.sign_in import view_of_password
from packistry.documents.subjects import DeletedDocument, GrantDocument, UserDocument
from packistry.house import House
from tests import factories
from tests.cli.conftest import Packistry

PASSWORD = "correct horse battery"
ADA = ("--name", "Ada", "--email", "Ada@Example.Test")


def proves(house: House, email: str, password: str) -> bool:
    """Whether this pair signs in."""
    return view_of_password(house.database, email, password).value.refusal is None


def test_an_administrator_is_made_with_a_password_from_standard_input(packistry: Packistry, house: House) -> None:
    flags = ("--role", "admin", "--password-stdin", "--json")

    made = packistry("user", "add", *ADA, *flags, typed=f"{PASSWORD}\r\n", code=0).document(UserDocument)

    assert (made.email, made.name, made.role, made.active, made.grants) == (
        "ada@example.test",
        "Ada",
        "admin",
        True,
        [],
    )
    assert proves(house, "ada@example.test", PASSWORD)


def test_a_user_is_made_with_what_was_given(packistry: Packistry, house: House) -> None:
    factories.repository(house, "acme")
    factories.publish(house, "acme/lib")
    flags = ("--repository", "/", "--repository", "acme:write", "--package", "acme:Acme/Lib:write", "--no-password")

    made = packistry("user", "add", *ADA, *flags, "--json", code=0).document(UserDocument)

    assert made.role == "user"
    assert made.grants == [
        GrantDocument("/", None, write=False),
        GrantDocument("acme", None, write=True),
        GrantDocument("acme", "acme/lib", write=True),
    ]


REFUSED: dict[str, tuple[list[str], str, str]] = {
    "no terminal to ask on": ([], "", "--password-stdin"),
    "a short password": (["--password-stdin"], "short\n", "10 to 1024"),
    "an empty standard input": (["--password-stdin"], "", "10 to 1024"),
    "two answers about the password": (["--password-stdin", "--no-password"], PASSWORD, "not both"),
    "an unknown repository": (["--no-password", "--repository", "nowhere"], "", "no repository nowhere"),
    "an unknown package": (["--no-password", "--package", "/:acme/lib"], "", "no package acme/lib"),
    "a package without a repository": (["--no-password", "--package", "acme/lib"], "", "PATH:VENDOR/NAME"),
    "a name that is none": (["--no-password", "--package", "/:lib"], "", "not a package name"),
}


@pytest.mark.parametrize(("flags", "typed", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_a_user_is_refused(packistry: Packistry, flags: list[str], typed: str, reason: str) -> None:
    refused = packistry("user", "add", *ADA, *flags, "--json", typed=typed)

    assert reason in refused.refusal.message
    assert packistry("user", "list", "--json").documents(UserDocument) == []


def test_an_address_that_is_none_is_refused(packistry: Packistry) -> None:
    refused = packistry("user", "add", "--name", "Ada", "--email", "ada", "--no-password", "--json")

    assert refused.refusal.field == "email"


def test_a_taken_address_is_refused(packistry: Packistry) -> None:
    packistry("user", "add", *ADA, "--no-password", code=0)

    assert packistry("user", "add", *ADA, "--no-password", "--json").refusal.code == "already_exists"


def test_the_list_for_people_spells_what_was_given_as_the_flags_do(packistry: Packistry) -> None:
    packistry("user", "add", *ADA, "--no-password", "--repository", "/:write", code=0)

    lines = packistry("user", "list", code=0).out.splitlines()

    assert lines[1].split() == ["ada@example.test", "Ada", "user", "-", "/:write"]


def test_a_user_is_changed(packistry: Packistry) -> None:
    packistry("user", "add", *ADA, "--no-password", "--repository", "/", code=0)
    flags = ("--name", "Eve", "--email", "eve@example.test", "--role", "admin", "--inactive", "--repository", "/:write")

    now = packistry("user", "update", "ada@example.test", *flags, "--json", code=0).document(UserDocument)

    assert (now.name, now.email, now.role, now.active) == ("Eve", "eve@example.test", "admin", False)
    assert now.grants == [GrantDocument("/", None, write=True)]


def test_grants_stay_unless_they_are_named_or_taken_away(packistry: Packistry) -> None:
    packistry("user", "add", *ADA, "--no-password", "--repository", "/", code=0)

    kept = packistry("user", "update", "1", "--name", "Eve", "--json", code=0).document(UserDocument)
    none = packistry("user", "update", "1", "--no-grants", "--json", code=0).document(UserDocument)
    unsure = packistry("user", "update", "1", "--no-grants", "--repository", "/", "--json")

    assert (len(kept.grants), len(none.grants)) == (1, 0)
    assert "not both" in unsure.refusal.message


def test_the_last_administrator_stays_one(packistry: Packistry) -> None:
    packistry("user", "add", *ADA, "--role", "admin", "--no-password", code=0)

    demoted = packistry("user", "update", "ada@example.test", "--role", "user", "--json")
    deleted = packistry("user", "delete", "ada@example.test", "--yes", "--json")

    assert [each.refusal.code for each in (demoted, deleted)] == ["conflict", "conflict"]


def test_a_user_is_deleted_once_confirmed(packistry: Packistry) -> None:
    packistry("user", "add", *ADA, "--no-password", code=0)

    refused = packistry("user", "delete", "ada@example.test", "--json")
    gone = packistry("user", "delete", "ada@example.test", "--yes", "--json", code=0).document(DeletedDocument)

    assert refused.refusal.field == "yes"
    assert (gone.deleted, gone.name) == ("user", "ada@example.test")
    assert packistry("user", "list").out == "There is no user.\n"


def test_a_new_password_replaces_the_old_one(packistry: Packistry, house: House) -> None:
    packistry("user", "add", *ADA, "--password-stdin", typed=f"{PASSWORD}\n", code=0)

    packistry("user", "reset-password", "ada@example.test", "--password-stdin", typed="another long one\n", code=0)

    assert proves(house, "ada@example.test", "another long one")
    assert not proves(house, "ada@example.test", PASSWORD)


@pytest.mark.parametrize("verb", ["update", "delete", "reset-password"])
def test_an_unknown_user_is_not_found(packistry: Packistry, verb: str) -> None:
    refused = packistry("user", verb, "nobody@example.test", "--json", typed=PASSWORD)

    assert refused.refusal.code == "not_found"
