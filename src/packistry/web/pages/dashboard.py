"""What needs a hand, and what is new. On a new installation: the steps to the first `composer require`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from packistry.access.permissions import Permission
from packistry.access.rules import may
from packistry.db.engine import ReadSession
from packistry.packages.catalogue import PackageLine, Wanted, browse_packages
from packistry.packages.queries import Page as Slice
from packistry.sources.health import failed_runs, hook_troubles, project_troubles, source_health
from packistry.web.pages.site import Page
from packistry.web.pages.visits import Visit

# Of each kind of trouble, and of each list: the pages behind show the rest.
SHOWN: Final = 5
NEWEST: Final = 8


@dataclass(frozen=True, slots=True)
class Attention:
    """Something that does not work by itself any more: what, why, and the page where something can be done."""

    name: str
    reason: str
    path: str


def _show(visit: Visit) -> Response:
    with visit.database.read() as session:
        updated, total = browse_packages(session, visit.actor, Wanted(sort="-updated"), Slice(0, NEWEST))
        popular, _ = browse_packages(session, visit.actor, Wanted(sort="-downloads"), Slice(0, SHOWN))
        administers = may(visit.actor, Permission.SOURCE_MANAGE)
        sources = len(source_health(session)) if administers else 0
        attention = _attention(session) if administers else []
    return visit.page(
        "dashboard.html",
        attention=attention,
        updated=updated,
        popular=[line for line in popular if line.downloads],
        packages=total,
        sources=sources,
        base=visit.public_base,
        downloaded=_downloaded(popular),
    )


def _attention(session: ReadSession) -> list[Attention]:
    refused = [
        Attention(source.name, source.credential_refused, f"/-/sources/{source.id}")
        for source in source_health(session)
        if source.credential_refused
    ]
    runs = [Attention(each.name, each.reason, "/-/imports?show=failed") for each in failed_runs(session, SHOWN)]
    others = [*project_troubles(session, SHOWN), *hook_troubles(session, SHOWN)]
    return [*refused, *runs, *(Attention(each.name, each.reason, "/-/sources") for each in others)]


def _downloaded(popular: Sequence[PackageLine]) -> bool:
    return any(line.downloads for line in popular)


def _home(visit: Visit) -> Response:
    """The bare address: a browser wants pages, and Composer never asks here."""
    return visit.go("/-/")


PAGES: Final = (Page("/", show=_home, open=True), Page("/-/", show=_show))
