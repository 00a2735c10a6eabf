"""Links that an administrator makes for others: invitations, and another password. Each is shown once."""

from typing import Final

from starlette.responses import Response

from packistry.access.permissions import Permission, Role
from packistry.access.rules import require
from packistry.accounts.links import INVITATION, RESET, invite, make_reset_link, revoke_invitation
from packistry.accounts.mailing import PLACES
from packistry.accounts.queries import user_at
from packistry.web.pages.access import choices, grants_in
from packistry.web.pages.forms import CORRECTABLE, NO_PROBLEMS, Problems, problem
from packistry.web.pages.site import Page
from packistry.web.pages.visits import Visit

PATH: Final = "/-/users"
FIELDS: Final = ("email", "role", "packages", "repositories")


def _begin(visit: Visit) -> Response:
    return _form(visit, NO_PROBLEMS)


def _invite(visit: Visit) -> Response:
    form = visit.form
    mailed = form.has("mail") and visit.mails
    role = Role.ADMINISTRATOR if form.text("role") == Role.ADMINISTRATOR else Role.USER
    try:
        with visit.database.write() as session:
            link, plain = invite(
                session,
                visit.person,
                email=form.text("email"),
                role=role,
                grants=grants_in(form),
                mailed=mailed,
            )
            email = link.email
    except CORRECTABLE as refusal:
        return _form(visit, problem(refusal, FIELDS))
    return visit.go(PATH) if mailed else _shown(visit, INVITATION, email, plain)


def _reset(visit: Visit) -> Response:
    with visit.database.write() as session:
        user = user_at(session, visit.actor, visit.number("user"))
        plain = make_reset_link(session, visit.person, user)
        email = user.email
    return _shown(visit, RESET, email, plain)


def _revoke(visit: Visit) -> Response:
    with visit.database.write() as session:
        revoke_invitation(session, visit.person, visit.number("invitation"))
    return visit.go(PATH)


def _shown(visit: Visit, kind: str, email: str, plain: str) -> Response:
    return visit.page(
        "link_made.html",
        invited=kind == INVITATION,
        email=email,
        link=f"{visit.public_base}{PLACES[kind]}/{plain}",
    )


def _form(visit: Visit, problems: Problems) -> Response:
    require(visit.actor, Permission.USER_MANAGE)
    with visit.database.read() as session:
        given = choices(session, visit.actor, ())
    return visit.page(
        "invite.html",
        status=422 if problems else 200,
        problems=problems,
        form=visit.form,
        given=given,
        packages=visit.form.text("packages"),
        mails=visit.mails,
    )


PAGES: Final = (
    Page(f"{PATH}/invite", show=_begin, act=_invite),
    Page(f"{PATH}/invitations/{{invitation}}/revoke", act=_revoke),
    Page(f"{PATH}/{{user}}/reset-link", act=_reset),
)
