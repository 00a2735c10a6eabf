"""Changing projects that were added: which refs they give, where these go, and that they are followed no longer."""

from collections.abc import Sequence

from sqlalchemy import select

from packistry.access.actors import Actor
from packistry.access.permissions import Permission
from packistry.access.rules import require
from packistry.audit.events import Event
from packistry.audit.log import record
from packistry.db.engine import WriteSession
from packistry.db.models import ImportRun, Project, Repository, Source
from packistry.errors import AlreadyExists
from packistry.providers.base import Project as HostProject
from packistry.sources.actions import add_project, project_subject, remove_project, request_run
from packistry.sources.hooks import settle_hook
from packistry.sources.patterns import valid_patterns
from packistry.sources.states import Cause


def update_project(
    session: WriteSession,
    actor: Actor,
    project: Project,
    *,
    tags: Sequence[str] | None = None,
    branches: Sequence[str] | None = None,
    hooked: bool | None = None,
) -> ImportRun | None:
    """Changes what is given, and returns the run that acts on it; None when the same refs are wanted as before.

    Versions of refs that are wanted no longer leave the metadata as those of deleted refs do; their archives stay.
    """
    require(actor, Permission.SOURCE_MANAGE)
    wanted = {
        "tags": None if tags is None else valid_patterns(tags, field="tag"),
        "branches": None if branches is None else valid_patterns(branches, field="branch"),
        "hooked": hooked,
    }
    changes = {key: value for key, value in wanted.items() if value is not None and value != getattr(project, key)}
    if not changes:
        return None
    for key, value in changes.items():
        setattr(project, key, value)
    settle_hook(session, project)
    record(session, actor, Event.PROJECT_UPDATED, project_subject(project), **changes)
    return request_run(session, project, Cause.SYNC) if {"tags", "branches"} & set(changes) else None


def move_project(session: WriteSession, actor: Actor, project: Project, repository: Repository) -> Project:
    """The project of that repository, with the same settings, all of whose refs are imported there anew.

    It is another project with an id of its own: what was published before stays in the old repository, where locks
    name it, and gets nothing new. Whoever wants it gone there deletes the package. Since the old project stays as one
    that was removed by hand, no rule of the old repository adds it again. Refuses with AlreadyExists where the new
    repository has the project already. Returns the same project when it is there now.
    """
    require(actor, Permission.SOURCE_MANAGE)
    if repository.id == project.repository_id:
        return project
    _refuse_twin(session, project, repository)
    remove_project(session, project)
    record(session, actor, Event.PROJECT_DELETED, project_subject(project), moved_to=repository.path)
    source = session.get_one(Source, project.source_id)
    moved = add_project(
        session,
        actor,
        source,
        repository,
        _as_known(project),
        directory=project.directory,
        tags=project.tags,
        branches=project.branches,
        hooked=project.hooked,
    )
    request_run(session, moved, Cause.FIRST)
    return moved


def delete_project(session: WriteSession, actor: Actor, project: Project) -> None:
    """It is followed no longer, its runs end, and no rule adds it again; a person does by its name.

    Its versions stay in the metadata: nothing that is installed today depends on the host.
    """
    require(actor, Permission.SOURCE_MANAGE)
    remove_project(session, project)
    record(session, actor, Event.PROJECT_DELETED, project_subject(project))


def _refuse_twin(session: WriteSession, project: Project, repository: Repository) -> None:
    twin = session.scalars(
        select(Project).where(
            Project.source_id == project.source_id,
            Project.remote_id == project.remote_id,
            Project.repository_id == repository.id,
            Project.directory == project.directory,
            Project.deleted_at.is_(None),
        )
    ).first()
    if twin is not None:
        raise AlreadyExists(
            f"Repository {repository.path or '/'} has {project.full_name} already, as project {twin.id}: delete one of "
            "the two with `packistry project delete`.",
            field="repository",
        )


def _as_known(project: Project) -> HostProject:
    """The project as the host showed it the last time; the import looks again."""
    return HostProject(
        id=project.remote_id,
        full_name=project.full_name,
        web_url=project.web_url,
        clone_url=project.clone_url,
        default_branch=project.default_branch,
        archived=project.archived,
    )
