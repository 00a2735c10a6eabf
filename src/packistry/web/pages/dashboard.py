"""What there is to do and to see after signing in."""

from typing import Final

from starlette.responses import Response

from packistry.web.pages.site import Page
from packistry.web.pages.visits import Visit


def _show(visit: Visit) -> Response:
    return visit.page("dashboard.html")


def _home(visit: Visit) -> Response:
    """The bare address: a browser wants pages, and Composer never asks here."""
    return visit.go("/-/")


PAGES: Final = (Page("/", show=_home, open=True), Page("/-/", show=_show))
