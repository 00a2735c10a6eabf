"""Finding a package by a few letters of its name, while they are typed: fast, a few at a time, never counted."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import case, func, select

from packistry.access.actors import Actor
from packistry.access.rules import visible_packages
from packistry.db.engine import ReadSession
from packistry.db.models import Package, Repository
from packistry.db.statements import like


@dataclass(frozen=True, slots=True)
class FoundPackage:
    """A package's name, what it is, and the path of its repository."""

    name: str
    description: str
    repository: str
    repository_name: str


def find_names(session: ReadSession, actor: Actor, words: Sequence[str], limit: int) -> Sequence[FoundPackage]:
    """Packages that the actor sees with all words in their names; first those whose name, or its part after the
    vendor, begins with the first word, of them the shortest.
    """
    lowered = [like(word.lower()) for word in words]
    matching = [Package.name.like(f"%{word}%", escape="\\") for word in lowered]
    begun = [Package.name.like(f"{lowered[0]}%", escape="\\"), Package.name.like(f"%/{lowered[0]}%", escape="\\")]
    rank = case((begun[0], 0), (begun[1], 0), else_=1) if lowered else Package.name
    # The few are chosen before anything else is looked at: joining a hundred thousand rows takes longer than reading.
    chosen = (
        select(Package.id)
        .where(*matching, visible_packages(actor))
        .order_by(rank, func.length(Package.name), Package.name)
        .limit(limit)
        .subquery()
    )
    rows = session.execute(
        select(Package.name, Package.description, Repository.path, Repository.name)
        .join(Repository, Repository.id == Package.repository_id)
        .where(Package.id.in_(select(chosen.c.id)))
        .order_by(rank, func.length(Package.name), Package.name)
    )
    return [FoundPackage(*row) for row in rows]
