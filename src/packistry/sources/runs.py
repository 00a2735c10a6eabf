"""Import runs as people look at them: a page of them, with the counts of their refs in one statement."""

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, and_, exists, func, select

from packistry.access.actors import Actor
from packistry.access.permissions import Permission
from packistry.access.rules import require
from packistry.db.engine import ReadSession
from packistry.db.models import ImportRef, ImportRun, Package, Project, Repository, Source
from packistry.sources.queries import RunSummary
from packistry.sources.states import OPEN, RefState, RunState

# What may be asked for: those that are not over, and those in which something failed.
RUNNING, FAILED = "open", "failed"


def browse_runs(
    session: ReadSession, actor: Actor, wanted: str, *, offset: int, limit: int
) -> tuple[Sequence[RunSummary], int]:
    """One page of the runs, the latest first, and how many there are in all. `wanted` is "", RUNNING or FAILED."""
    require(actor, Permission.SOURCE_MANAGE)
    conditions = _conditions(wanted)
    total = session.scalar(select(func.count()).select_from(ImportRun).where(*conditions)) or 0
    rows = session.execute(
        select(ImportRun, Project, Source, Repository, Package.name)
        .join(Project, Project.id == ImportRun.project_id)
        .join(Source, Source.id == Project.source_id)
        .join(Repository, Repository.id == Project.repository_id)
        .outerjoin(Package, Package.id == Project.package_id)
        .where(*conditions)
        .order_by(ImportRun.id.desc())
        .offset(offset)
        .limit(limit)
    ).all()
    counts = _counts(session, [row[0].id for row in rows])
    return [
        RunSummary(run, project, source, repository, package, dict(counts.get(run.id, {})))
        for run, project, source, repository, package in rows
    ], total


def _conditions(wanted: str) -> list[ColumnElement[bool]]:
    if wanted == RUNNING:
        return [ImportRun.state.in_(OPEN)]
    if wanted == FAILED:
        refs = exists().where(and_(ImportRef.run_id == ImportRun.id, ImportRef.state == RefState.FAILED))
        return [(ImportRun.state == RunState.FAILED) | refs]
    return []


def _counts(session: ReadSession, runs: Sequence[int]) -> Mapping[int, Mapping[str, int]]:
    rows = session.execute(
        select(ImportRef.run_id, ImportRef.state, func.count())
        .where(ImportRef.run_id.in_(runs))
        .group_by(ImportRef.run_id, ImportRef.state)
    )
    found: dict[int, dict[str, int]] = {}
    for run, state, count in rows:
        found.setdefault(run, {})[state] = count
    return found
