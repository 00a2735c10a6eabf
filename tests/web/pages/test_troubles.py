"""What is shown where there is no page: what happened, and where to go on."""

from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from packistry.errors import Conflict, Gone, InvalidInput, Refusal, TooManyAttempts, Unavailable
from packistry.house import House
from packistry.web.pages import dashboard
from tests import factories
from tests.web.pages.browser import HOME, Browser


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """What opening the list of packages raises, once something is in it."""
    raised: list[Exception] = []

    def browse(*_: object, **__: object) -> Any:
        raise raised[0]

    monkeypatch.setattr(dashboard, "browse_packages", browse)
    return raised


REFUSALS: list[tuple[Refusal, int, str]] = [
    (Conflict("It runs."), 409, "Not possible now"),
    (Gone("It was used."), 410, "No longer valid"),
    (InvalidInput("No name."), 422, "That cannot be used"),
    (TooManyAttempts("Wait 7 s."), 429, "Too many attempts"),
    (Unavailable("The database does not answer."), 503, "Not available now"),
]


@pytest.mark.parametrize(("refusal", "status", "heading"), REFUSALS, ids=[row[2] for row in REFUSALS])
def test_each_refusal_has_a_heading_its_sentence_and_a_way_on(
    administrator: Browser, broken: list[Exception], refusal: Refusal, status: int, heading: str
) -> None:
    broken.append(refusal)

    shown = administrator.open("/-/", status=status)

    assert heading in shown.text
    assert refusal.sentence in shown.text
    assert "/-/" in shown.links
    assert ("retry-after" in shown.answer.headers) == (status in {429, 503})


def test_a_fault_shows_the_number_under_which_it_is_in_the_log(administrator: Browser, broken: list[Exception]) -> None:
    broken.append(RuntimeError("secret details"))
    structlog.reset_defaults()

    with capture_logs() as lines:
        shown = administrator.open("/-/", status=500)

    [line] = [line for line in lines if line["event"] == "page.fault"]
    assert line["fault"] in shown.text
    assert "secret details" not in shown.html
    assert "/-/packages" in shown.links


def test_what_is_not_there_leads_to_the_search(plain_user: Browser, house: House) -> None:
    factories.repository(house, "private")

    absent = plain_user.open("/-/repositories/nowhere", status=404)
    hidden = plain_user.open("/-/repositories/private", status=404)

    assert "/-/packages" in absent.links
    assert absent.text.replace("nowhere", "") == hidden.text.replace("private", "")


def test_what_is_not_allowed_says_who_can_help(plain_user: Browser) -> None:
    shown = plain_user.open("/-/users", status=403)

    assert "An administrator can change that." in shown.text


PLACES = [
    (f"{HOME}/-/packages?q=x", "/-/packages?q=x", "a page of ours leads back"),
    ("http://elsewhere.test/-/packages", None, "another site does not"),
    (f"{HOME}/r/acme/packages.json", None, "nor does an address of Composer's"),
    ("http://[", None, "nor what is no address"),
]


@pytest.mark.parametrize(("referer", "leads_to", "why"), PLACES, ids=[row[2] for row in PLACES])
def test_the_way_back_is_a_page_of_ours(administrator: Browser, referer: str, leads_to: str | None, why: str) -> None:
    shown = administrator.open("/-/nothing", status=404, headers={"referer": referer})

    assert ("Back" in shown.text) == (leads_to is not None), why
    assert leads_to is None or leads_to in shown.links


def test_a_stranger_is_led_to_signing_in(stranger: Browser) -> None:
    shown = stranger.send("/-/sign-in", {"email": "x"}, origin="http://elsewhere.test", status=403)

    assert "sent from another site" in shown.text
    assert "/-/sign-in" in shown.links
