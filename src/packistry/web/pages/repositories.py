"""Repositories: made, changed, deleted, and how Composer is told of one."""

from typing import Any, Final

from starlette.responses import Response

from packistry.access.permissions import Permission
from packistry.access.rules import require
from packistry.db.engine import ReadSession
from packistry.errors import NotFound
from packistry.packages.documents import repository_base
from packistry.repositories.actions import create_repository, delete_repository, update_repository
from packistry.repositories.losses import loss_of_repository
from packistry.repositories.queries import RepositorySummary, find_repository, list_repositories
from packistry.web.pages.forms import CORRECTABLE, NO_PROBLEMS, Problems, problem
from packistry.web.pages.site import Page
from packistry.web.pages.visits import Visit

FIELDS: Final = ("name", "path", "description", "public", "claims_vendors")
PATH: Final = "/-/repositories"
# The root has no path, and an address needs a word; a path of a repository never begins with a hyphen.
ROOT: Final = "-"


def _list(visit: Visit) -> Response:
    with visit.database.read() as session:
        rows = list_repositories(session, visit.actor)
    return visit.page("repositories.html", rows=rows, root=ROOT)


def _show(visit: Visit) -> Response:
    with visit.database.read() as session:
        found = _found(session, visit)
        summary = _summary(session, visit, found.id)
    base = repository_base(visit.public_base, found.path)
    return visit.page("repository.html", repository=summary, base=base, root=ROOT)


def _begin(visit: Visit) -> Response:
    return _form(visit, None, NO_PROBLEMS)


def _create(visit: Visit) -> Response:
    form = visit.form
    try:
        with visit.database.write() as session:
            create_repository(
                session,
                visit.person,
                name=form.text("name"),
                path=form.text("path"),
                description=form.text("description"),
                public=form.has("public"),
                claims_vendors=form.has("claims_vendors"),
            )
    except CORRECTABLE as refusal:
        return _form(visit, None, problem(refusal, FIELDS))
    return visit.go(f"{PATH}/{form.text('path')}")


def _edit(visit: Visit) -> Response:
    with visit.database.read() as session:
        return _form(visit, _found(session, visit), NO_PROBLEMS)


def _change(visit: Visit) -> Response:
    form = visit.form
    try:
        with visit.database.write() as session:
            found = _found(session, visit)
            update_repository(
                session,
                visit.person,
                found,
                name=form.text("name"),
                path=form.text("path") if found.path else None,
                description=form.text("description"),
                public=form.has("public"),
                claims_vendors=form.has("claims_vendors"),
            )
            path = found.path
    except CORRECTABLE as refusal:
        with visit.database.read() as session:
            return _form(visit, _found(session, visit), problem(refusal, FIELDS))
    return visit.go(f"{PATH}/{path or ROOT}")


def _delete(visit: Visit) -> Response:
    with visit.database.write() as session:
        delete_repository(session, visit.person, _found(session, visit), with_packages=True)
    return visit.go(PATH)


def _found(session: ReadSession, visit: Visit) -> Any:
    path = visit.word("repository")
    return find_repository(session, visit.actor, "" if path == ROOT else path)


def _summary(session: ReadSession, visit: Visit, repository_id: int) -> RepositorySummary:
    """As the list has it. Not found when it was deleted between two questions."""
    for each in list_repositories(session, visit.actor):
        if each.id == repository_id:
            return each
    raise NotFound("There is no such repository any more.")


def _form(visit: Visit, repository: Any, problems: Problems) -> Response:
    require(visit.actor, Permission.REPOSITORY_MANAGE)
    loss = None
    if repository is not None:
        with visit.database.read() as session:
            loss = loss_of_repository(session, repository)
    return visit.page(
        "repository_form.html",
        status=422 if problems else 200,
        repository=repository,
        loss=loss,
        problems=problems,
        form=visit.form,
        root=ROOT,
    )


PAGES: Final = (
    Page(PATH, show=_list),
    # With a hyphen, which begins no path: a repository may be called "new".
    Page(f"{PATH}/-new", show=_begin, act=_create),
    Page(f"{PATH}/{{repository}}", show=_show),
    Page(f"{PATH}/{{repository}}/settings", show=_edit, act=_change),
    Page(f"{PATH}/{{repository}}/delete", act=_delete),
)
