"""What holds for every page: who may open it, its headers, its files, and what is said when there is none."""

import gzip

import pytest

from packistry.house import House
from packistry.web.pages.static import static_files
from tests import factories
from tests.web.pages.browser import Browser


def test_a_browser_that_asks_for_nothing_is_led_to_the_pages(stranger: Browser) -> None:
    assert stranger.open("/", status=303).leads_to == "/-/"


def test_who_did_not_sign_in_is_asked_to(stranger: Browser) -> None:
    assert stranger.open("/-/?a=b", status=303).leads_to == "/-/sign-in?next=%2F-%2F%3Fa%3Db"


def test_an_address_without_a_page_says_so(administrator: Browser) -> None:
    shown = administrator.open("/-/nothing", status=404)

    assert "There is no page at this address." in shown.text


def test_a_page_lets_nothing_run_that_is_not_ours(administrator: Browser) -> None:
    headers = administrator.open("/-/").answer.headers

    assert "default-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


def test_every_file_of_a_page_is_there_and_kept_for_ever(administrator: Browser) -> None:
    files = [link for link in administrator.open("/-/").links if "/static/" in link]

    assert files
    for link in files:
        answer = administrator.open(link.partition("#")[0]).answer
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_no_page_brings_a_script_or_a_style_inside(administrator: Browser) -> None:
    html = administrator.open("/-/").html

    assert "<style" not in html
    assert " style=" not in html
    assert html.count("<script") == html.count('<script type="module" src="')
    assert " onclick=" not in html


def test_what_all_pages_share_is_small() -> None:
    packed = {name: len(each.packed) for name, each in static_files().items()}

    # A page may weigh 40 KB in all; ui.md expects 18 KB of styles and script for the whole product.
    assert sum(packed.values()) < 20 * 1024, packed


def test_files_are_packed_once(administrator: Browser) -> None:
    for each in static_files().values():
        assert gzip.decompress(each.packed) == each.plain


@pytest.mark.parametrize("credential", ["deploy", "personal"])
def test_a_token_opens_no_page(stranger: Browser, house: House, credential: str) -> None:
    user_id = factories.user(house, "bob@example.test")
    plain = factories.deploy_token(house, "") if credential == "deploy" else factories.personal_token(house, user_id)

    shown = stranger.open("/-/", status=303, headers={"authorization": f"Bearer {plain}"})

    assert shown.leads_to.startswith("/-/sign-in")


def test_a_session_opens_none_of_composers_addresses(administrator: Browser, house: House) -> None:
    factories.repository(house, "acme")
    factories.publish(house, "acme/lib", repository="acme")

    answer = administrator.client.get("/r/acme/p2/acme/lib.json")

    assert answer.status_code == 401


def test_the_theme_is_the_visitors_choice(stranger: Browser) -> None:
    stranger.send("/-/theme", {"theme": "dark", "next": "/-/sign-in"})

    assert 'data-theme="dark"' in stranger.open("/-/sign-in").html


def test_a_theme_that_is_none_changes_nothing(stranger: Browser) -> None:
    stranger.client.cookies.set("packistry_theme", '"><script>')

    assert "data-theme" not in stranger.open("/-/sign-in").html
