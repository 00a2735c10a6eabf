"""Asking for what a push brought: a run of only the refs that it told of.

A delivery says which refs changed, never what they stand for now: the run asks the host for that. So one that is late,
came twice or overtook another brings no old commit back.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import select

from packistry import clock
from packistry.db.engine import WriteSession
from packistry.db.models import ImportRef, ImportRun, Project
from packistry.providers.base import RefKind
from packistry.sources.states import PRIORITIES, Cause, RefState, RunState

# Asking for each costs a request; beyond this many the whole list is cheaper.
MOST_REFS: Final = 50
# A push is a sign that the host is there again, but not worth asking a dead one each time.
SOONEST_AGAIN: Final = timedelta(seconds=10)

TOLD = tuple[RefKind, str]


def request_push(session: WriteSession, project: Project, refs: Sequence[TOLD]) -> ImportRun:
    """The run that will look at these refs: one that waits already and will see them, or a new one.

    A full run that has not listed its refs yet will see them anyway; one of pushes gets them added, so that ten pushes
    in a second are one import of the last.
    """
    moment = clock.now()
    run = _waiting(session, project)
    if run is None:
        run = ImportRun(project_id=project.id, cause=Cause.PUSH, partial=True, state=RunState.WAITING)
        run.priority, run.due_at, run.created_at = PRIORITIES[Cause.PUSH], moment, moment
        session.add(run)
        session.flush()
    run.priority = min(run.priority, PRIORITIES[Cause.PUSH])
    run.due_at = min(run.due_at, moment + SOONEST_AGAIN if run.attempts else moment)
    if run.partial:
        _tell(session, run, refs)
    return run


def _waiting(session: WriteSession, project: Project) -> ImportRun | None:
    """Locked: a run that begins meanwhile would not look at what is added to it."""
    chosen = select(ImportRun).where(
        ImportRun.project_id == project.id, ImportRun.state == RunState.WAITING, ImportRun.listed.is_(False)
    )
    return session.scalars(chosen.order_by(ImportRun.partial, ImportRun.id).with_for_update()).first()


def _tell(session: WriteSession, run: ImportRun, refs: Sequence[TOLD]) -> None:
    rows = {(row.kind, row.name): row for row in session.scalars(select(ImportRef).where(ImportRef.run_id == run.id))}
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
