"""One package: how to install it, its versions, and what it needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from packistry.access.permissions import Permission
from packistry.access.rules import may
from packistry.db.engine import ReadSession
from packistry.errors import NotFound
from packistry.packages.activity import downloads_by_version, package_events
from packistry.packages.catalogue import (
    PackageFacts,
    VersionFacts,
    VersionLine,
    downloads_by_day,
    find_package_at,
    hosted_names,
    places_of,
    version_facts,
    version_lines,
    with_php,
)
from packistry.packages.documents import repository_base
from packistry.packages.queries import Page as Slice
from packistry.packages.requirements import list_dependents
from packistry.sources.browsing import package_deliveries
from packistry.sources.file_pages import FilePages, file_pages
from packistry.web.pages.charts import bar_chart
from packistry.web.pages.lists import Listing, asked_for
from packistry.web.pages.readmes import readme_html
from packistry.web.pages.site import Handler, Page
from packistry.web.pages.visits import Visit

PERIODS: Final = ("30", "90", "365")
STABILITIES: Final = ("stable", "pre", "dev")
# How many of a package's versions the first page shows.
NEWEST: Final = 6
# Rows of the versions that were downloaded most, and of hook deliveries.
MOST_VERSIONS: Final = 25
LATEST_DELIVERIES: Final = 10
LINKS: Final = ("require", "require-dev", "replace", "provide", "conflict", "suggest")
SORTS: Final = ("version", "released", "downloads")


@dataclass(frozen=True, slots=True)
class Shown:
    """What every view of a package has: the package, its versions that clients get, and where its pages are."""

    facts: PackageFacts
    lines: Sequence[VersionLine]
    path: str

    @property
    def newest(self) -> VersionLine | None:
        """The version that people mean: the highest stable one, else the highest, else the default branch."""
        stable = (line for line in self.lines if line.stability == "stable")
        other = (line for line in self.lines if line.stability != "dev")
        default = (line for line in self.lines if line.default_branch)
        return next(stable, None) or next(other, None) or next(default, None) or next(iter(self.lines), None)

    def counts(self) -> dict[str, int]:
        """How many versions there are of each kind."""
        kinds = [kind_of(line) for line in self.lines]
        return {kind: kinds.count(kind) for kind in STABILITIES}


def kind_of(line: VersionLine) -> str:
    """Stable, pre-release or branch, as the filter calls them."""
    return line.stability if line.stability in {"stable", "dev"} else "pre"


def page_of(repository: str, name: str) -> str:
    """The address of a package's page."""
    return f"/-/r/{repository}/{name}" if repository else f"/-/packages/{name}"


def _overview(visit: Visit, session: ReadSession, shown: Shown) -> dict[str, Any]:
    days = visit.request.query_params.get("days", "90")
    days = days if days in PERIODS else "90"
    newest = None if shown.newest is None else version_facts(session, shown.facts.package, shown.newest)
    return {
        "chart": bar_chart(downloads_by_day(session, shown.facts.package, int(days))),
        "days": days,
        "newest": newest,
        "rows": with_php(session, shown.facts.package, shown.lines[:NEWEST]),
        "readme_of": newest,
        "hosted": _hosted(session, visit, shown, newest),
    }


def _versions(visit: Visit, session: ReadSession, shown: Shown) -> dict[str, Any]:
    listing = asked_for(visit, sorts=SORTS, standard_sort="-version", filters={"show": STABILITIES})
    wanted = listing.filters["show"]
    found = [
        line for line in shown.lines if wanted in {"", kind_of(line)} and listing.search.lower() in line.version.lower()
    ]
    listing = listing.counted(len(found))
    rows = _sorted(found, listing)[listing.offset : listing.offset + listing.size]
    return {
        "listing": listing,
        "rows": with_php(session, shown.facts.package, rows),
        "counts": shown.counts(),
        "region": "versions",
        "region_template": "versions_region.html",
    }


def _sorted(found: Sequence[VersionLine], listing: Listing) -> Sequence[VersionLine]:
    if listing.sort in {"version", "-version"}:
        return found if listing.sort == "-version" else found[::-1]
    down = listing.sort.startswith("-")
    if listing.sort.removeprefix("-") == "released":
        return sorted(found, key=lambda line: line.released_at, reverse=down)
    return sorted(found, key=lambda line: line.downloads, reverse=down)


def _version(visit: Visit, session: ReadSession, shown: Shown) -> dict[str, Any]:
    spelled = visit.word("version")
    line = next((each for each in shown.lines if spelled in {each.version, each.normalised}), None)
    if line is None:
        raise NotFound(f"{shown.facts.package.name} has no version {spelled}, or none that is served.")
    version = version_facts(session, shown.facts.package, line)
    return {"version": version, "readme_of": version, "hosted": _hosted(session, visit, shown, version)}


