"""Import runs as people look at them: a page of them, with the counts of their refs in one statement."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

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


# Of the open runs, as many as anybody watches at once.
MOST_FOLLOWED: Final = 200


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far a run is: refs that were looked at, and refs there are."""

    run_id: int
    state: str
    done: int
    total: int

    @property
    def is_over(self) -> bool:
        return self.state not in OPEN


def follow_runs(session: ReadSession, runs: Collection[int], *, with_open: bool) -> Mapping[int, RunProgress]:
    """How far these runs are, and with `with_open` all that are not over, in two questions however many they are.

    No actor is asked for: who may follow is decided when somebody begins to.
    """
    chosen = ImportRun.id.in_(runs)
    if with_open:
        chosen = chosen | ImportRun.id.in_(
            select(ImportRun.id).where(ImportRun.state.in_(OPEN)).order_by(ImportRun.id.desc()).limit(MOST_FOLLOWED)
        )
    states = dict(session.execute(select(ImportRun.id, ImportRun.state).where(chosen)).all())
    counts = count_refs(session, list(states))
    found: dict[int, RunProgress] = {}
    for run_id, state in states.items():
        refs = counts.get(run_id, {})
        total = sum(refs.values())
        found[run_id] = RunProgress(run_id, state, total - refs.get(RefState.WAITING, 0), total)
    return found


def browse_runs(
    session: ReadSession, actor: Actor, wanted: str, *, offset: int, limit: int
) -> tuple[Sequence[RunSummary], int]:
    """One page of the runs, the latest first, and how many there are in all. `wanted` is "", RUNNING or FAILED."""
    require(actor, Permission.SOURCE_MANAGE)
    conditions = conditions_of(wanted)
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
    counts = count_refs(session, [row[0].id for row in rows])
    return [
        RunSummary(run, project, source, repository, package, dict(counts.get(run.id, {})))
        for run, project, source, repository, package in rows
    ], total


def conditions_of(wanted: str) -> list[ColumnElement[bool]]:
    """Of ImportRun: what is asked for, as in `browse_runs`."""
    if wanted == RUNNING:
        return [ImportRun.state.in_(OPEN)]
    if wanted == FAILED:
        refs = exists().where(and_(ImportRef.run_id == ImportRun.id, ImportRef.state == RefState.FAILED))
        return [(ImportRun.state == RunState.FAILED) | refs]
    return []


def count_refs(session: ReadSession, runs: Sequence[int]) -> Mapping[int, Mapping[str, int]]:
    """How many refs of each run are in each state."""
    rows = session.execute(
        select(ImportRef.run_id, ImportRef.state, func.count())
        .where(ImportRef.run_id.in_(runs))
        .group_by(ImportRef.run_id, ImportRef.state)
    )
    found: dict[int, dict[str, int]] = {}
    for run, state, count in rows:
        found.setdefault(run, {})[state] = count
    return found
