"""Saying in sentences why an actor may or may not read or publish something."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select

from packistry.access.actors import Actor, Anonymous, describe, has_ability
from packistry.access.permissions import Ability
from packistry.access.rules import (
    granted_packages,
    granted_repositories,
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


def explain_read(session: ReadSession, actor: Actor, repository: Repository, name: str | None) -> Explanation:
    """Why the actor may or may not read the repository, or one package of it."""
    who = describe(actor)
    if not has_ability(actor, Ability.READ):
        return Explanation(False, (f"{who} lacks the ability read.",))
    package = None if name is None else _package(session, repository, name)
    if name is not None and package is None:
        return Explanation(False, (f"There is no package {name} in {_shown(repository)}.",))
    may = _decided_to_read(session, actor, repository, package)
    return Explanation(may, _reasons(session, actor, repository, package, write=False))


def explain_publish(session: ReadSession, actor: Actor, repository: Repository, name: str | None) -> Explanation:
    """Why the actor may or may not publish in the repository: any name, or versions of one package."""
    who = describe(actor)
    if not has_ability(actor, Ability.WRITE) or isinstance(actor, Anonymous):
        return Explanation(False, (f"{who} lacks the ability write.",))
    package = None if name is None else _package(session, repository, name)
    may = _exists(session, repository, writable_repositories(actor))
    if not may and package is not None:
        found = select(Package.id).where(Package.id == package.id, writable_packages(actor))
        may = session.execute(found).first() is not None
    return Explanation(may, _reasons(session, actor, repository, package, write=True))


def _decided_to_read(session: ReadSession, actor: Actor, repository: Repository, package: Package | None) -> bool:
    if package is None:
        return _exists(session, repository, visible_repositories(actor))
    found = select(Package.id).where(Package.id == package.id, visible_packages(actor))
    return session.execute(found).first() is not None


def _reasons(
    session: ReadSession, actor: Actor, repository: Repository, package: Package | None, *, write: bool
) -> tuple[str, ...]:
    """Every ground that gives the right; when there is none, what is missing."""
    who, where, right = describe(actor), _shown(repository), " with write" if write else ""
    grounds: list[str] = []
    if repository.public and not write:
        grounds.append(f"Everybody may read {where}: it is public.")
    if sees_everything(actor):
        grounds.append(f"{who} may do everything, by role.")
    if repository.id in session.scalars(granted_repositories(actor, write=write)).all():
        grounds.append(f"{who} was given {where}{right}.")
    granted = session.scalars(granted_packages(actor, write=write)).all()
    if package is not None and package.id in granted:
        grounds.append(f"{who} was given package {package.name} of {where}{right}.")
    elif package is None and not write and _holds_any(session, repository, granted):
        grounds.append(f"{who} was given single packages of {where} and sees only those.")
    missing = f"{who} has no grant{right} for {where}" + (f" or its package {package.name}." if package else ".")
    return tuple(grounds) or (missing,)


def _holds_any(session: ReadSession, repository: Repository, granted: Sequence[int | None]) -> bool:
    inside = select(Package.id).where(Package.repository_id == repository.id, Package.deleted_at.is_(None))
    return not set(granted).isdisjoint(session.scalars(inside).all())


def _exists(session: ReadSession, repository: Repository, condition: ColumnElement[bool]) -> bool:
    return session.execute(select(Repository.id).where(Repository.id == repository.id, condition)).first() is not None


def _package(session: ReadSession, repository: Repository, name: str) -> Package | None:
    return session.execute(
        select(Package).where(
            Package.repository_id == repository.id, Package.name == name, Package.deleted_at.is_(None)
        )
    ).scalar_one_or_none()


def _shown(repository: Repository) -> str:
    return "the root repository" if not repository.path else f"repository {repository.path}"
