"""The set-up: the first administrator, and where somebody who left it goes on. Its further steps are beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from packistry.access.actors import Actor
from packistry.access.permissions import Permission
from packistry.access.rules import may
from packistry.accounts.actions import make_password_hash
from packistry.accounts.setup import GONE, is_setup_code, make_first_administrator, needs_setup
from packistry.db.engine import ReadSession
from packistry.errors import Forbidden
from packistry.packages.catalogue import Wanted, browse_packages
from packistry.packages.queries import Page as Slice
from packistry.repositories.address import chosen_public_url
from packistry.sources.queries import list_projects
from packistry.web.pages.forms import CORRECTABLE, NO_PROBLEMS, Problems, problem
from packistry.web.pages.sign_in import signed_in
from packistry.web.pages.site import Page, Site
from packistry.web.pages.visits import Visit

PATH: Final = "/-/setup"
FIELDS: Final = ("name", "email", "password")


@dataclass(frozen=True, slots=True)
class Step:
    """One of the steps, as the list on top of each page of the set-up names it."""

    key: str
    label: str


STEPS: Final = (
    Step("administrator", "Administrator"),
    Step("address", "Address"),
    Step("repository", "Repository"),
    Step("packages", "Packages"),
    Step("import", "Import"),
    Step("install", "Install"),
)


def step_page(visit: Visit, key: str, template: str, *, status: int = 200, **context: Any) -> Response:
    """A page of the set-up, with the steps and which of them this is."""
    at = [step.key for step in STEPS].index(key)
    return visit.page(template, status=status, steps=STEPS, at=at, **context)


def pages(site: Site) -> Sequence[Page]:
    """The page that needs the site itself, because it signs in."""

    def act(visit: Visit) -> Response:
        code = visit.form.text("code")
        name, email, password = visit.form.text("name"), visit.form.text("email"), visit.form.secret("password")
        with visit.database.read() as session:
            # Before the password is hashed, which is costly: nobody makes us do so without the link.
            if not is_setup_code(session, code):
                return _closed(visit)
        try:
            password_hash = make_password_hash(password)
            with visit.database.write() as session:
                user_id = make_first_administrator(
                    session, code, visit.place, name=name, email=email, password_hash=password_hash
                )
        except CORRECTABLE as refusal:
            return _form(visit, code, problem(refusal, FIELDS))
        return signed_in(visit, site.limits, user_id, f"{PATH}/address")

    return (Page(PATH, show=_show, act=act, open=True),)


def go_on(session: ReadSession, actor: Actor, setting: str | None) -> str:
    """The page of the first step that was not done yet."""
    if setting is None and chosen_public_url(session) is None:
        return f"{PATH}/address"
    _, packages = browse_packages(session, actor, Wanted(), Slice(0, 1))
    if packages:
        return f"{PATH}/install"
    return f"{PATH}/import" if list_projects(session, actor) else f"{PATH}/repository"


def _show(visit: Visit) -> Response:
    code = visit.request.query_params.get("code", "")
    with visit.database.read() as session:
        if visit.signed_in is not None:
            administers = may(visit.actor, Permission.INSTALLATION_MANAGE)
            setting = visit.parts.settings.public_url
            return visit.go(go_on(session, visit.actor, setting) if administers else "/-/")
        if not is_setup_code(session, code):
            return _closed(visit)
    return _form(visit, code, NO_PROBLEMS)


def _closed(visit: Visit) -> Response:
    """Without the link nobody sets up anything; once there is an administrator nobody does at all."""
    with visit.database.read() as session:
        waits = needs_setup(session)
    if not waits:
        return visit.go("/-/sign-in")
    raise Forbidden(GONE)


def _form(visit: Visit, code: str, problems: Problems) -> Response:
    status = 422 if problems else 200
    return step_page(visit, "administrator", "setup.html", status=status, code=code, problems=problems, form=visit.form)
