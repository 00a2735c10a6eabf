"""The audit log: who did what, on what, from where, when."""

from typing import Final

from starlette.responses import Response

from packistry.access.permissions import Permission
from packistry.access.rules import require
from packistry.audit.events import Event
from packistry.audit.queries import Asked, list_events
from packistry.web.pages.lists import asked_for
from packistry.web.pages.site import Page
from packistry.web.pages.visits import Visit

# What events are about, as the part before the dot names it.
NOUNS: Final = tuple(dict.fromkeys(event.value.partition(".")[0] for event in Event))


def _list(visit: Visit) -> Response:
    require(visit.actor, Permission.AUDIT_READ)
    listing = asked_for(visit, sorts=("-at",), standard_sort="-at", filters={"event": [*NOUNS, *Event]})
    asked = Asked(listing.filters["event"], listing.search.split())
    with visit.database.read() as session:
        rows, total = list_events(session, visit.actor, asked, offset=listing.offset, limit=listing.size)
    return visit.page(
        "audit.html",
        listing=listing.counted(total),
        rows=rows,
        nouns=NOUNS,
        region="audit",
        region_template="audit_region.html",
    )


PAGES: Final = (Page("/-/audit", show=_list),)
