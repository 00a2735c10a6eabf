"""Imports: which run, what became of each ref, and what to do about those that failed."""

from collections.abc import Sequence
from typing import Final

from starlette.responses import Response, StreamingResponse

from packistry.access.permissions import Permission
from packistry.access.rules import require
from packistry.sources.actions import cancel_run, retry_run
from packistry.sources.browsing import URGENCY, Wanted, browse_refs
from packistry.sources.pushes import retry_refs
from packistry.sources.queries import find_run, summarise_run
from packistry.sources.runs import FAILED, RUNNING, browse_runs
from packistry.sources.states import OPEN, RefState
from packistry.web.pages.forms import CORRECTABLE
from packistry.web.pages.lists import asked_for
from packistry.web.pages.live import STREAM_HEADERS, LiveRuns
from packistry.web.pages.site import Page, Site
from packistry.web.pages.visits import Visit
from packistry.web.running import run

PATH: Final = "/-/imports"
STATES: Final = tuple(str(state) for state in URGENCY)


def pages(site: Site) -> Sequence[Page]:
    """The pages of imports. They need the site, because all streams of a worker share one look at the database."""
    live = LiveRuns(site.parts.database, site.executor)

    async def follow(visit: Visit) -> Response:
        run_id = await run(site.executor, _run_of, visit) if "run" in visit.request.path_params else None
        require(visit.actor, Permission.SOURCE_MANAGE)
        live.refuse_too_many(visit.person.user_id)
        return StreamingResponse(live.stream(visit.person.user_id, run_id), 200, STREAM_HEADERS)

    return (
        Page(PATH, show=_list),
        Page(f"{PATH}/events", show=follow),
        Page(f"{PATH}/{{run}}", show=_show),
        Page(f"{PATH}/{{run}}/events", show=follow),
        Page(f"{PATH}/{{run}}/cancel", act=_cancel),
        Page(f"{PATH}/{{run}}/retry", act=_retry),
    )


def _run_of(visit: Visit) -> int:
    """The number of the run, which is there and may be seen."""
    with visit.database.read() as session:
        return find_run(session, visit.actor, visit.number("run")).id


def _list(visit: Visit) -> Response:
    listing = asked_for(visit, sorts=("-id",), standard_sort="-id", filters={"show": (RUNNING, FAILED)})
    with visit.database.read() as session:
        rows, total = browse_runs(
            session, visit.actor, listing.filters["show"], offset=listing.offset, limit=listing.size
        )
    return visit.page(
        "imports.html",
        listing=listing.counted(total),
        rows=rows,
        running=any(row.run.state in OPEN for row in rows),
        region="imports",
        region_template="imports_region.html",
    )


def _show(visit: Visit) -> Response:
    listing = asked_for(visit, sorts=("name",), standard_sort="", filters={"state": STATES})
    wanted = Wanted(listing.search.split(), listing.filters["state"], listing.sort, listing.offset, listing.size)
    with visit.database.read() as session:
        found_run = find_run(session, visit.actor, visit.number("run"))
        summary = summarise_run(session, found_run)
        refs, found = browse_refs(session, visit.actor, found_run, wanted)
    total = sum(summary.refs.values())
    return visit.page(
        "import.html",
        listing=listing.counted(found),
        summary=summary,
        refs=refs,
        states=[state for state in STATES if state in summary.refs],
        total=total,
        done=total - summary.refs.get(RefState.WAITING, 0),
        running=found_run.state in OPEN,
        region="import",
        region_template="import_region.html",
    )


def _cancel(visit: Visit) -> Response:
    with visit.database.write() as session:
        found = find_run(session, visit.person, visit.number("run"))
        # It may have ended while the page was open; then there is nothing left to do.
        if found.state in OPEN:
            cancel_run(session, visit.person, found)
    return visit.go(f"{PATH}/{found.id}")


def _retry(visit: Visit) -> Response:
    with visit.database.write() as session:
        found = find_run(session, visit.person, visit.number("run"))
        names = visit.form.all("ref")
        try:
            again = (
                retry_refs(session, visit.person, found, names) if names else retry_run(session, visit.person, found)
            )
            number = again.id
        except CORRECTABLE:
            # It runs already.
            number = found.id
    return visit.go(f"{PATH}/{number}")
