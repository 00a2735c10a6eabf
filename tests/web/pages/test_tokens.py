"""Making, rotating and revoking tokens by page; the secret is on one page, once."""

import re

import pytest
from sqlalchemy import select

from packistry.access.grants import Grant, Holder, grants_of
from packistry.db.models import GrantRow, Package, Token, TokenSecret
from packistry.house import House
from packistry.packages.actions import delete_package
from packistry.packages.documents import Address
from tests import factories
from tests.factories import OPERATOR
from tests.web.pages.browser import Browser, Shown

SECRET = re.compile(r"pk(?:dt|pat)-[0-9A-Za-z]{51}")
NEW = {"name": "ci", "ability": "read", "repository:customers": "read", "expires": "90"}


@pytest.fixture(autouse=True)
def customers(house: House) -> None:
    """A package in /r/customers."""
    factories.repository(house, "customers")
    factories.publish(house, "acme/lib", repository="customers")


def secret_on(shown: Shown) -> str:
    found = SECRET.search(shown.html)
    assert found is not None, "no secret is on the page"
    return found[0]


def metadata(browser: Browser, secret: str) -> int:
    headers = {"authorization": f"Bearer {secret}"}
    return browser.client.get("/r/customers/p2/acme/lib.json", headers=headers).status_code


def test_a_new_deploy_token_is_shown_once_and_installs(administrator: Browser) -> None:
    shown = administrator.send("/-/deploy-tokens/new", NEW, status=200)
    secret = secret_on(shown)

    assert metadata(administrator, secret) == 200
    assert "composer config repositories.customers" in shown.text
    assert secret not in administrator.open("/-/deploy-tokens").html
    assert secret not in administrator.open("/-/deploy-tokens/1").html


def test_a_token_is_tied_to_what_was_ticked_and_typed(administrator: Browser, house: House) -> None:
    fields = {"name": "ci", "ability": ["read", "write"], "packages": "customers ACME/Lib\n", "expires": "never"}

    administrator.send("/-/deploy-tokens/new", fields, status=200)

    with house.database.read() as session:
        token = session.scalars(select(Token)).one()
        assert token.abilities == ["repository:read", "repository:write"]
        assert token.expires_at is None
        assert grants_of(session, Holder(token_id=token.id)) == [Grant("customers", "acme/lib", write=True)]


WRONG = {
    "no name": ({"name": " "}, "has 1 to"),
    "no ability": ({"ability": "admin"}, "at least one ability"),
    "a line that is no package": ({"packages": "acme/lib"}, "is no repository and package"),
    "a package that is not there": ({"packages": "customers acme/none"}, "There is no package acme/none"),
    "a repository that is not there": ({"repository:none": "read"}, "There is no repository none"),
}


@pytest.mark.parametrize(("change", "sentence"), WRONG.values(), ids=list(WRONG))
def test_a_wrong_form_keeps_what_was_typed_and_says_what_to_do(
    administrator: Browser, house: House, change: dict[str, str], sentence: str
) -> None:
    shown = administrator.send("/-/deploy-tokens/new", {**NEW, **change}, status=422)

    assert sentence in shown.text
    assert ('value="ci"' in shown.html) == ("name" not in change)
    with house.database.read() as session:
        assert session.scalars(select(Token)).all() == []


def test_a_name_that_is_taken_is_said_beside_the_form(administrator: Browser) -> None:
    administrator.send("/-/deploy-tokens/new", NEW, status=200)

    assert "There is already a token ci" in administrator.send("/-/deploy-tokens/new", NEW, status=422).text


def test_a_rotated_token_works_with_both_secrets_until_the_former_ends(administrator: Browser) -> None:
    first = secret_on(administrator.send("/-/deploy-tokens/new", NEW, status=200))

    second = secret_on(administrator.send("/-/deploy-tokens/1/rotate", {"overlap": "24"}, status=200))
    third = secret_on(administrator.send("/-/deploy-tokens/1/rotate", {"overlap": "0"}, status=200))

    assert [metadata(administrator, each) for each in (first, second, third)] == [401, 401, 200]


def test_a_revoked_token_is_refused_and_gone_from_the_list(administrator: Browser) -> None:
    secret = secret_on(administrator.send("/-/deploy-tokens/new", NEW, status=200))

    administrator.send("/-/deploy-tokens/1/revoke")

    assert metadata(administrator, secret) == 401
    administrator.open("/-/deploy-tokens/1", status=404)
    assert "lets a server or CI job install packages" in administrator.open("/-/deploy-tokens").text


def test_changing_a_token_keeps_its_secret(administrator: Browser) -> None:
    secret = secret_on(administrator.send("/-/deploy-tokens/new", NEW, status=200))

    administrator.send("/-/deploy-tokens/1", {"name": "other", "ability": "read", "expires": ""})

    assert metadata(administrator, secret) == 404, "it is good, and tied to nothing any more"
    assert "other" in administrator.open("/-/deploy-tokens").text


def test_a_personal_token_does_what_its_user_may(stranger: Browser, house: House) -> None:
    stranger.sign_in(factories.user(house, "bob@example.test", Grant("customers")))

    secret = secret_on(stranger.send("/-/personal-tokens/new", {"name": "laptop", "ability": "read"}, status=200))

    assert secret.startswith("pkpat-")
    assert metadata(stranger, secret) == 200
    assert "laptop" in stranger.open("/-/personal-tokens").text


def test_nobody_sees_or_revokes_the_personal_token_of_another(plain_user: Browser, house: House) -> None:
    factories.personal_token(house, factories.user(house, "eve@example.test"), name="hers")

    assert "hers" not in plain_user.open("/-/personal-tokens").text
    plain_user.open("/-/personal-tokens/1", status=404)
    plain_user.send("/-/personal-tokens/1/revoke", status=404)
    plain_user.send("/-/personal-tokens/1/rotate", status=404)


def test_a_deploy_token_is_no_personal_one_of_the_same_id(administrator: Browser) -> None:
    administrator.send("/-/deploy-tokens/new", NEW, status=200)

    administrator.open("/-/personal-tokens/1", status=404)


def test_a_secret_that_could_not_be_shown_is_not_made(
    administrator: Browser, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("packistry.web.pages.tokens.composer_commands", fail)

    administrator.send("/-/deploy-tokens/new", NEW, status=500)

    with house.database.read() as session:
        assert session.scalars(select(TokenSecret)).all() == []


def test_an_end_that_is_not_offered_is_no_end_for_ever(administrator: Browser) -> None:
    shown = administrator.send("/-/deploy-tokens/new", {**NEW, "expires": "٣"}, status=422)

    assert "Choose one of the ends that are offered." in shown.text


def test_what_a_deleted_package_still_gives_to_old_locks_stays_when_a_token_is_changed(
    administrator: Browser, house: House
) -> None:
    tied = {**NEW, "repository:customers": "", "packages": "customers acme/lib"}
    administrator.send("/-/deploy-tokens/new", tied, status=200)
    with house.database.write() as session:
        package = session.scalars(select(Package)).one()
        delete_package(session, OPERATOR, package, Address(None, "customers"))

    kept = administrator.open("/-/deploy-tokens/1").html
    administrator.send("/-/deploy-tokens/1", {**tied, "name": "other"})
    administrator.send("/-/deploy-tokens/new", {**tied, "name": "new"}, status=422)

    assert "customers acme/lib" in kept
    with house.database.read() as session:
        assert session.scalars(select(GrantRow.package_id)).all() == [package.id]
