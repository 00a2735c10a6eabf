"""What an administrator says on purpose of what an import did not take by itself: a stable tag that moved, or another
name in composer.json.
"""

from sqlalchemy import select, update

from packistry.access.actors import Actor, System
from packistry.access.permissions import Permission
from packistry.access.rules import require
from packistry.audit.events import Event
from packistry.audit.log import Subject, record
from packistry.db.engine import WriteSession
from packistry.db.models import ImportRef, ImportRun, Package, Project, Repository, Version
from packistry.errors import AlreadyExists, Conflict, NotFound
from packistry.packages.actions import update_package
from packistry.packages.documents import Address
from packistry.packages.upload import refuse_reserved
from packistry.providers.base import RefKind
from packistry.sources.actions import cancel_runs, project_subject, request_run
from packistry.sources.queries import project_of_package
from packistry.sources.states import Cause, RefState

IMPORTER = System(name="import")


def accept_moved(session: WriteSession, actor: Actor, run: ImportRun, tag: str) -> ImportRun:
    """The commit that the run found the tag at is to be taken, and no other: one that comes later is refused again.

    Returns the run that will take it. Refuses a tag that did not move.
    """
    require(actor, Permission.SOURCE_MANAGE)
    ref = session.scalars(
        select(ImportRef).where(ImportRef.run_id == run.id, ImportRef.kind == RefKind.TAG, ImportRef.name == tag)
    ).one_or_none()
    if ref is None:
        raise NotFound(f"Import {run.id} has no tag {tag}; `packistry import show {run.id}` lists those it has.")
    if ref.state != RefState.KEPT or ref.version_id is None:
        raise Conflict(f"The tag {tag} did not move; in import {run.id} it is {ref.state}.")
    version = session.get_one(Version, ref.version_id)
    version.accepted_commit = ref.commit
    record(session, actor, Event.VERSION_MOVED_ACCEPTED, _subject(session, version), commit=ref.commit)
    return request_run(session, session.get_one(Project, run.project_id), Cause.RETRY)


def note_refused_move(session: WriteSession, version_id: int, commit: str) -> int | None:
    """Leaves an audit line, once for each commit: every sync finds it again. The version's id, if it is still there."""
    version = session.get(Version, version_id)
    if version is None:
        return None
    if version.refused_commit != commit:
        version.refused_commit = commit
        record(session, IMPORTER, Event.VERSION_MOVED_REFUSED, _subject(session, version), commit=commit)
    return version_id


def note_name(session: WriteSession, project: Project, says: str) -> None:
    """Keeps that composer.json of the default branch has another name than the package, and says so on the project.

    A project that answers has no other problem. A name that was refused is not told of again, until there is another.
    """
    if project.package_id is None:
        # Until a version has the name that was accepted, `renamed_to` is all that holds it.
        project.problem = None
        return
    expected = session.get_one(Package, project.package_id).name
    if says in {expected, project.rename_refused}:
        project.renamed_to = project.problem = None
        project.rename_refused = None if says == expected else project.rename_refused
        return
    if says != project.renamed_to:
        record(session, IMPORTER, Event.PROJECT_RENAME_FOUND, project_subject(project), before=expected, after=says)
    project.renamed_to = says
    project.problem = (
        f"renamed: composer.json of {project.default_branch} now says {says}, and everything stays in {expected}. Take "
        f"the new name with `packistry project accept-rename {project.id}`, or keep the old one with "
        f"`packistry project refuse-rename {project.id}`."
    )


def accept_rename(session: WriteSession, actor: Actor, project: Project, public_url: str | None) -> ImportRun:
    """The project becomes a package of the new name, all of whose refs are imported; returns the run that does so.

    The old package gets nothing new: its versions stay, marked abandoned with the new name as the replacement. Refuses
    where there is no new name, and a name that another project has in this repository.
    """
    require(actor, Permission.SOURCE_MANAGE)
    new, old = _pending_name(session, project)
    refuse_reserved(new)
    repository = session.get_one(Repository, project.repository_id)
    _free_for(session, project, new, given_up=old.name)
    address = Address(public_url, repository.path)
    # A run under way would go on under the old name.
    cancel_runs(session, project)
    session.execute(
        update(Version).where(Version.package_id == old.id, Version.project_id == project.id).values(project_id=None)
    )
    if old.deleted_at is None:
        update_package(session, actor, old, abandoned=new, address=address)
    project.package_id = project.rename_refused = project.problem = None
    record(session, actor, Event.PROJECT_RENAME_ACCEPTED, project_subject(project), before=old.name, after=new)
    return request_run(session, project, Cause.FIRST)


def refuse_rename(session: WriteSession, actor: Actor, project: Project) -> None:
    """All refs go on under the name that the package has, and nobody is told again of this new one."""
    require(actor, Permission.SOURCE_MANAGE)
    new, old = _pending_name(session, project)
    project.rename_refused, project.renamed_to, project.problem = new, None, None
    record(session, actor, Event.PROJECT_RENAME_REFUSED, project_subject(project), before=old.name, after=new)


def _pending_name(session: WriteSession, project: Project) -> tuple[str, Package]:
    """The new name, and the package that has the old one. Refuses with Conflict where there is none."""
    if project.renamed_to is None or project.package_id is None:
        raise Conflict(f"{project.full_name} has no new name; its last import found the one that the package has.")
    return project.renamed_to, session.get_one(Package, project.package_id)


def _free_for(session: WriteSession, project: Project, name: str, *, given_up: str) -> None:
    """Refuses a name that another project publishes under. A package that was once abandoned for the name that is given
    up now is taken up again.
    """
    chosen = select(Package).where(Package.repository_id == project.repository_id, Package.name == name)
    package = session.execute(chosen).scalar_one_or_none()
    if package is None:
        return
    other = project_of_package(session, package)
    if other is not None:
        raise AlreadyExists(
            f"{name} is imported from {other.full_name} already; delete that project, or keep the old name with "
            f"`packistry project refuse-rename {project.id}`."
        )
    if package.abandoned == given_up:
        package.abandoned = None


def _subject(session: WriteSession, version: Version) -> Subject:
    package = session.get_one(Package, version.package_id)
    return Subject("version", version.id, f"{package.name} {version.version}")
