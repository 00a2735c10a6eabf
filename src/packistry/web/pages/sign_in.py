"""Signing in and out, and the choice between light and dark."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from starlette.responses import Response

from packistry.accounts.sessions import Limits, begin_session, end_session, forget_ended_sessions
from packistry.accounts.setup import needs_setup
from packistry.errors import Refusal, TooManyAttempts
from packistry.web.pages.forms import NO_PROBLEMS, Problems
from packistry.web.pages.site import Page, Site
from packistry.web.pages.visits import THEME_COOKIE, THEMES, Visit, cookie_name
from packistry.web.running import run

HOME: Final = "/-/"
THEME_SECONDS: Final = int(timedelta(days=365).total_seconds())


def pages(site: Site) -> Sequence[Page]:
    """The pages that need the site itself, because passwords are proved in its bounded pool."""

    async def sign_in(visit: Visit) -> Response:
        email, password = visit.form.text("email"), visit.form.secret("password")
        view = await site.identity.prove(email, password, visit.place.address)
        if view.user_id is None:
            return _form(visit, view.refusal)
        return await run(site.executor, begin, visit, view.user_id)

    def begin(visit: Visit, user_id: int) -> Response:
        return signed_in(visit, site.limits, user_id, safe_destination(_next(visit)))

    return (
        Page("/-/sign-in", show=_show, act=sign_in, open=True),
        Page("/-/sign-out", act=_sign_out),
        Page("/-/theme", act=_choose_theme, open=True),
    )


def signed_in(visit: Visit, limits: Limits, user_id: int, destination: str) -> Response:
    """Begins a session of the user in this browser and sends it on."""
    with visit.database.write() as session:
        forget_ended_sessions(session, limits)
        former = None if visit.signed_in is None else visit.signed_in.session_id
        plain = begin_session(session, user_id, visit.place, instead_of=former)
    response = visit.go(destination)
    lifetime = int(limits.absolute.total_seconds())
    name = cookie_name(visit.here)
    response.set_cookie(name, plain, max_age=lifetime, secure=visit.is_secure, httponly=True, samesite="lax")
    return response


def safe_destination(wanted: str) -> str:
    """Where to go next: a page of ours, never another host, whatever the address says."""
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return HOME
    ours = not parts.scheme and not parts.netloc and parts.path.startswith("/-/") and "\\" not in wanted
    return wanted if ours and wanted.isprintable() else HOME


def _show(visit: Visit) -> Response:
    if visit.signed_in is not None:
        return visit.go(safe_destination(visit.request.query_params.get("next", HOME)))
    with visit.database.read() as session:
        waits = needs_setup(session)
    return visit.page("sign_in.html", problems=NO_PROBLEMS, email="", next=_next(visit), waits=waits)


def _sign_out(visit: Visit) -> Response:
    assert visit.signed_in is not None, "the site lets nobody in who is not"
    with visit.database.write() as session:
        end_session(session, visit.person, visit.signed_in.session_id)
    response = visit.go("/-/sign-in")
    response.delete_cookie(cookie_name(visit.here), secure=visit.is_secure, httponly=True)
    return response


def _choose_theme(visit: Visit) -> Response:
    """For browsers without script; with it the page changes at once and says so by the same cookie."""
    chosen = visit.form.text("theme")
    response = visit.go(safe_destination(visit.form.text("next")))
    if chosen in THEMES:
        path = visit.prefix or "/"
        response.set_cookie(THEME_COOKIE, chosen, max_age=THEME_SECONDS, path=path, samesite="lax")
    return response


def _form(visit: Visit, refusal: Refusal | None) -> Response:
    sentence = "The e-mail address or the password is wrong."
    if isinstance(refusal, TooManyAttempts):
        sentence = refusal.sentence
    return visit.page(
        "sign_in.html",
        status=429 if isinstance(refusal, TooManyAttempts) else 422,
        problems=Problems({"": sentence}),
        email=visit.form.text("email"),
        next=_next(visit),
        waits=False,
    )


def _next(visit: Visit) -> str:
    return visit.form.text("next") or visit.request.query_params.get("next", HOME)
