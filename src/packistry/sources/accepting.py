"""What an administrator says on purpose of what an import did not take by itself: a stable tag that moved."""

from sqlalchemy import select

from packistry.access.actors import Actor, System
from packistry.access.permissions import Permission
from packistry.access.rules import require
from packistry.audit.events import Event
from packistry.audit.log import Subject, record
from packistry.db.engine import WriteSession
from packistry.db.models import ImportRef, ImportRun, Package, Project, Version
from packistry.errors import Conflict, NotFound
from packistry.providers.base import RefKind
from packistry.sources.actions import request_run
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


def _subject(session: WriteSession, version: Version) -> Subject:
    package = session.get_one(Package, version.package_id)
    return Subject("version", version.id, f"{package.name} {version.version}")
