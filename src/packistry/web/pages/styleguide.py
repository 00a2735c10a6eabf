"""The styleguide: each part that pages are made of, in each of its states. Only with PACKISTRY_DEVELOPMENT."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from starlette.responses import Response

from packistry import clock
from packistry.web.pages.charts import bar_chart
from packistry.web.pages.forms import Problems
from packistry.web.pages.lists import Listing
from packistry.web.pages.site import Page, Site
from packistry.web.pages.visits import Visit

PATH: Final = "/-/styleguide"
PROBLEMS: Final = Problems({"wrong": "The name is longer than 255 characters. Shorten it."})
BARS: Final = 90


def pages(site: Site) -> Sequence[Page]:
    """The page, where people work on Packistry itself; elsewhere there is none."""
    return (Page(PATH, show=_show),) if site.parts.settings.development else ()


def _show(visit: Visit) -> Response:
    today = clock.now().date()
    days = [today - timedelta(days=day) for day in reversed(range(BARS))]
    return visit.page(
        "styleguide.html",
        problems=PROBLEMS,
        chart=bar_chart([(day, day.day * 7 % 40) for day in days]),
        listing=Listing(
            path=visit.to(PATH), search="", sort="name", filters={"state": ""}, page=2, size=25, standard_sort="name"
        ).counted(120),
        now=clock.now(),
    )
