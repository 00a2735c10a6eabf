"""The audit log: who did what, on what, from where, when; and all of it as a file."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from starlette.responses import Response

from packistry import clock
from packistry.access.permissions import Permission
from packistry.access.rules import require
from packistry.audit.events import Event
from packistry.audit.export import as_csv, as_json_lines, next_batch
from packistry.audit.queries import ACTOR_KINDS, Asked, list_events
from packistry.web.pages.lists import Listing, asked_for
from packistry.web.pages.site import Page, Site
from packistry.web.pages.visits import Visit
from packistry.web.running import run

PATH: Final = "/-/audit"
# What events are about, as the part before the dot names it.
NOUNS: Final = tuple(dict.fromkeys(event.value.partition(".")[0] for event in Event))
CSV, JSON_LINES = "csv", "jsonl"
CONTENT_TYPES: Final = {CSV: "text/csv; charset=utf-8", JSON_LINES: "application/jsonl"}


@dataclass(frozen=True, slots=True)
class Export:
    """A file that was asked for."""

    visit: Visit
    site: Site
    asked: Asked
    form: str

    async def chunks(self) -> AsyncIterator[bytes]:
        """The file, in parts; the event loop is never held, nor the database between two of them."""
        before: int | None = None
        while True:
            rows = await run(self.site.executor, next_batch, self.visit.database, self.visit.actor, self.asked, before)
            if rows or before is None:
                yield as_csv(rows, heading=before is None) if self.form == CSV else as_json_lines(rows)
            if not rows:
                return
            before = rows[-1].id


def pages(site: Site) -> Sequence[Page]:
    """The pages of the log. They need the site, because a file is read in its threads."""

    async def export(visit: Visit) -> Response:
        require(visit.actor, Permission.AUDIT_READ)
        wanted = visit.request.query_params.get("format", CSV)
        form = wanted if wanted in CONTENT_TYPES else CSV
        chunks = Export(visit, site, _asked(_listing(visit)), form).chunks()
        return visit.file(chunks, f"audit-{clock.now():%Y-%m-%d}.{form}", CONTENT_TYPES[form])

    return (Page(PATH, show=_list), Page(f"{PATH}/export", show=export))


def _list(visit: Visit) -> Response:
    require(visit.actor, Permission.AUDIT_READ)
    listing = _listing(visit)
    with visit.database.read() as session:
        rows, total = list_events(session, visit.actor, _asked(listing), offset=listing.offset, limit=listing.size)
    return visit.page(
        "audit.html",
        listing=listing.counted(total),
        rows=rows,
        nouns=NOUNS,
        actor_kinds=ACTOR_KINDS,
        region="audit",
        region_template="audit_region.html",
    )


def _listing(visit: Visit) -> Listing:
    filters: dict[str, Sequence[str]] = {"event": [*NOUNS, *Event], "actor": ACTOR_KINDS}
    filters |= {"address": (), "since": (), "until": ()}
    return asked_for(visit, sorts=("-at",), standard_sort="-at", filters=filters)


def _asked(listing: Listing) -> Asked:
    chosen = listing.filters
    return Asked(
        event=chosen["event"],
        words=listing.search.split(),
        actor=chosen["actor"],
        address=chosen["address"],
        since=_day(chosen["since"]),
        until=_day(chosen["until"]),
    )


def _day(text: str) -> date | None:
    """The day that a field of a form names; None for what is none, which asks for nothing."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
