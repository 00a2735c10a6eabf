"""The set-up's way by a code host: a credential that is tried before it is kept, and the projects to import."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import Response

from packistry.access.permissions import Permission
from packistry.access.rules import require
from packistry.errors import AddressRefused, InvalidInput, NotFound, Refusal
from packistry.findings import CheckLine, Finding
from packistry.findings import refused as told
from packistry.repositories.queries import find_repository
from packistry.sources.connecting import describe_fields, filled_in, find_provider
from packistry.sources.desk import SeenProject, Wish
from packistry.sources.queries import source_at
from packistry.sources.token_pages import token_page
from packistry.sources.trying import try_out
from packistry.web.pages.forms import CORRECTABLE, NO_PROBLEMS, Problems, problem
from packistry.web.pages.lists import Listing, asked_for
from packistry.web.pages.setup import PATH, step_page
from packistry.web.pages.setup_packages import ROOT, carrying, within
from packistry.web.pages.site import Page
from packistry.web.pages.sources import HOST_SAYS_NO, field_values
from packistry.web.pages.visits import Visit

# More imports at once than anybody wants to watch in a first run, and than a host likes to be asked for.
MOST_AT_ONCE: Final = 100


def _begin(visit: Visit) -> Response:
    require(visit.actor, Permission.SOURCE_MANAGE)
    return _connect_form(visit, [], NO_PROBLEMS)


def _connect(visit: Visit) -> Response:
    """Tries the credential, and keeps it when the host takes it."""
    require(visit.actor, Permission.SOURCE_MANAGE)
    provider = find_provider(visit.word("provider"))
    fields = ("name", "url", *(field.name for field in provider.fields))
    desk = visit.parts.desk
    try:
        filled = filled_in(provider.name, visit.form.text("url") or None, field_values(visit))
        lines = try_out(desk.connector, visit.person, filled).lines
        if any(line.finding is Finding.BAD for line in lines):
            return _connect_form(visit, lines, NO_PROBLEMS)
        source = desk.connect(visit.person, visit.form.text("name") or provider.label, filled)
    except (*CORRECTABLE, AddressRefused) as refusal:
        return _connect_form(visit, [], problem(refusal, fields))
    except HOST_SAYS_NO as refusal:
        return _connect_form(visit, [told(refusal)], NO_PROBLEMS)
    return visit.go(carrying(f"{PATH}/projects/{source.id}", within(visit), tested="1"))


def _connect_form(visit: Visit, lines: Sequence[CheckLine], problems: Problems) -> Response:
    provider = find_provider(visit.word("provider"))
    repository = within(visit)
    sent = bool(lines or problems)
    return step_page(
        visit,
        "packages",
        "setup_source.html",
        status=422 if sent else 200,
        provider=provider,
        fields=describe_fields(provider),
        lines=lines,
        problems=problems,
        form=visit.form,
        sent=sent,
        token_page=token_page(provider.name, visit.form.text("url") or provider.default_address),
        action=carrying(f"{PATH}/source/{provider.name}", repository),
        back=carrying(f"{PATH}/packages", repository),
    )


def _projects(visit: Visit) -> Response:
    return _choose(visit, NO_PROBLEMS)


def _add(visit: Visit) -> Response:
    """Adds what was chosen, with the host's calls where it can be asked for them, and begins to import."""
    require(visit.actor, Permission.SOURCE_MANAGE)
    names = [*visit.form.all("project"), *visit.form.text("names").split()]
    path = within(visit)
    try:
        if not 0 < len(names) <= MOST_AT_ONCE:
            raise InvalidInput(f"Choose 1 to {MOST_AT_ONCE} projects, or write their names.", field="names")
        with visit.database.read() as session:
            source = source_at(session, visit.actor, visit.number("source"))
            target = find_repository(session, visit.actor, path)
        wish = Wish(target.id, hooked=find_provider(source.provider).has_hooks)
        visit.parts.desk.add(visit.person, source.name, names, wish)
    except (*CORRECTABLE, *HOST_SAYS_NO, NotFound) as refusal:
        return _choose(visit, problem(refusal, ("names",)))
    return visit.go(carrying(f"{PATH}/import", path))


def _choose(visit: Visit, problems: Problems) -> Response:
    require(visit.actor, Permission.SOURCE_MANAGE)
    repository = within(visit)
    with visit.database.read() as session:
        source = source_at(session, visit.actor, visit.number("source"))
    listing = asked_for(visit, sorts=("-changed",), standard_sort="-changed", filters={"repository": (), "tested": ()})
    lines, found, refused = _asked_host(visit, source.name, listing)
    listing = listing.counted(len(found))
    path = f"{PATH}/projects/{source.id}"
    return step_page(
        visit,
        "packages",
        "setup_projects.html",
        status=422 if problems else 200,
        source=source,
        provider=find_provider(source.provider),
        listing=listing,
        rows=found[listing.offset : listing.offset + listing.size],
        lines=lines,
        refused=refused,
        problems=problems,
        form=visit.form,
        action=f"{path}?{urlencode({'repository': repository or ROOT, 'q': listing.search, 'page': listing.page})}",
        back=carrying(f"{PATH}/packages", repository),
    )


def _asked_host(
    visit: Visit, name: str, listing: Listing
) -> tuple[Sequence[CheckLine], list[SeenProject], Refusal | None]:
    """What the host says of the credential when that is new, and the projects that are packages: the newest first."""
    desk, lines = visit.parts.desk, list[CheckLine]()
    try:
        if listing.filters["tested"]:
            lines.extend(desk.check(visit.person, name).lines)
        found = [
            each
            for each in desk.projects(visit.person, name, search=listing.search)
            if each.is_package is not False and not each.added
        ]
    except HOST_SAYS_NO as refusal:
        return lines, [], refusal
    return lines, sorted(found, key=_newest_first), None


def _newest_first(seen: SeenProject) -> tuple[float, Any]:
    changed = seen.project.changed_at
    return (-changed.timestamp() if changed else 0.0, seen.project.full_name)


PAGES: Final = (
    Page(f"{PATH}/source/{{provider}}", show=_begin, act=_connect, asks_host=True),
    Page(f"{PATH}/projects/{{source}}", show=_projects, act=_add, asks_host=True),
)
