"""Changing repositories."""

import re
from typing import Final

from sqlalchemy import or_, select, update
from sqlalchemy.exc import IntegrityError

from packistry import clock
from packistry.access.actors import Actor
from packistry.access.grants import drop_grants
from packistry.access.permissions import Permission
from packistry.access.rules import require
from packistry.audit.events import Event
from packistry.audit.log import Subject, record
from packistry.db.changes import repository_key
from packistry.db.engine import WriteSession
from packistry.db.models import GrantRow, Hook, Package, Project, Repository
from packistry.errors import AlreadyExists, Conflict, InvalidInput
from packistry.packages.listing import raise_listing

PATH: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
NAME_CHARACTERS: Final = 255


def create_repository(
    session: WriteSession,
    actor: Actor,
    *,
    name: str,
    path: str,
    description: str = "",
    public: bool = False,
    claims_vendors: bool = True,
) -> Repository:
    """A new, empty repository under /r/{path}. Refuses a path that is no slug or is taken."""
    require(actor, Permission.REPOSITORY_MANAGE)
    repository = Repository(
        name=_valid_name(name),
        path=_valid_path(path),
        description=description,
        public=public,
        claims_vendors=claims_vendors,
        listing_modified=_first_moment(session, path),
        created_at=clock.now(),
    )
    session.add(repository)
    _flush_unique_path(session, repository)
    record(session, actor, Event.REPOSITORY_CREATED, _subject(repository), public=public)
    session.changed(repository_key(repository.id))
    return repository


def update_repository(
    session: WriteSession,
    actor: Actor,
    repository: Repository,
    *,
    name: str | None = None,
    path: str | None = None,
    description: str | None = None,
    public: bool | None = None,
    claims_vendors: bool | None = None,
) -> None:
    """Changes what is given. The root's path is fixed."""
    require(actor, Permission.REPOSITORY_MANAGE)
    if path is not None and not repository.path:
        raise InvalidInput("The root repository has no path; make another repository instead.", field="path")
    wanted = {
        "name": None if name is None else _valid_name(name),
        "path": None if path is None else _valid_path(path),
        "description": description,
        "public": public,
        "claims_vendors": claims_vendors,
    }
    changes = {key: value for key, value in wanted.items() if value is not None and value != getattr(repository, key)}
    if not changes:
        return
    if path is not None and "path" in changes:
        repository.listing_modified = max(repository.listing_modified, _first_moment(session, path))
    for key, value in changes.items():
        setattr(repository, key, value)
    _flush_unique_path(session, repository)
    if "path" in changes:
        # Code hosts post to the path: they are told of the new one.
        session.execute(update(Hook).where(Hook.repository_id == repository.id).values(due_at=clock.now()))
    raise_listing(session, repository.id)
    session.changed(repository_key(repository.id))
    record(session, actor, Event.REPOSITORY_UPDATED, _subject(repository), **changes)


def delete_repository(session: WriteSession, actor: Actor, repository: Repository, *, with_packages: bool) -> None:
    """Takes the repository out of service, with its packages and the grants on both; rows and archives stay.

    Refuses while it holds packages unless that is meant. The root cannot go.
    """
    require(actor, Permission.REPOSITORY_MANAGE)
    if not repository.path:
        raise InvalidInput("The root repository cannot be deleted; make it private instead.", field="path")
    packages = session.scalars(
        select(Package.id).where(Package.repository_id == repository.id, Package.deleted_at.is_(None))
    ).all()
    if packages and not with_packages:
        raise Conflict(
            f"Repository {repository.path} still holds {len(packages)} packages; delete them first, or say that they "
            "are to go with it."
        )
    inside = select(Package.id).where(Package.repository_id == repository.id)
    drop_grants(session, or_(GrantRow.repository_id == repository.id, GrantRow.package_id.in_(inside)))
    moment = clock.now()
    session.execute(
        update(Package)
        .where(Package.repository_id == repository.id, Package.deleted_at.is_(None))
        .values(deleted_at=moment)
    )
    repository.deleted_at = moment
    _leave_sources(session, repository)
    record(session, actor, Event.REPOSITORY_DELETED, _subject(repository), packages=len(packages))
    session.changed(repository_key(repository.id))


def _leave_sources(session: WriteSession, repository: Repository) -> None:
    """No project goes on bringing versions in, and no host goes on calling: the jobs process tells them."""
    projects = update(Project).where(Project.repository_id == repository.id, Project.deleted_at.is_(None))
    session.execute(projects.values(deleted_at=repository.deleted_at))
    session.execute(update(Hook).where(Hook.repository_id == repository.id).values(due_at=repository.deleted_at))


def _first_moment(session: WriteSession, path: str) -> int:
    """The first date of the lists at a path: later than all that a deleted repository had there, which clients keep."""
    dates = session.scalars(select(Repository.listing_modified).where(Repository.path == path))
    return max(int(clock.now().timestamp()), *(last + 1 for last in dates), 0)


def _flush_unique_path(session: WriteSession, repository: Repository) -> None:
    path = repository.path
    try:
        session.flush()
    except IntegrityError as fault:
        raise AlreadyExists(f"There is already a repository {path}; choose another path.", field="path") from fault


def _valid_name(name: str) -> str:
    trimmed = name.strip()
    if not trimmed or len(trimmed) > NAME_CHARACTERS:
        raise InvalidInput(f"A repository's name has 1 to {NAME_CHARACTERS} characters.", field="name")
    return trimmed


def _valid_path(path: str) -> str:
    """The path as it is: validated, never silently rewritten."""
    if len(path) > NAME_CHARACTERS or not PATH.fullmatch(path):
        raise InvalidInput(
            f"The path {path!r} must be lower-case letters and digits joined by single hyphens, such as acme-internal.",
            field="path",
        )
    return path


def _subject(repository: Repository) -> Subject:
    return Subject("repository", repository.id, repository.path or "/")
