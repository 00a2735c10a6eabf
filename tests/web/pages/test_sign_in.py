"""Signing in and out by a browser, and what keeps other sites from doing it for somebody."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from packistry import clock
from packistry.accounts.actions import reset_password, update_user
from packistry.audit.events import Event
from packistry.db.models import AuditEvent, BrowserSession, User
from packistry.house import House
from packistry.web.pages.sign_in import safe_destination
from packistry.web.pages.visits import COOKIE
from tests import factories
from tests.factories import OPERATOR, PASSWORD
from tests.web.callers import set_password
from tests.web.pages.browser import Browser

EMAIL = "ada@example.test"


@pytest.fixture
def ada(house: House) -> int:
    """The id of a user whose password is cheap to check."""
    user_id = factories.user(house, EMAIL)
    set_password(house, user_id, PASSWORD)
    return user_id


@pytest.mark.usefixtures("ada")
def test_the_right_password_leads_to_the_page_that_was_asked_for(stranger: Browser) -> None:
    asked = stranger.open("/-/profile?tab=x", status=303)

    shown = stranger.open(asked.leads_to)
    signed_in = stranger.send("/-/sign-in", {"email": EMAIL, "password": PASSWORD, "next": "/-/profile?tab=x"})

    assert "Sign in" in shown.text
    assert 'value="/-/profile?tab=x"' in shown.html
    assert signed_in.leads_to == "/-/profile?tab=x"
    assert "Dashboard" in stranger.open("/-/").text


@pytest.mark.usefixtures("ada")
def test_the_cookie_is_for_the_browser_alone(stranger: Browser) -> None:
    answer = stranger.send("/-/sign-in", {"email": EMAIL, "password": PASSWORD}).answer

    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


@pytest.mark.usefixtures("ada")
def test_by_https_the_cookie_is_for_this_host_alone_and_never_sent_by_http(client: TestClient, house: House) -> None:
    client.base_url = "https://packistry.test"
    answer = (
        Browser(client, house)
        .send("/-/sign-in", {"email": EMAIL, "password": PASSWORD}, origin="https://packistry.test")
        .answer
    )

    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"__Host-{COOKIE}=")
    assert "; Secure" in cookie
    assert answer.headers.get("location") == "/-/"


@pytest.mark.parametrize(("email", "password"), [(EMAIL, "wrong"), ("eve@example.test", PASSWORD), ("", "")])
@pytest.mark.usefixtures("ada")
def test_a_wrong_password_and_an_unknown_account_look_the_same(stranger: Browser, email: str, password: str) -> None:
    shown = stranger.send("/-/sign-in", {"email": email, "password": password}, status=422)

    assert "The e-mail address or the password is wrong." in shown.text
    assert COOKIE not in stranger.client.cookies


@pytest.mark.usefixtures("ada")
def test_many_wrong_passwords_have_to_wait(stranger: Browser) -> None:
    for _ in range(10):
        stranger.send("/-/sign-in", {"email": EMAIL, "password": "wrong"}, status=422)

    shown = stranger.send("/-/sign-in", {"email": EMAIL, "password": PASSWORD}, status=429)

    assert "try again in" in shown.text


@pytest.mark.parametrize("origin", ["", "null", "http://evil.test", "http://packistry.test.evil.test"])
def test_a_form_sent_from_elsewhere_does_nothing(administrator: Browser, origin: str) -> None:
    shown = administrator.send("/-/sign-out", status=403, origin=origin)

    assert "another site" in shown.text
    assert "Dashboard" in administrator.open("/-/").text


def test_a_proxy_that_was_not_told_of_is_named_as_the_cause(administrator: Browser) -> None:
    shown = administrator.send("/-/sign-out", status=403, origin="https://packistry.test")

    assert "PACKISTRY_PUBLIC_URL" in shown.text


def test_signing_out_ends_the_session_and_not_only_the_cookie(administrator: Browser) -> None:
    plain = administrator.client.cookies[COOKIE]

    administrator.send("/-/sign-out")
    administrator.client.cookies.set(COOKIE, plain)

    assert administrator.open("/-/", status=303).leads_to.startswith("/-/sign-in")


@pytest.mark.parametrize(("days", "used_daily"), [(15, False), (61, True)], ids=["idle", "old"])
def test_a_session_ends_by_itself(
    administrator: Browser, monkeypatch: pytest.MonkeyPatch, days: int, *, used_daily: bool
) -> None:
    begun = clock.now()
    for day in range(1, days) if used_daily else ():
        monkeypatch.setattr(clock, "now", lambda day=day: begun + timedelta(days=day))
        administrator.client.get("/-/", follow_redirects=False)

    monkeypatch.setattr(clock, "now", lambda: begun + timedelta(days=days))

    assert administrator.open("/-/", status=303).leads_to.startswith("/-/sign-in")


def test_a_session_in_use_goes_on(administrator: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = clock.now()
    for day in (10, 20, 30):
        monkeypatch.setattr(clock, "now", lambda day=day: begun + timedelta(days=day))

        assert "Dashboard" in administrator.open("/-/").text


def test_another_password_signs_out_everywhere(administrator: Browser, house: House) -> None:
    with house.database.write() as session:
        ada = session.scalars(select(User)).one()
        reset_password(session, OPERATOR, ada, "a hash of another one")

    administrator.open("/-/", status=303)


def test_an_account_that_is_switched_off_is_signed_out(stranger: Browser, house: House) -> None:
    user_id = factories.user(house, "bob@example.test")
    stranger.sign_in(user_id)
    with house.database.write() as session:
        update_user(session, OPERATOR, session.get_one(User, user_id), active=False)

    stranger.open("/-/", status=303)


def test_the_table_holds_nothing_that_opens_a_page(administrator: Browser, house: House) -> None:
    plain = administrator.client.cookies[COOKIE]
    with house.database.read() as session:
        digest = session.scalars(select(BrowserSession.digest)).one()

    administrator.client.cookies.set(COOKIE, digest)

    assert plain != digest
    administrator.open("/-/", status=303)


@pytest.mark.usefixtures("ada")
def test_signing_in_and_out_is_in_the_audit_log(stranger: Browser, house: House) -> None:
    stranger.send("/-/sign-in", {"email": EMAIL, "password": PASSWORD})
    stranger.send("/-/sign-out")

    with house.database.read() as session:
        events = session.scalars(select(AuditEvent.event).order_by(AuditEvent.id.desc()).limit(2)).all()
    assert events == [Event.USER_SIGNED_OUT, Event.USER_SIGNED_IN]


ELSEWHERE = ["https://evil.test/-/", "//evil.test/-/", "/\\evil.test/-/", "/packages.json", "javascript:alert(1)", "-/"]


@pytest.mark.parametrize("wanted", [*ELSEWHERE, "/-/\\..//evil", "/-/\n", "//[", ""])
def test_signing_in_never_leads_to_another_place(wanted: str) -> None:
    assert safe_destination(wanted) == "/-/"


def test_signing_in_leads_to_our_pages() -> None:
    assert safe_destination("/-/packages?q=a%20b") == "/-/packages?q=a%20b"
