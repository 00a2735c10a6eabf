"""Public packages without signing in: those of public repositories are shown, and of all others not a word."""

import pytest

from packistry.house import House
from tests import factories
from tests.web.pages.browser import Browser

# Names, words and versions of what is private, none of which a stranger may read anywhere.
SECRET = ("covert", "Hush", "9.9.9", "vault")


@pytest.fixture
def published(house: House) -> House:
    """open/widgets in the public repository /r/open; open/covert and secret/covert in the private /r/vault, which each
    have something to do with it.
    """
    factories.repository(house, "open", public=True)
    factories.repository(house, "vault")
    wanted = {"open/covert": "^9.9.9", "psr/log": "^3.0"}
    factories.publish(house, "open/widgets", repository="open", description="For everybody.", require=wanted)
    needs = {"open/widgets": "^1.0"}
    for name in ("open/covert", "secret/covert"):
        factories.publish(house, name, "9.9.9", repository="vault", description="Hush.", type="vault", require=needs)
    return house


VIEWS = ("", "/versions", "/versions/1.0.0", "/dependencies", "/dependents", "/statistics")


@pytest.mark.usefixtures("published")
def test_a_stranger_browses_public_packages_and_reads_their_pages(stranger: Browser) -> None:
    assert "/-/r/open/open/widgets" in stranger.open("/-/browse").links
    for view in VIEWS:
        assert "composer require open/widgets" in stranger.open(f"/-/r/open/open/widgets{view}").text
    assert stranger.open("/-/packages/open/widgets", status=303).leads_to == "/-/r/open/open/widgets"


SEARCHES = ("", "?q=covert", "?q=Hush", "?repository=vault", "?type=vault", "?q=open", "?sort=-updated&page=9")


@pytest.mark.parametrize("query", SEARCHES)
@pytest.mark.usefixtures("published")
def test_no_list_tells_a_stranger_of_what_is_private(stranger: Browser, query: str) -> None:
    html = stranger.open(f"/-/browse{query}").html

    # What was asked for is in the address and in the field; nothing else may be.
    told = html.replace(query.partition("=")[2], "") if query else html
    assert not [word for word in SECRET if word in told]
    assert "of 2" not in told
    assert "of 3" not in told


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.usefixtures("published")
def test_no_page_of_a_public_package_leads_to_what_is_private(stranger: Browser, view: str) -> None:
    shown = stranger.open(f"/-/r/open/open/widgets{view}")

    assert "vault" not in shown.html
    assert "secret/covert" not in shown.html
    # Its composer.json names it, so everybody may know that; that it is here is nobody's business.
    assert not [link for link in shown.links if "covert" in link]


PRIVATE = ("/-/r/vault/open/covert", "/-/r/vault/open/covert/versions/9.9.9", "/-/packages/open/covert")
MISSING = ("/-/r/vault/open/nothing", "/-/r/nothing/open/covert/versions/9.9.9", "/-/packages/open/nothing")


@pytest.mark.parametrize(("private", "missing"), list(zip(PRIVATE, MISSING, strict=True)))
@pytest.mark.usefixtures("published")
def test_what_is_private_looks_to_a_stranger_like_what_is_not_there(
    stranger: Browser, private: str, missing: str
) -> None:
    seen, absent = (stranger.client.get(path, follow_redirects=False) for path in (private, missing))

    assert (seen.status_code, seen.text, seen.headers["location"].partition("?")[0]) == (303, "", "/-/sign-in")
    assert (absent.status_code, absent.text, absent.headers["location"].partition("?")[0]) == (303, "", "/-/sign-in")


@pytest.mark.usefixtures("published")
def test_whoever_signed_in_is_led_to_all_packages(administrator: Browser) -> None:
    assert administrator.open("/-/browse?q=x", status=303).leads_to == "/-/packages?q=x"


def test_a_house_without_anything_public_says_so(stranger: Browser) -> None:
    assert "Nothing is public here." in stranger.open("/-/browse").text


@pytest.mark.usefixtures("published")
def test_a_stranger_needs_no_token_for_what_is_public(stranger: Browser) -> None:
    text = stranger.open("/-/r/open/open/widgets").text

    assert "composer config repositories.open composer http://packistry.test/r/open" in text
    assert "TOKEN" not in text
