"""Sources: code hosts that are connected, tried, given another credential, and looked through for projects."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from starlette.responses import Response

from packistry.access.permissions import Permission
from packistry.access.rules import require
from packistry.db.engine import ReadSession
from packistry.errors import AddressRefused, HostRefused, InvalidInput, Refusal, Unavailable
from packistry.repositories.queries import find_repository, list_repositories
from packistry.sources.actions import delete_source
from packistry.sources.browsing import PROJECT_FILTERS, PROJECT_SORTS, Wanted, browse_projects, loss_of_source
from packistry.sources.connecting import describe_fields, filled_in, find_provider, providers_there_are
from packistry.sources.desk import Wish
from packistry.sources.hooks import list_hooks
from packistry.sources.queries import list_sources, source_at
from packistry.web.pages.forms import CORRECTABLE, NO_PROBLEMS, Problems, problem
from packistry.web.pages.lists import asked_for
from packistry.web.pages.site import Page
from packistry.web.pages.visits import Visit

PATH: Final = "/-/sources"
# What a host, or the way to it, may say no with: shown on the page that asked.
HOST_SAYS_NO: Final = (HostRefused, Unavailable, AddressRefused)
# More rows than anybody reads; a search finds the others.
MOST_SHOWN: Final = 200


def _list(visit: Visit) -> Response:
    with visit.database.read() as session:
        rows = list_sources(session, visit.actor)
    return visit.page("sources.html", rows=rows, providers=providers_there_are())


def _begin(visit: Visit) -> Response:
    require(visit.actor, Permission.SOURCE_MANAGE)
    return _connect_form(visit, NO_PROBLEMS)


def _connect(visit: Visit) -> Response:
    require(visit.actor, Permission.SOURCE_MANAGE)
    provider = find_provider(visit.word("provider"))
    names = ("name", "url", *(field.name for field in provider.fields))
    try:
        filled = filled_in(provider.name, visit.form.text("url") or None, field_values(visit))
        source = visit.parts.desk.connect(visit.person, visit.form.text("name"), filled)
    except (*CORRECTABLE, AddressRefused) as refusal:
        return _connect_form(visit, problem(refusal, names))
    return visit.go(f"{PATH}/{source.id}?test=1")


def _show(visit: Visit) -> Response:
    return _page_of(visit, tested=bool(visit.request.query_params.get("test")))


def _test(visit: Visit) -> Response:
    return _page_of(visit, tested=True)


def _page_of(visit: Visit, *, tested: bool = False, problems: Problems = NO_PROBLEMS) -> Response:
    with visit.database.read() as session:
        source = source_at(session, visit.actor, visit.number("source"))
    # What replaces only the list asks the host for nothing.
    tested = tested and "x-partial" not in visit.request.headers
    report, refused = _report(visit, source.name) if tested else (None, None)
    listing = replace(
        asked_for(visit, sorts=PROJECT_SORTS, standard_sort="name", filters={"show": PROJECT_FILTERS}),
        path=visit.to(f"{PATH}/{source.id}"),
    )
    wanted = Wanted(listing.search.split(), listing.filters["show"], listing.sort, listing.offset, listing.size)
    with visit.database.read() as session:
        source = source_at(session, visit.actor, source.id)
        projects, found = browse_projects(session, visit.actor, source, wanted)
        hooks = list_hooks(session, visit.actor, source)
        loss = loss_of_source(session, source)
    provider = find_provider(source.provider)
    return visit.page(
        "source.html",
        status=422 if problems else 200,
        source=source,
        provider=provider,
        projects=projects,
        listing=listing.counted(found),
        region="projects",
        region_template="source_projects_region.html",
        hooks=hooks,
        loss=loss,
        report=report,
        refused=refused,
        problems=problems,
        fields=describe_fields(provider),
        form=visit.form,
    )


def _report(visit: Visit, name: str) -> tuple[Any, Refusal | None]:
    try:
        return visit.parts.desk.check(visit.person, name), None
    except HOST_SAYS_NO as refusal:
        return None, refusal


def _rotate(visit: Visit) -> Response:
    with visit.database.read() as session:
        source = source_at(session, visit.actor, visit.number("source"))
    names = [field.name for field in find_provider(source.provider).fields]
    try:
        visit.parts.desk.rotate(visit.person, source.name, field_values(visit))
    except CORRECTABLE as refusal:
        return _page_of(visit, problems=problem(refusal, names))
    return visit.go(f"{PATH}/{source.id}?test=1")


def _delete(visit: Visit) -> Response:
    with visit.database.write() as session:
        delete_source(session, visit.person, source_at(session, visit.person, visit.number("source")))
    return visit.go(PATH)


def _projects(visit: Visit) -> Response:
    """What the host has, to choose from."""
    with visit.database.read() as session:
        source = source_at(session, visit.actor, visit.number("source"))
    search = visit.request.query_params.get("q", "").strip()
    try:
        found = [*visit.parts.desk.projects(visit.person, source.name, search=search)]
        refused = None
    except HOST_SAYS_NO as refusal:
        found, refused = [], refusal
    return _choose(visit, source, found, NO_PROBLEMS, refused=refused, search=search)


def _add(visit: Visit) -> Response:
    with visit.database.read() as session:
        source = source_at(session, visit.actor, visit.number("source"))
        target = _target(session, visit)
    names = [*visit.form.all("project"), *visit.form.text("names").split()]
    wish = Wish(target.id, directory=visit.form.text("path"), hooked=visit.form.has("hook"))
    try:
        if not names:
            raise InvalidInput("Choose a project, or write its name.", field="names")
        added = visit.parts.desk.add(visit.person, source.name, names, wish)
    except (*CORRECTABLE, *HOST_SAYS_NO) as refusal:
        return _choose(visit, source, [], problem(refusal, ("names", "path")), refused=None, search="")
    progress = f"/-/imports/{added[0].run_id}" if len(added) == 1 else "/-/imports"
    hooks = [each.hook for each in added if each.hook is not None and each.hook.secret is not None]
    # Of a host that cannot be asked to call, a person sets the hook up; its secret is shown this once.
    return (
        visit.page("hook_secrets.html", source=source, hooks=hooks, progress=progress) if hooks else visit.go(progress)
    )


def _choose(
    visit: Visit, source: Any, found: list[Any], problems: Problems, *, refused: Refusal | None, search: str
) -> Response:
    with visit.database.read() as session:
        repositories = list_repositories(session, visit.actor)
    # Packages first, and of them those that are not here yet.
    ordered = sorted(found, key=lambda each: (each.is_package is False, bool(each.added), each.project.full_name))
    return visit.page(
        "source_projects.html",
        status=422 if problems else 200,
        source=source,
        provider=find_provider(source.provider),
        rows=ordered[:MOST_SHOWN],
        total=len(found),
        search=search,
        repositories=repositories,
        problems=problems,
        refused=refused,
        form=visit.form,
    )


def _target(session: ReadSession, visit: Visit) -> Any:
    path = visit.form.text("repository", "/")
    return find_repository(session, visit.actor, "" if path == "/" else path)


def field_values(visit: Visit) -> Mapping[str, str]:
    """What was filled in for the provider's own fields, whose names begin with "field:" in forms."""
    return {name.removeprefix("field:"): visit.form.secret(name) for name in visit.form.values if name[:6] == "field:"}


def _connect_form(visit: Visit, problems: Problems) -> Response:
    provider = find_provider(visit.word("provider"))
    return visit.page(
        "source_connect.html",
        status=422 if problems else 200,
        provider=provider,
        fields=describe_fields(provider),
        problems=problems,
        form=visit.form,
    )


PAGES: Final = (
    Page(PATH, show=_list),
    Page(f"{PATH}/new/{{provider}}", show=_begin, act=_connect, asks_host=True),
    Page(f"{PATH}/{{source}}", show=_show, asks_host=True),
    Page(f"{PATH}/{{source}}/test", act=_test, asks_host=True),
    Page(f"{PATH}/{{source}}/credential", act=_rotate, asks_host=True),
    Page(f"{PATH}/{{source}}/delete", act=_delete),
    Page(f"{PATH}/{{source}}/projects", show=_projects, act=_add, asks_host=True),
)
