"""Another password and invitations by page: who gets in, once, and where the link must not be seen."""

import re
from typing import Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from packistry.accounts.links import make_reset_link
from packistry.accounts.mailing import due_mails
from packistry.db.models import AccountLink, BrowserSession, User
from packistry.house import House
from packistry.settings import Settings
from packistry.web.pages import links
from packistry.web.pages.rendering import device
from packistry.web.pages.visits import COOKIE
from tests import factories
from tests.factories import OPERATOR, PASSWORD
from tests.web.callers import set_password
from tests.web.pages.browser import Browser

LINK = re.compile(r"http://packistry\.test(/-/(?:reset|invitation)/[\w-]+)")


def link_on(html: str) -> str:
    """The path of the link that a page shows."""
    found = LINK.search(html)
    assert found is not None, html
    return found[1]


def test_an_administrator_makes_a_link_by_which_a_user_gets_in_with_another_password(
    administrator: Browser, house: House
) -> None:
    bob = factories.user(house, "bob@example.test")
    link = link_on(administrator.send(f"/-/users/{bob}/reset-link", status=200).html)
    administrator.client.cookies.clear()

    form = administrator.open(link)
    short = administrator.send(link, {"password": "short"}, status=422)
    signed_in = administrator.send(link, {"password": "a new and long one"})
    again = administrator.open(link, status=410)

    assert "bob@example.test" in form.text
    assert "A password has 10 to" in short.text
    assert signed_in.leads_to == "/-/"
    assert "bob@example.test" in administrator.open("/-/profile").text
    assert "used already" in again.text
    assert "/-/" in again.links


def test_whoever_is_invited_begins_with_what_was_given(administrator: Browser, house: House) -> None:
    factories.repository(house, "customers")
    fields = {"email": "eve@example.test", "role": "user", "repository:customers": "read"}
    link = link_on(administrator.send("/-/users/invite", fields, status=200).html)
    waiting = administrator.open("/-/users").text
    administrator.client.cookies.clear()

    administrator.send(link, {"name": "Eve", "password": "a new and long one"})

    assert "eve@example.test" in waiting
    assert "customers" in administrator.open("/-/repositories").text
    administrator.open("/-/users", status=403)


def test_an_invitation_that_cannot_be_is_refused_beside_its_field(administrator: Browser) -> None:
    shown = administrator.send("/-/users/invite", {"email": "ada@example.test"}, status=422)

    assert "There is already a user ada@example.test" in shown.text


def test_an_invitation_is_taken_back_by_page(administrator: Browser) -> None:
    link = link_on(administrator.send("/-/users/invite", {"email": "eve@example.test"}, status=200).html)

    administrator.send("/-/users/invitations/1/revoke")

    administrator.open(link, status=410)
    assert "eve@example.test" not in administrator.open("/-/users").text


def test_only_administrators_make_links_by_page(plain_user: Browser) -> None:
    for path in ("/-/users/1/reset-link", "/-/users/invite", "/-/users/invitations/1/revoke"):
        plain_user.send(path, {"email": "eve@example.test"}, status=403)


def test_a_link_is_kept_from_logs_caches_and_other_sites(
    stranger: Browser, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = factories.user(house, "bob@example.test")
    with house.database.write() as session:
        plain = make_reset_link(session, OPERATOR, session.get_one(User, bob))
    headers = stranger.open(f"/-/reset/{plain}").answer.headers

    def broken(*_: object) -> Any:
        raise RuntimeError

    monkeypatch.setattr(links, "_form", broken)
    with capture_logs() as lines:
        stranger.send(f"/-/reset/{plain}", {"password": "short"}, status=500)

    assert headers["referrer-policy"] == "strict-origin"
    assert headers["cache-control"] == "no-store"
    assert [line["path"] for line in lines if line["event"] == "page.fault"] == ["/-/reset/{secret}"]
    assert plain not in str(lines)


def test_without_mail_the_page_says_who_can_help(stranger: Browser) -> None:
    assert "packistry user reset-link" in stranger.open("/-/forgotten").text


class TestWithMail:
    """Where a mail server is set."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        mail = {"smtp_host": "mail.test", "smtp_from": "packages@example.test"}
        return settings.model_copy(update={**mail, "public_url": "http://packistry.test"})

    def test_asking_for_a_link_tells_nobody_which_accounts_there_are(self, stranger: Browser, house: House) -> None:
        factories.user(house, "bob@example.test")

        known = stranger.send("/-/forgotten", {"email": "bob@example.test"}, status=200)
        unknown = stranger.send("/-/forgotten", {"email": "nobody@example.test"}, status=200)

        assert known.html == unknown.html
        with house.database.read() as session:
            [link_id] = due_mails(session)
            assert session.get_one(AccountLink, link_id).email == "bob@example.test"

    def test_asking_too_often_is_refused(self, stranger: Browser) -> None:
        for _ in range(links.ASKED):
            stranger.send("/-/forgotten", {"email": "bob@example.test"}, status=200)

        refused = stranger.send("/-/forgotten", {"email": "BOB@example.test"}, status=429)
        other = stranger.send("/-/forgotten", {"email": "eve@example.test"}, status=200)

        assert "asked for too often" in refused.text
        assert "Look into your mail" in other.text

    def test_an_invitation_goes_by_mail_and_is_not_shown(self, administrator: Browser, house: House) -> None:
        administrator.send("/-/users/invite", {"email": "eve@example.test", "mail": "yes"})

        with house.database.read() as session:
            assert len(due_mails(session)) == 1
        assert "the mail is on its way" in administrator.open("/-/users").text


def test_signing_in_again_ends_the_session_that_the_browser_had(stranger: Browser, house: House) -> None:
    bob = factories.user(house, "bob@example.test")
    set_password(house, bob, PASSWORD)
    stranger.sign_in(bob)
    before = stranger.client.cookies[COOKIE]

    stranger.send("/-/sign-in", {"email": "bob@example.test", "password": PASSWORD})

    assert stranger.client.cookies.get(COOKIE, domain="packistry.test") != before
    with house.database.read() as session:
        assert len(session.scalars(select(BrowserSession)).all()) == 1


def test_all_other_browsers_are_signed_out_at_once(plain_user: Browser, house: House) -> None:
    with house.database.read() as session:
        bob = session.scalars(select(User.id).where(User.email == "bob@example.test")).one()
    plain_user.sign_in(bob).sign_in(bob)

    plain_user.send("/-/profile/sessions/end-others")

    assert "this browser" in plain_user.open("/-/profile").text
    with house.database.read() as session:
        assert len(session.scalars(select(BrowserSession)).all()) == 1


BROWSERS = [
    ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
    ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/142.0 Safari/537.36 Edg/142.0", "Edge on Windows"),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
    ("curl/8.1", "curl/8.1"),
    ("", "unknown browser"),
]


@pytest.mark.parametrize(("client", "name"), BROWSERS, ids=[row[1] for row in BROWSERS])
def test_a_browser_is_called_as_people_call_it(client: str, name: str) -> None:
    assert device(client) == name
