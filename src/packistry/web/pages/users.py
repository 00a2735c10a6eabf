"""Users: made, changed, given access, and taken out."""

from typing import Any, Final

from starlette.responses import Response

from packistry.access.permissions import Permission, Role
from packistry.access.rules import require
from packistry.accounts.actions import create_user, delete_user, make_password_hash, reset_password, update_user
from packistry.accounts.links import list_invitations
from packistry.accounts.losses import loss_of_user
from packistry.accounts.queries import UserSummary, list_users, summarise_user, user_at
from packistry.db.engine import WriteSession
from packistry.web.pages.access import choices, grants_in, package_lines
from packistry.web.pages.forms import CORRECTABLE, NO_PROBLEMS, Problems, problem
from packistry.web.pages.site import Page
from packistry.web.pages.visits import Visit

FIELDS: Final = ("name", "email", "role", "active", "password", "packages", "repositories")
PATH: Final = "/-/users"


def _list(visit: Visit) -> Response:
    with visit.database.read() as session:
        rows = list_users(session, visit.actor)
        invitations = list_invitations(session, visit.actor)
    return visit.page("users.html", rows=rows, invitations=invitations)


def _begin(visit: Visit) -> Response:
    return _form(visit, None, NO_PROBLEMS)


def _create(visit: Visit) -> Response:
    require(visit.actor, Permission.USER_MANAGE)
    form = visit.form
    try:
        # Before the write scope: it takes 0.2 s, and SQLite has one writer.
        password = make_password_hash(form.secret("password"))
        with visit.database.write() as session:
            create_user(
                session,
                visit.person,
                name=form.text("name"),
                email=form.text("email"),
                password_hash=password,
                role=_role(visit),
                grants=grants_in(form),
            )
    except CORRECTABLE as refusal:
        return _form(visit, None, problem(refusal, FIELDS))
    return visit.go(PATH)


def _show(visit: Visit) -> Response:
    return _form(visit, _summary(visit), NO_PROBLEMS)


def _change(visit: Visit) -> Response:
    summary = _summary(visit)
    form = visit.form
    try:
        with visit.database.write() as session:
            update_user(
                session,
                visit.person,
                _found(session, visit),
                name=form.text("name"),
                email=form.text("email"),
                role=_role(visit),
                active=form.has("active"),
                grants=grants_in(form),
            )
    except CORRECTABLE as refusal:
        return _form(visit, summary, problem(refusal, FIELDS))
    return visit.go(PATH)


def _reset(visit: Visit) -> Response:
    summary = _summary(visit)
    try:
        password = make_password_hash(visit.form.secret("password"))
    except CORRECTABLE as refusal:
        return _form(visit, summary, problem(refusal, FIELDS))
    with visit.database.write() as session:
        reset_password(session, visit.person, _found(session, visit), password)
    return visit.go(PATH)


def _delete(visit: Visit) -> Response:
    summary = _summary(visit)
    try:
        with visit.database.write() as session:
            delete_user(session, visit.person, _found(session, visit))
    except CORRECTABLE as refusal:
        return _form(visit, summary, problem(refusal, FIELDS))
    return visit.go(PATH)


def _found(session: WriteSession, visit: Visit) -> Any:
    return user_at(session, visit.actor, visit.number("user"))


def _summary(visit: Visit) -> UserSummary:
    with visit.database.read() as session:
        return summarise_user(session, user_at(session, visit.actor, visit.number("user")))


def _role(visit: Visit) -> Role:
    return Role.ADMINISTRATOR if visit.form.text("role") == Role.ADMINISTRATOR else Role.USER


def _form(visit: Visit, summary: UserSummary | None, problems: Problems) -> Response:
    require(visit.actor, Permission.USER_MANAGE)
    grants = summary.grants if summary else ()
    with visit.database.read() as session:
        given = choices(session, visit.actor, grants)
        loss = loss_of_user(session, user_at(session, visit.actor, summary.id)) if summary else None
    return visit.page(
        "user.html",
        status=422 if problems else 200,
        who=summary,
        loss=loss,
        problems=problems,
        form=visit.form,
        given=given,
        packages=visit.form.text("packages") if problems else package_lines(grants),
    )


PAGES: Final = (
    Page(PATH, show=_list),
    Page(f"{PATH}/new", show=_begin, act=_create),
    Page(f"{PATH}/{{user}}", show=_show, act=_change),
    Page(f"{PATH}/{{user}}/password", act=_reset),
    Page(f"{PATH}/{{user}}/delete", act=_delete),
)
