"""The visitor's own account: browsers that are signed in, and another password."""

from collections.abc import Sequence
from typing import Final

from starlette.responses import Response

from packistry.accounts.actions import change_password, make_password_hash
from packistry.accounts.sessions import end_other_sessions, end_session, list_sessions
from packistry.errors import TooManyAttempts
from packistry.web.pages.forms import CORRECTABLE, NO_PROBLEMS, Problems, problem
from packistry.web.pages.site import Page, Site
from packistry.web.pages.visits import Visit
from packistry.web.running import run

PATH: Final = "/-/profile"


def pages(site: Site) -> Sequence[Page]:
    """The pages of the profile. They need the site, because the present password is proved in its bounded pool."""

    def show(visit: Visit) -> Response:
        return shown(visit, NO_PROBLEMS)

    def shown(visit: Visit, problems: Problems) -> Response:
        assert visit.signed_in is not None, "the site lets nobody in who is not"
        with visit.database.read() as session:
            sessions = list_sessions(session, visit.person, site.limits)
        return visit.page(
            "profile.html",
            status=422 if problems else 200,
            sessions=sessions,
            own=visit.signed_in.session_id,
            problems=problems,
        )

    async def change(visit: Visit) -> Response:
        view = await site.identity.prove(visit.person.name, visit.form.secret("present"), visit.place.address)
        refusal = view.refusal
        if refusal is not None:
            told = refusal.sentence if isinstance(refusal, TooManyAttempts) else "This is not the present password."
            return await run(site.executor, shown, visit, Problems({"present": told}))
        return await run(site.executor, changed, visit)

    def changed(visit: Visit) -> Response:
        assert visit.signed_in is not None, "the site lets nobody in who is not"
        try:
            password = make_password_hash(visit.form.secret("password"))
        except CORRECTABLE as refusal:
            return shown(visit, problem(refusal, ("password",)))
        with visit.database.write() as session:
            change_password(session, visit.person, password, keep_session=visit.signed_in.session_id)
        return visit.go(PATH)

    def end(visit: Visit) -> Response:
        with visit.database.write() as session:
            end_session(session, visit.person, visit.number("session"))
        return visit.go(PATH)

    def end_others(visit: Visit) -> Response:
        assert visit.signed_in is not None, "the site lets nobody in who is not"
        with visit.database.write() as session:
            end_other_sessions(session, visit.person, visit.signed_in.session_id)
        return visit.go(PATH)

    return (
        Page(PATH, show=show, act=change),
        Page(f"{PATH}/sessions/end-others", act=end_others),
        Page(f"{PATH}/sessions/{{session}}/end", act=end),
    )
