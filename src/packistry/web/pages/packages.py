"""Looking for packages."""

from typing import Final

from starlette.responses import Response

from packistry.packages.catalogue import SORTS, Wanted, browse_packages, package_types
from packistry.packages.queries import Page as Slice
from packistry.repositories.queries import list_repositories, repositories_to_publish
from packistry.web.pages.lists import asked_for
from packistry.web.pages.site import Page
from packistry.web.pages.visits import Visit


def _browse(visit: Visit) -> Response:
    """The same list for everybody: what is in public repositories. Who signed in sees more in the other one."""
    if visit.signed_in is None:
        return _list(visit)
    query = visit.request.url.query
    return visit.go(f"/-/packages?{query}" if query else "/-/packages")


def _list(visit: Visit) -> Response:
    with visit.database.read() as session:
        repositories = list_repositories(session, visit.actor)
        may_add = bool(repositories_to_publish(session, visit.actor))
        types = package_types(session, visit.actor)
        filters = {"repository": [each.path or "/" for each in repositories], "type": types}
        listing = asked_for(visit, sorts=SORTS, standard_sort="name", filters=filters)
        wanted = Wanted(listing.search.split(), listing.filters["repository"], listing.filters["type"], listing.sort)
        rows, total = browse_packages(session, visit.actor, wanted, Slice(listing.offset, listing.size))
    return visit.page(
        "packages.html",
        listing=listing.counted(total),
        rows=rows,
        repositories=repositories,
        types=types,
        may_add=may_add,
        region="packages",
        region_template="packages_region.html",
    )


PAGES: Final = (Page("/-/packages", show=_list), Page("/-/browse", show=_browse, open=True))