def _dependencies(visit: Visit, session: ReadSession, shown: Shown) -> dict[str, Any]:
    newest = None if shown.newest is None else version_facts(session, shown.facts.package, shown.newest)
    return {"newest": newest, "hosted": _hosted(session, visit, shown, newest)}


def _dependents(visit: Visit, session: ReadSession, shown: Shown) -> dict[str, Any]:
    listing = asked_for(visit, sorts=("name",), standard_sort="name")
    slice_ = Slice(listing.offset, listing.size)
    rows, total = list_dependents(session, visit.actor, shown.facts.package.name, search=listing.search, page=slice_)
    return {
        "listing": listing.counted(total),
        "rows": rows,
        "region": "dependents",
        "region_template": "dependents_region.html",
    }


def _statistics(visit: Visit, session: ReadSession, shown: Shown) -> dict[str, Any]:
    days = visit.request.query_params.get("days", "90")
    days = days if days in PERIODS else "90"
    return {
        "chart": bar_chart(downloads_by_day(session, shown.facts.package, int(days))),
        "days": days,
        "rows": downloads_by_version(session, shown.facts.package, int(days), MOST_VERSIONS),
    }


def _activity(visit: Visit, session: ReadSession, shown: Shown) -> dict[str, Any]:
    listing = asked_for(visit, sorts=("-id",), standard_sort="-id")
    page = Slice(listing.offset, listing.size)
    rows, total = package_events(session, visit.actor, shown.facts.package, page)
    return {
        "listing": listing.counted(total),
        "rows": rows,
        "deliveries": package_deliveries(session, visit.actor, shown.facts.package.id, LATEST_DELIVERIES),
        "region": "activity",
        "region_template": "activity_region.html",
    }


def _readme(version: VersionFacts | None, pages: FilePages | None) -> object:
    if version is None or version.readme is None:
        return None
    name, content = version.readme
    return readme_html(name, content, pages)


def _hosted(session: ReadSession, visit: Visit, shown: Shown, version: VersionFacts | None) -> Mapping[str, str]:
    """The pages of those required packages that are here, by name: in the same repository, else in the root."""
    if version is None:
        return {}
    names = [name for group in LINKS for name in links_of(version.manifest, group)]
    found = hosted_names(session, visit.actor, names)
    return {name: page_of(_nearest(paths, shown.facts.repository.path), name) for name, paths in found.items()}


def _nearest(paths: Sequence[str], own: str) -> str:
    return own if own in paths else min(paths)


def links_of(manifest: Mapping[str, Any], group: str) -> Mapping[str, str]:
    """What a composer.json names in a group of links, with its constraint. PHP writes an empty object as []."""
    found: dict[str, Any] = manifest.get(group) or {}
    return {str(name): str(constraint) for name, constraint in found.items()}


VIEWS: Final = {
    "": ("package.html", _overview),
    "/versions": ("package_versions.html", _versions),
    "/versions/{version:path}": ("package_version.html", _version),
    "/dependencies": ("package_dependencies.html", _dependencies),
    "/dependents": ("package_dependents.html", _dependents),
    "/statistics": ("package_statistics.html", _statistics),
    "/activity": ("package_activity.html", _activity),
}


def _shown_by(view: str) -> Handler:
    template, collect = VIEWS[view]

    def show(visit: Visit) -> Response:
        path, name = visit.request.path_params.get("repository", ""), f"{visit.word('vendor')}/{visit.word('name')}"
        with visit.database.read() as session:
            if not path and (elsewhere := _elsewhere(session, visit, name)):
                return visit.go(elsewhere)
            try:
                facts = find_package_at(session, visit.actor, path, name)
            except NotFound:
                # A stranger is led to the same place from what is hidden, from what is not there, and from other pages.
                if visit.signed_in is None:
                    return visit.sign_in_first()
                raise
            shown = Shown(facts, version_lines(session, facts.package), page_of(path, facts.package.name))
            context = collect(visit, session, shown)
            read: VersionFacts | None = context.get("readme_of")
            pages = None if read is None else file_pages(session, visit.actor, read.id)
        base = repository_base(visit.public_base, path)
        # Without the session: somebody's hostile README takes seconds.
        readme = _readme(read, pages)
        return visit.page(
            template,
            shown=shown,
            manages=may(visit.actor, Permission.PACKAGE_MANAGE),
            view=view,
            base=base,
            readme=readme,
            links_of=links_of,
            groups_of_links=LINKS,
            **context,
        )

    return show


def _elsewhere(session: ReadSession, visit: Visit, name: str) -> str | None:
    """The page of a package that is not in the root repository: its own, or all of that name to choose from."""
    places = places_of(session, visit.actor, name)
    if not places or "" in places:
        return None
    return page_of(places[0], name) if len(places) == 1 else f"{visit.packages_path}?q={name}"


PAGES: Final = tuple(
    Page(f"{place}/{{vendor}}/{{name}}{view}", show=_shown_by(view), open=view != "/activity")
    for place in ("/-/packages", "/-/r/{repository}")
    for view in VIEWS
)
