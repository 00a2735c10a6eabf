"""Why can't I install this?, by page: who may ask about whom, and mistakes beside their fields."""

import pytest

from packistry.access.grants import Grant
from packistry.house import House
from tests import factories
from tests.web.pages.browser import Browser


@pytest.fixture(autouse=True)
def published(house: House) -> House:
    """acme/lib 1.0.0 in the private /r/acme, and a token that is tied to nothing."""
    factories.repository(house, "acme")
    factories.publish(house)
    factories.deploy_token(house, name="ci")
    return house


ANSWERS = {
    "package=acme/lib": "acme/lib 1.0.0 can be installed.",
    "package=acme/lib&constraint=^2.0": "No version of acme/lib matches ^2.0. There are 1: 1.0.0.",
    "package=acme/lib&who=token&named=ci": "deploy token ci has no grant for repository acme",
    "package=acme/lib&who=anonymous": "an anonymous caller has no grant",
    "package=acme/lib&repository=/": "acme/lib is not in the root repository, but in acme.",
}


@pytest.mark.parametrize(("query", "sentence"), ANSWERS.items(), ids=list(ANSWERS))
def test_an_administrator_is_answered_about_anybody(administrator: Browser, query: str, sentence: str) -> None:
    assert sentence in administrator.open(f"/-/why?{query}").text


MISTAKES = {
    "package=lib": "is not a package name",
    "package=acme/lib&constraint=^^": "is no constraint",
    "package=acme/lib&who=token&named=none": "There is no token none",
}


@pytest.mark.parametrize(("query", "sentence"), MISTAKES.items(), ids=list(MISTAKES))
def test_a_mistake_is_said_beside_its_field(administrator: Browser, query: str, sentence: str) -> None:
    assert sentence in administrator.open(f"/-/why?{query}", status=422).text


def test_a_user_asks_about_himself_and_his_tokens_alone(stranger: Browser, house: House) -> None:
    bob = factories.user(house, "bob@example.test", Grant("acme"))
    factories.personal_token(house, bob, name="laptop")
    stranger.sign_in(bob)

    assert "can be installed" in stranger.open("/-/why?package=acme/lib&who=token&named=laptop").text
    assert "not yours to ask about" in stranger.open("/-/why?package=acme/lib&who=token&named=ci", status=422).text
    for query in ("who=user&named=ada@example.test", "who=anonymous"):
        assert "lacks the permission" in stranger.open(f"/-/why?package=acme/lib&{query}", status=422).text


def test_a_user_learns_nothing_of_what_is_hidden(plain_user: Browser) -> None:
    hidden = plain_user.open("/-/why?package=acme/lib").text
    missing = plain_user.open("/-/why?package=acme/non").text

    assert "cannot be installed" in hidden
    assert hidden.replace("acme/lib", "acme/non") == missing
