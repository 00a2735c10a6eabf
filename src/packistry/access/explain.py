"""Saying in sentences why somebody may or may not read or publish something. The rules decide; this only tells."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select

from packistry.access.actors import Actor, Anonymous, describe, has_ability
from packistry.access.permissions import Ability, Permission
from packistry.access.rules import (
    granted_packages,
    granted_repositories,
    require,
    sees_everything,
    visible_packages,
    visible_repositories,
    writable_packages,
    writable_repositories,
)
from packistry.db.engine import ReadSession
from packistry.db.models import Package, Repository


@dataclass(frozen=True, slots=True)
class Explanation:
    """Whether the actor may, and the sentences that say why, the decisive one first."""

    may: bool
    reasons: tuple[str, ...]


def explain_read(
    session: ReadSession, actor: Actor, whom: Actor, repository: Repository, name: str | None = None
) -> Explanation:
    """Tells `actor`, who must have the right to ask, why `whom` may or may not read the repository, or one package."""
    require(actor, Permission.ACCESS_EXPLAIN)
    if not has_ability(whom, Ability.READ):
        return Explanation(False, (f"{describe(whom)} lacks the ability read.",))
    package = None if name is None else _package(session, repository, name)
    if name is not None and package is None:
        return Explanation(False, (f"There is no package {name} in {_shown(repository)}.",))
    if package is None:
        may = _is_among(session, repository, visible_repositories(whom))
    else:
        may = _is_among(session, package, visible_packages(whom))
    return Explanation(may, _reasons(session, whom, repository, package, write=False))


def explain_publish(
    session: ReadSession, actor: Actor, whom: Actor, repository: Repository, name: str | None = None
) -> Explanation:
    """Tells `actor` why `whom` may or may not publish in the repository: any name, or versions of one package."""
    require(actor, Permission.ACCESS_EXPLAIN)
    if isinstance(whom, Anonymous) or not has_ability(whom, Ability.WRITE):
        return Explanation(False, (f"{describe(whom)} lacks the ability write.",))
    package = None if name is None else _package(session, repository, name)
    may = _is_among(session, repository, writable_repositories(whom))
    if not may and package is not None:
        may = _is_among(session, package, writable_packages(whom))
    return Explanation(may, _reasons(session, whom, repository, package, write=True))


def _reasons(
    session: ReadSession, whom: Actor, repository: Repository, package: Package | None, *, write: bool
) -> tuple[str, ...]:
    """Every ground that gives the right; when there is none, what is missing."""
    who, where, right = describe(whom), _shown(repository), " with write" if write else ""
    if repository.deleted_at is not None:
        return (f"{where} was deleted.",)
    grounds: list[str] = []
    if repository.public and not write:
        grounds.append(f"Everybody may read {where}: it is public.")
    if sees_everything(whom):
        grounds.append(f"{who} may do everything, by role.")
    if repository.id in session.scalars(granted_repositories(whom, write=write)).all():
        grounds.append(f"{who} was given {where}{right}.")
    granted = session.scalars(granted_packages(whom, write=write)).all()
    if package is not None and package.id in granted:
        grounds.append(f"{who} was given package {package.name} of {where}{right}.")
    elif package is None and not write and _holds_any(session, repository, granted):
        grounds.append(f"{who} was given single packages of {where} and sees only those.")
    missing = f"{who} has no grant{right} for {where}" + (f" or its package {package.name}." if package else ".")
    return tuple(grounds) or (missing,)


def _holds_any(session: ReadSession, repository: Repository, granted: Sequence[int | None]) -> bool:
    """Deleted packages count, as in rules.visible_repositories."""
    inside = select(Package.id).where(Package.repository_id == repository.id)
    return not set(granted).isdisjoint(session.scalars(inside).all())


def _is_among(session: ReadSession, row: Repository | Package, condition: ColumnElement[bool]) -> bool:
    kind = type(row)
    return session.execute(select(kind.id).where(kind.id == row.id, condition)).first() is not None


def _package(session: ReadSession, repository: Repository, name: str) -> Package | None:
    return session.execute(
        select(Package).where(
            Package.repository_id == repository.id, Package.name == name, Package.deleted_at.is_(None)
        )
    ).scalar_one_or_none()


def _shown(repository: Repository) -> str:
    return "the root repository" if not repository.path else f"repository {repository.path}"
