"""Searching everything from one field: pages, packages, repositories, sources, users. A page, and what Ctrl K shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from packistry.access.permissions import Permission
from packistry.access.rules import may
from packistry.accounts.queries import name_users
from packistry.db.engine import ReadSession
from packistry.packages.finding import find_names
from packistry.repositories.queries import name_repositories
from packistry.sources.browsing import name_sources
from packistry.web.pages.lists import SEARCH_CHARACTERS
from packistry.web.pages.navigation import navigation
from packistry.web.pages.site import Page
from packistry.web.pages.visits import Visit

PATH: Final = "/-/search"
# Of a kind: whoever wants more types one letter more.
MOST_PACKAGES: Final = 8
MOST_OTHERS: Final = 5
# More words than a name has parts only make the database look longer.
MOST_WORDS: Final = 8


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that was found, and its page."""

    label: str
    note: str
    path: str


@dataclass(frozen=True, slots=True)
class Hits:
    """Things of one kind."""

    label: str
    icon: str
    hits: Sequence[Hit]


# What is begun rather than looked at, with the permission that it needs.
BEGINNINGS: Final = (
    ("New deploy token", "/-/deploy-tokens/new", Permission.DEPLOY_TOKEN_MANAGE),
    ("New personal token", "/-/personal-tokens/new", Permission.PERSONAL_TOKEN_MANAGE),
    ("New repository", "/-/repositories/-new", Permission.REPOSITORY_MANAGE),
    ("New user", "/-/users/new", Permission.USER_MANAGE),
    ("Connect a source", "/-/sources", Permission.SOURCE_MANAGE),
    ("Change password", "/-/profile", Permission.PERSONAL_TOKEN_MANAGE),
)


def _show(visit: Visit) -> Response:
    text = visit.request.query_params.get("q", "").replace("\0", "").strip()[:SEARCH_CHARACTERS]
    words = text.split()[:MOST_WORDS]
    pages = _pages(visit, words)
    with visit.database.read() as session:
        found = [*_packages(session, visit, words), *pages, *_others(session, visit, words)] if words else pages
    return visit.page("search.html", text=text, found=found, region="palette", region_template="palette.html")


def _pages(visit: Visit, words: Sequence[str]) -> list[Hits]:
    """With all words in their names; all of them when there is no word yet."""
    actor = visit.person
    places = [(entry.label, entry.path) for group in navigation(actor) for entry in group.entries]
    places += [(label, path) for label, path, permission in BEGINNINGS if may(actor, permission)]
    hits = [Hit(label, "", path) for label, path in places if all(word.lower() in label.lower() for word in words)]
    return [Hits("Pages", "home", hits)] if hits else []


def _packages(session: ReadSession, visit: Visit, words: Sequence[str]) -> list[Hits]:
    hits = [
        Hit(
            each.name,
            each.repository_name if each.repository else each.description,
            f"/-/r/{each.repository}/{each.name}" if each.repository else f"/-/packages/{each.name}",
        )
        for each in find_names(session, visit.actor, words, MOST_PACKAGES)
    ]
    return [Hits("Packages", "package", hits)] if hits else []


def _others(session: ReadSession, visit: Visit, words: Sequence[str]) -> list[Hits]:
    actor = visit.actor
    repositories = [
        Hit(name, f"/r/{path}" if path else "/", f"/-/repositories/{path or '-'}")
        for name, path in name_repositories(session, actor, words, MOST_OTHERS)
    ]
    sources = [
        Hit(name, address, f"/-/sources/{number}")
        for number, name, address in (
            name_sources(session, actor, words, MOST_OTHERS) if may(actor, Permission.SOURCE_MANAGE) else ()
        )
    ]
    users = [
        Hit(name, email, f"/-/users/{number}")
        for number, name, email in (
            name_users(session, actor, words, MOST_OTHERS) if may(actor, Permission.USER_MANAGE) else ()
        )
    ]
    kinds = [Hits("Repositories", "layers", repositories), Hits("Sources", "branch", sources)]
    return [each for each in (*kinds, Hits("Users", "users", users)) if each.hits]


PAGES: Final = (Page(PATH, show=_show),)
