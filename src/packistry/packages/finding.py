"""Finding a package by a few letters of its name, while they are typed: fast, a few at a time, never counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, or_, select

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


# More than so many are not held against each other. Sorting all of 100,000 that have an "a" takes longer than a person
# types; who wants one of them types on.
MOST_CANDIDATES: Final = 1_000


def find_names(session: ReadSession, actor: Actor, words: Sequence[str], limit: int) -> Sequence[FoundPackage]:
    """Packages that the actor sees with all words in their names; first those whose name, or its part after the
    vendor, begins with the first word, of them the shortest. Where very many match they are some of the best.
    """
    lowered = [word.lower() for word in words]
    matching = [Package.name.like(f"%{like(word)}%", escape="\\") for word in lowered]
    candidates = _candidates(session, actor, matching)
    if len(candidates) == MOST_CANDIDATES and lowered:
        candidates |= _candidates(session, actor, [*matching, _begun(lowered[0])])
    best = sorted(candidates, key=lambda candidate: _rank(candidate, lowered))[:limit]
    rows = session.execute(
        select(Package.id, Package.name, Package.description, Repository.path, Repository.name)
        .join(Repository, Repository.id == Package.repository_id)
        .where(Package.id.in_([package_id for package_id, _ in best]))
    )
    found = {package_id: FoundPackage(*row) for package_id, *row in rows}
    return [found[package_id] for package_id, _ in best if package_id in found]


def _candidates(session: ReadSession, actor: Actor, conditions: Sequence[ColumnElement[bool]]) -> set[tuple[int, str]]:
    """Ids and names. Read from an index, and no further than enough were found."""
    chosen = select(Package.id, Package.name).where(*conditions, visible_packages(actor)).limit(MOST_CANDIDATES)
    return {(package_id, name) for package_id, name in session.execute(chosen)}


def _begun(word: str) -> ColumnElement[bool]:
    return or_(Package.name.like(f"{like(word)}%", escape="\\"), Package.name.like(f"%/{like(word)}%", escape="\\"))


def _rank(candidate: tuple[int, str], words: Sequence[str]) -> tuple[bool, int, str, int]:
    package_id, name = candidate
    begins = bool(words) and (name.startswith(words[0]) or f"/{words[0]}" in name)
    return not begins, len(name), name, package_id
