"""Counts and downloads."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from packistry.access.permissions import Ability
from packistry.api.calls import Ask
from packistry.api.inputs import Id
from packistry.api.operations import operation
from packistry.documents.house import DayDocument, DownloadsDocument, StatisticsDocument
from packistry.packages.catalogue import downloads_by_day
from packistry.packages.queries import package_at
from packistry.packages.statistics import totals_for

router: Final = APIRouter(tags=["statistics"])
READ = Ability.STATISTICS_READ


@operation(router, "GET", "/statistics", ability=READ, answers=StatisticsDocument)
def show_statistics(call: Ask) -> Response:
    """How much there is that one may see."""
    with call.read() as session:
        totals = totals_for(session, call.actor)
    return call.answer(StatisticsDocument(totals.repositories, totals.packages, totals.versions, totals.downloads))


@operation(router, "GET", "/packages/{package_id}/downloads", ability=READ, answers=DownloadsDocument)
def show_downloads(
    call: Ask,
    package_id: Id,
    days: Annotated[int, Query(ge=1, le=366, description="So many days back from today.")] = 30,
) -> Response:
    """Downloads of a package, day by day."""
    with call.read() as session:
        package, _, _ = package_at(session, call.actor, package_id)
        counted = downloads_by_day(session, package, days)
    return call.answer(DownloadsDocument(package_id, [DayDocument(day, count) for day, count in counted]))
