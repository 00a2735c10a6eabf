"""Pages that a link opens once, without signing in: another password, an invitation; and asking for such a link."""

from collections.abc import Callable, Sequence
from typing import Final

from starlette.background import BackgroundTask
from starlette.responses import Response

from packistry.accounts.actions import make_password_hash
from packistry.accounts.links import INVITATION, RESET, accept_invitation, ask_for_reset, find_link, reset_by_link
from packistry.db.engine import WriteSession
from packistry.errors import TooManyAttempts
from packistry.web.pages.forms import CORRECTABLE, NO_PROBLEMS, Problems, problem
from packistry.web.pages.sign_in import signed_in
from packistry.web.pages.site import Page, Site
from packistry.web.pages.visits import Visit
from packistry.web.throttle import Throttle

FIELDS: Final = ("name", "password")
# Mails that one address may ask for for one account; from one place five times as many.
ASKED: Final = 3
ASKED_SECONDS: Final = 3600


def pages(site: Site) -> Sequence[Page]:
    """The pages of links. They need the site, for the sessions that begin and for its one count of who asks."""
    asked = Throttle(ASKED, ASKED_SECONDS)

    async def forgotten(visit: Visit) -> Response:
        email = visit.form.text("email")
        wait = asked.wait_seconds(email, visit.place.address)
        if wait:
            raise TooManyAttempts(f"Links were asked for too often from here; try again in {-(-wait // 60)} minutes.")
        asked.failed(email, visit.place.address)
        response = visit.page("forgotten.html", mails=visit.mails, sent=True)
        # After the answer, so that nobody reads from its time whether there is such an account.
        response.background = BackgroundTask(_ask, visit, email) if visit.mails else None
        return response

    def enter(visit: Visit, kind: str, use: Callable[[WriteSession, str], int]) -> Response:
        secret = visit.word("secret")
        with visit.database.read() as session:
            # Before the hash, which costs 0.2 s: only for whoever holds a link.
            link = find_link(session, kind, secret)
        try:
            hashed = make_password_hash(visit.form.secret("password"))
            with visit.database.write() as session:
                user_id = use(session, hashed)
        except CORRECTABLE as refusal:
            return _form(visit, link.email, kind, problem(refusal, FIELDS))
        return signed_in(visit, site.limits, user_id, "/-/")

    def reset(visit: Visit) -> Response:
        def use(session: WriteSession, hashed: str) -> int:
            return reset_by_link(session, visit.word("secret"), hashed, visit.place.address).id

        return enter(visit, RESET, use)

    def accept(visit: Visit) -> Response:
        def use(session: WriteSession, hashed: str) -> int:
            secret, name = visit.word("secret"), visit.form.text("name")
            return accept_invitation(session, secret, name=name, password_hash=hashed, address=visit.place.address).id

        return enter(visit, INVITATION, use)

    return (
        Page("/-/forgotten", show=_forgotten, act=forgotten, open=True),
        Page("/-/reset/{secret}", show=_show(RESET), act=reset, open=True),
        Page("/-/invitation/{secret}", show=_show(INVITATION), act=accept, open=True),
    )


def _forgotten(visit: Visit) -> Response:
    return visit.page("forgotten.html", mails=visit.mails, sent=False)


def _ask(visit: Visit, email: str) -> None:
    with visit.database.write() as session:
        ask_for_reset(session, email, visit.place.address)


def _show(kind: str) -> Callable[[Visit], Response]:
    def show(visit: Visit) -> Response:
        with visit.database.read() as session:
            link = find_link(session, kind, visit.word("secret"))
        return _form(visit, link.email, kind, NO_PROBLEMS)

    return show


def _form(visit: Visit, email: str, kind: str, problems: Problems) -> Response:
    return visit.page(
        "link.html",
        status=422 if problems else 200,
        invited=kind == INVITATION,
        email=email,
        problems=problems,
        form=visit.form,
        action=visit.request.url.path.removeprefix(visit.prefix),
    )
