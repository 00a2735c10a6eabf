"""Imports: which run, what became of each ref, and what to do about those that failed."""

from typing import Final

from starlette.responses import Response

from packistry.sources.actions import cancel_run, retry_run
from packistry.sources.browsing import URGENCY, Wanted, browse_refs
from packistry.sources.pushes import retry_refs
from packistry.sources.queries import find_run, summarise_run
from packistry.sources.runs import FAILED, RUNNING, browse_runs
from packistry.sources.states import OPEN, RefState
from packistry.web.pages.forms import CORRECTABLE
from packistry.web.pages.lists import asked_for
from packistry.web.pages.site import Page
from packistry.web.pages.visits import Visit

PATH: Final = "/-/imports"
STATES: Final = tuple(str(state) for state in URGENCY)


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
        run = find_run(session, visit.actor, visit.number("run"))
        summary = summarise_run(session, run)
        refs, found = browse_refs(session, visit.actor, run, wanted)
    total = sum(summary.refs.values())
    return visit.page(
        "import.html",
        listing=listing.counted(found),
        summary=summary,
        refs=refs,
        states=[state for state in STATES if state in summary.refs],
        total=total,
        done=total - summary.refs.get(RefState.WAITING, 0),
        running=run.state in OPEN,
        region="import",
        region_template="import_region.html",
    )


def _cancel(visit: Visit) -> Response:
    with visit.database.write() as session:
        run = find_run(session, visit.person, visit.number("run"))
        # It may have ended while the page was open; then there is nothing left to do.
        if run.state in OPEN:
            cancel_run(session, visit.person, run)
    return visit.go(f"{PATH}/{run.id}")


def _retry(visit: Visit) -> Response:
    with visit.database.write() as session:
        run = find_run(session, visit.person, visit.number("run"))
        names = visit.form.all("ref")
        try:
            again = retry_refs(session, visit.person, run, names) if names else retry_run(session, visit.person, run)
            number = again.id
        except CORRECTABLE:
            # It runs already.
            number = run.id
    return visit.go(f"{PATH}/{number}")


PAGES: Final = (
    Page(PATH, show=_list),
    Page(f"{PATH}/{{run}}", show=_show),
    Page(f"{PATH}/{{run}}/cancel", act=_cancel),
    Page(f"{PATH}/{{run}}/retry", act=_retry),
)
