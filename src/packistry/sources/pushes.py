"""Asking for some refs: a run of only those that a push told of, or that somebody wants to be tried again.

A delivery says which refs changed, never what they stand for now: the run asks the host for that. So one that is late,
came twice or overtook another brings no old commit back.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, TypeAlias

from sqlalchemy import bindparam, select

from packistry import clock
from packistry.access.actors import Actor
from packistry.db.engine import WriteSession
from packistry.db.models import ImportRef, ImportRun, Project
from packistry.errors import NotFound
from packistry.providers.base import RefKind
from packistry.sources.actions import project_to_retry
from packistry.sources.states import PRIORITIES, Cause, RefState, RunState

# Asking for each costs a request; beyond this many the whole list is cheaper.
MOST_REFS: Final = 50
# A push is a sign that the host is there again, but not worth asking a dead one each time.
SOONEST_AGAIN: Final = timedelta(seconds=10)

# Made once: making them costs more than asking.
_WAITING: Final = (
    select(ImportRun)
    .where(ImportRun.project_id == bindparam("project"))
    .where(ImportRun.state == RunState.WAITING, ImportRun.listed.is_(False))
    .order_by(ImportRun.partial, ImportRun.id)
    .with_for_update()
)
_REFS: Final = select(ImportRef).where(ImportRef.run_id == bindparam("run"))

# Kind and name of a ref that a push told of.
Told: TypeAlias = tuple[RefKind, str]


def request_push(session: WriteSession, project: Project, refs: Sequence[Told], cause: Cause = Cause.PUSH) -> ImportRun:
    """The run that will look at these refs: one that waits already and will see them, or a new one.

    A full run that has not listed its refs yet will see them anyway; one of pushes gets them added, so that ten pushes
    in a second are one import of the last.
    """
    moment = clock.now()
    run = _waiting(session, project)
    if run is None:
        run = ImportRun(project_id=project.id, cause=cause, partial=True, state=RunState.WAITING)
        run.priority, run.due_at, run.created_at = PRIORITIES[Cause.PUSH], moment, moment
        session.add(run)
        session.flush()
    run.priority = min(run.priority, PRIORITIES[Cause.PUSH])
    run.due_at = min(run.due_at, moment + SOONEST_AGAIN if run.attempts else moment)
    if run.partial:
        # What somebody asked for is looked at anew, and so is what a push told of beside it.
        run.cause = Cause.RETRY if Cause.RETRY in {cause, run.cause} else run.cause
        _tell(session, run, refs)
    return run


def retry_refs(session: WriteSession, actor: Actor, run: ImportRun, names: Sequence[str]) -> ImportRun:
    """A run of only these refs of a run, each looked at anew, whatever is known of its commit.

    Refuses as `project_to_retry`, and with NotFound a name that is none of the run's refs.
    """
    project = project_to_retry(session, actor, run)
    rows = session.scalars(select(ImportRef).where(ImportRef.run_id == run.id, ImportRef.name.in_(names))).all()
    for name in names:
        if name not in {row.name for row in rows}:
            raise NotFound(f"Import {run.id} has no branch or tag {name}; `packistry import show {run.id}` lists them.")
    return request_push(session, project, [(RefKind(row.kind), row.name) for row in rows], Cause.RETRY)


def _waiting(session: WriteSession, project: Project) -> ImportRun | None:
    """Locked: a run that begins meanwhile would not look at what is added to it."""
    return session.scalars(_WAITING, {"project": project.id}).first()


def _tell(session: WriteSession, run: ImportRun, refs: Sequence[Told]) -> None:
    rows = {(row.kind, row.name): row for row in session.scalars(_REFS, {"run": run.id})}
    last = max((row.position for row in rows.values()), default=0)
    for kind, name in refs:
        row = rows.get((kind, name))
        if row is None:
            last += 1
            row = ImportRef(run_id=run.id, kind=kind, name=name, position=last)
            rows[kind, name] = row
            session.add(row)
        row.commit, row.state = "", RefState.WAITING
        row.reason = row.finished_at = row.version_id = None
    if len(rows) > MOST_REFS:
        run.partial = False
