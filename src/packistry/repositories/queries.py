"""Reading repositories."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Select, func, or_, select

from packistry.access.actors import Actor
from packistry.access.rules import visible_packages, visible_repositories, writable_packages, writable_repositories
from packistry.db.engine import ReadSession
from packistry.db.models import Package, Repository
from packistry.db.parts import Found, Orders, Part, ascending, descending, read_part
from packistry.db.statements import all_in, any_holds
from packistry.db.types import is_id
from packistry.errors import Conflict, NotFound


@dataclass(frozen=True, slots=True)
class RepositorySummary:
    """A repository as one caller sees it; `packages` counts only what that caller may see."""

    id: int
    path: str
    name: str
    description: str
    public: bool
    claims_vendors: bool
    packages: int


@dataclass(frozen=True, slots=True)
class RepositoryFacts:
    """A repository as the wire needs it."""

    id: int
    path: str
    public: bool
    claims_vendors: bool
    listing_modified: int


# The columns of RepositoryFacts, in its order.
FACTS: Final = (
    Repository.id,
    Repository.path,
    Repository.public,
    Repository.claims_vendors,
    Repository.listing_modified,
)


def repository_facts(session: ReadSession, path: str) -> RepositoryFacts | None:
    """The repository at this path, whoever asks: the door decides what it says of it."""
    row = session.execute(select(*FACTS).where(Repository.path == path, Repository.deleted_at.is_(None))).one_or_none()
    return None if row is None else RepositoryFacts(*row)


def name_repositories(
    session: ReadSession, actor: Actor, words: Sequence[str], limit: int
) -> Sequence[tuple[str, str]]:
    """Names and paths of repositories that the actor sees, with all words in either, by path."""
    conditions = [visible_repositories(actor), *all_in(Repository.name + " " + Repository.path, words)]
    chosen = select(Repository.name, Repository.path).where(*conditions).order_by(Repository.path).limit(limit)
    return [(name, path) for name, path in session.execute(chosen)]


def find_repository(session: ReadSession, actor: Actor, path: str) -> Repository:
    """The visible repository at this path ("" is the root). Refuses with NotFound."""
    found = session.execute(
        select(Repository).where(Repository.path == path, visible_repositories(actor))
    ).scalar_one_or_none()
    if found is None:
        raise NotFound(f"There is no repository {path or '/'}; `packistry repository list` shows them.")
    return found


def find_repository_named(session: ReadSession, actor: Actor, word: str) -> Repository:
    """The visible repository with this path, else this id, else this name. Refuses with NotFound, or Conflict when
    several have the name.
    """
    visible = select(Repository).where(visible_repositories(actor))
    choices = [Repository.path == word, Repository.name == word]
    if is_id(word):
        choices.insert(1, Repository.id == int(word))
    for chosen in choices:
        found = session.scalars(visible.where(chosen).order_by(Repository.path)).all()
        if len(found) > 1:
            paths = ", ".join(each.path or "/" for each in found)
            raise Conflict(f"Several repositories are called {word}; say which by its path: {paths}.")
        if found:
            return found[0]
    raise NotFound(f"There is no repository {word or '/'}; `packistry repository list` shows them.")


def list_repositories(session: ReadSession, actor: Actor) -> list[RepositorySummary]:
    """All repositories the actor sees, the root first, then by path."""
    rows = session.execute(_counted(actor).order_by(Repository.path))
    return [summarise(repository, packages) for repository, packages in rows]


REPOSITORY_ORDERS: Final[Orders] = {
    "path": ascending(Repository.path, Repository.id),
    "-path": descending(Repository.path, Repository.id),
    "name": ascending(Repository.name, Repository.id),
    "-name": descending(Repository.name, Repository.id),
    "-id": descending(Repository.id),
}


def part_of_repositories(
    session: ReadSession, actor: Actor, part: Part, *, words: Sequence[str] = (), public: bool | None = None
) -> Found[RepositorySummary]:
    """A part of those the actor sees, with all words in path, name or description."""
    chosen = _counted(actor)
    for word in words:
        chosen = chosen.where(any_holds(word, Repository.path, Repository.name, Repository.description))
    if public is not None:
        chosen = chosen.where(Repository.public == public)
    found = read_part(session, chosen, part)
    return Found([summarise(row[0], row[1]) for row in found.rows], found.last)


def repository_at(session: ReadSession, actor: Actor, repository_id: int) -> tuple[Repository, RepositorySummary]:
    """The visible repository with this id. Refuses with NotFound."""
    row = session.execute(_counted(actor).where(Repository.id == repository_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such repository, or it is not visible to you.")
    return row[0], summarise(row[0], row[1])


def repositories_to_publish(session: ReadSession, actor: Actor) -> Sequence[Repository]:
    """Those in which the actor may publish something, the root first: any name, or versions of single packages."""
    single = select(Package.repository_id).where(writable_packages(actor))
    chosen = or_(writable_repositories(actor), Repository.id.in_(single))
    return session.scalars(
        select(Repository).where(chosen, visible_repositories(actor)).order_by(Repository.path)
    ).all()


def _counted(actor: Actor) -> Select[Repository, int]:
    """The repositories the actor sees, with how many of their packages they see."""
    counted = (
        select(Package.repository_id, func.count().label("packages"))
        .where(visible_packages(actor))
        .group_by(Package.repository_id)
        .subquery()
    )
    return (
        select(Repository, func.coalesce(counted.c.packages, 0))
        .outerjoin(counted, counted.c.repository_id == Repository.id)
        .where(visible_repositories(actor))
    )


def summarise(repository: Repository, packages: int) -> RepositorySummary:
    """The row as data."""
    return RepositorySummary(
        id=repository.id,
        path=repository.path,
        name=repository.name,
        description=repository.description,
        public=repository.public,
        claims_vendors=repository.claims_vendors,
        packages=packages,
    )


def sharing_repositories(session: ReadSession, repository_ids: set[int]) -> bool:
    """Whether two of these repositories host the same vendor: then a client must not take the first for canonical."""
    vendors = (
        select(Package.vendor)
        .where(Package.repository_id.in_(repository_ids), Package.deleted_at.is_(None))
        .group_by(Package.vendor)
        .having(func.count(Package.repository_id.distinct()) > 1)
    )
    return session.execute(vendors.limit(1)).first() is not None
