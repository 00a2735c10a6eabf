"""The set-up by page: the first administrator, the public address, packages, and the commands that install one."""

import pytest

from packistry.access.permissions import Role
from packistry.accounts.setup import offer_setup
from packistry.house import House
from packistry.repositories.outside import proof
from tests import factories
from tests.web.pages.browser import Browser, Shown

ADA = {"name": "Ada", "email": "ada@example.test", "password": "correct horse battery"}


@pytest.fixture
def code(house: House) -> str:
    """What the link of this start ends with."""
    with house.database.write() as session:
        return offer_setup(session) or ""


def make_ada(stranger: Browser, code: str) -> Shown:
    return stranger.send("/-/setup", {**ADA, "code": code})


def test_the_link_makes_an_administrator_who_is_signed_in(stranger: Browser, code: str) -> None:
    form = stranger.open(f"/-/setup?code={code}")
    made = make_ada(stranger, code)
    next_page = stranger.open(made.leads_to)

    assert f'value="{code}"' in form.html
    assert made.leads_to == "/-/setup/address"
    assert "Where do people reach it?" in next_page.text


def test_what_was_filled_in_wrongly_is_said_and_the_code_still_holds(stranger: Browser, code: str) -> None:
    short = stranger.send("/-/setup", {**ADA, "code": code, "password": "short"}, status=422)

    assert "A password has 10 to 1024 characters" in short.text
    assert 'value="ada@example.test"' in short.html
    assert 'value="short"' not in short.html
    assert make_ada(stranger, code).leads_to == "/-/setup/address"


@pytest.mark.parametrize("wrong", ["", "?code=", "?code=AAAA-AAAA-AAAA-AAAA"])
def test_without_the_link_nobody_sets_up_anything(stranger: Browser, code: str, wrong: str) -> None:
    assert "start the server again" in stranger.open(f"/-/setup{wrong}", status=403).text
    stranger.send("/-/setup", {**ADA, "code": wrong.removeprefix("?code=")}, status=403)


def test_until_then_signing_in_says_that_there_is_a_link(stranger: Browser, code: str) -> None:
    assert "open the link that the server printed" in stranger.open("/-/sign-in").text


def test_with_an_administrator_the_set_up_leads_to_signing_in(stranger: Browser, code: str, house: House) -> None:
    factories.user(house, "root@example.test", role=Role.ADMINISTRATOR)

    assert stranger.open(f"/-/setup?code={code}", status=303).leads_to == "/-/sign-in"
    assert stranger.send("/-/setup", {**ADA, "code": code}).leads_to == "/-/sign-in"
    assert stranger.open("/-/", status=303).leads_to == "/-/sign-in?next=%2F-%2F"
    assert "open the link that the server printed" not in stranger.open("/-/sign-in").text


def test_who_left_it_goes_on_where_it_was_left(administrator: Browser) -> None:
    def next_page() -> str:
        return administrator.open("/-/setup", status=303).leads_to

    assert "/-/setup" in administrator.open("/-/").links
    assert next_page() == "/-/setup/address"
    administrator.send("/-/setup/address", {"public_url": "http://127.0.0.1:9", "anyway": "yes"})
    assert next_page() == "/-/setup/repository"
    administrator.send("/-/setup/sample")
    assert next_page() == "/-/setup/install"


def test_it_is_not_for_users(plain_user: Browser) -> None:
    assert plain_user.open("/-/setup", status=303).leads_to == "/-/"
    plain_user.open("/-/setup/address", status=403)
    plain_user.send("/-/setup/address", {"public_url": "https://x.test"}, status=403)


def test_the_address_is_proposed_from_the_request_with_its_warnings(administrator: Browser) -> None:
    shown = administrator.open("/-/setup/address")

    assert 'value="http://packistry.test"' in shown.html
    assert "By http tokens go over the network in the open" in shown.text


def test_an_address_that_does_not_lead_here_is_only_kept_when_one_insists(administrator: Browser, house: House) -> None:
    # Nothing listens on the port for discarding.
    wish = {"public_url": "http://127.0.0.1:9/composer/"}
    refused = administrator.send("/-/setup/address", wish, status=422)
    before = house.public_url
    kept = administrator.send("/-/setup/address", {**wish, "anyway": "yes"})

    assert "Keep it all the same" in refused.text
    assert "leads nowhere from another machine" in refused.text
    assert before is None
    assert house.public_url == "http://127.0.0.1:9/composer"
    # The browser is elsewhere, and is not shut out.
    assert administrator.open("/-/").answer.status_code == 200
    assert kept.leads_to.startswith("/-/")


def test_what_is_no_address_is_said_beside_the_field(administrator: Browser) -> None:
    shown = administrator.send("/-/setup/address", {"public_url": "packages"}, status=422)

    assert "The address must begin with https:// or http://." in shown.text


def test_the_installation_proves_that_it_is_itself(stranger: Browser, house: House) -> None:
    challenge = "c" * 32

    shown = stranger.open(f"/-/itself?challenge={challenge}")

    assert shown.answer.text == proof(house.settings, challenge)
    stranger.open("/-/itself?challenge=short", status=404)
