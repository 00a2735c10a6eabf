"""Deliveries: what a code host told of, how it was answered, and playing one again."""

import json
from typing import Any, Final

from starlette.responses import Response

from packistry.db.engine import ReadSession
from packistry.errors import NotFound
from packistry.sources.browsing import DELIVERY_FILTERS, Wanted, browse_deliveries
from packistry.sources.deliveries import KEPT, DeliverySummary, find_delivery, replay_delivery, unpack
from packistry.sources.queries import source_at
from packistry.web.pages.lists import asked_for
from packistry.web.pages.site import Page
from packistry.web.pages.visits import Visit

PATH: Final = "/-/sources/{source}/deliveries"
# A push of a thousand commits has megabytes; nobody reads them here, and the rest is in the command line's answer.
SHOWN_CHARACTERS: Final = 64 * 1024


def _list(visit: Visit) -> Response:
    listing = asked_for(visit, sorts=("-id",), standard_sort="-id", filters={"show": DELIVERY_FILTERS})
    wanted = Wanted(listing.search.split(), listing.filters["show"], "", listing.offset, listing.size)
    with visit.database.read() as session:
        source = source_at(session, visit.actor, visit.number("source"))
        rows, total = browse_deliveries(session, visit.actor, source, wanted)
    return visit.page(
        "deliveries.html",
        source=source,
        kept=KEPT,
        rows=rows,
        listing=listing.counted(total),
        region="deliveries",
        region_template="deliveries_region.html",
    )


def _show(visit: Visit) -> Response:
    with visit.database.read() as session:
        found = _found(session, visit)
    body = unpack(found.delivery).decode("utf-8", "replace")
    return visit.page(
        "delivery.html",
        source=found.source,
        project=found.project,
        delivery=found.delivery,
        body=_readable(body)[:SHOWN_CHARACTERS],
        whole=len(body) <= SHOWN_CHARACTERS,
    )


def _replay(visit: Visit) -> Response:
    with visit.database.read() as session:
        found = _found(session, visit)
    again = replay_delivery(visit.database, visit.person, found.delivery.id)
    return visit.go(f"/-/sources/{found.source.id}/deliveries/{again.id}")


def _found(session: ReadSession, visit: Visit) -> DeliverySummary:
    """With the source checked first: whoever may not see it learns nothing of its deliveries."""
    source = source_at(session, visit.actor, visit.number("source"))
    found = find_delivery(session, visit.actor, visit.number("delivery"))
    if found.source.id != source.id:
        raise NotFound("There is no such delivery of this source; they are kept for 30 days.")
    return found


def _readable(body: str) -> str:
    """JSON with its lines broken; anything else as it came."""
    try:
        parsed: Any = json.loads(body)
    except ValueError:
        return body
    return json.dumps(parsed, indent=2, ensure_ascii=False)


PAGES: Final = (
    Page(PATH, show=_list),
    Page(f"{PATH}/{{delivery}}", show=_show),
    Page(f"{PATH}/{{delivery}}/replay", act=_replay),
)
