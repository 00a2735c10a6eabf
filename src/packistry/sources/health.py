"""How sources, imports and hooks are at this moment, counted from the rows: for who is paged, and for monitoring.

No actor is asked for: it tells numbers and names to the operator's own tools, and no door shows it to anybody else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, or_, select, true

from packistry import clock
from packistry.db.engine import ReadSession
from packistry.db.models import Hook, ImportRef, ImportRun, Project, Repository, Rule, Source
from packistry.sources.queries import live_sources
from packistry.sources.states import OPEN, HookStatus, RunState

# What is told of as lately.
LATELY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ImportHealth:
    """Runs by state, of those that are over the last day's; refs by state, of the last day."""

    runs: Mapping[str, int]
    refs: Mapping[str, int]
    # Since when the run waits that waits longest though nothing keeps it from being begun.
    due_since: datetime | None


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """What a source's row tells of its host; nothing is asked of it."""

    id: int
    name: str
    projects: int
    credential_refused: str | None
    credential_expires_at: datetime | None
    last_contact_at: datetime | None
    waits_until: datetime | None
    refused_deliveries: int
    refused_delivery_at: datetime | None


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that does not work by itself any more: what, and why, with the next step where it is known."""

    name: str
    reason: str


def source_health(session: ReadSession) -> Sequence[SourceHealth]:
    """Each source, by its name."""
    counts = dict(
        session.execute(
            select(Project.source_id, func.count()).where(Project.deleted_at.is_(None)).group_by(Project.source_id)
        ).all()
    )
    return [
        SourceHealth(
            id=source.id,
            name=source.name,
            projects=counts.get(source.id, 0),
            credential_refused=source.credential_refused,
            credential_expires_at=source.credential_expires_at,
            last_contact_at=source.last_contact_at,
            waits_until=source.waits_until,
            refused_deliveries=source.refused_deliveries,
            refused_delivery_at=source.refused_delivery_at,
        )
        for source in sorted(live_sources(session), key=lambda source: source.name)
    ]


def programs_needed(session: ReadSession) -> Mapping[str, Sequence[str]]:
    """The programs that sources need, and the names of those sources."""
    needed: dict[str, list[str]] = {}
    for source in live_sources(session):
        if source.provider == "git":
            needed.setdefault("git", []).append(source.name)
            if not source.address.startswith(("http://", "https://")):
                needed.setdefault("ssh", []).append(source.name)
    return needed


def import_health(session: ReadSession) -> ImportHealth:
    """How imports go."""
    lately = clock.now() - LATELY
    told = or_(ImportRun.state.in_(OPEN), ImportRun.finished_at >= lately)
    runs = session.execute(select(ImportRun.state, func.count()).where(told).group_by(ImportRun.state))
    refs = session.execute(
        select(ImportRef.state, func.count())
        .join(ImportRun, ImportRun.id == ImportRef.run_id)
        .where(told, ImportRef.finished_at >= lately)
        .group_by(ImportRef.state)
    )
    return ImportHealth(dict(runs.all()), dict(refs.all()), _due_since(session))


def failed_runs(session: ReadSession, limit: int) -> Sequence[Trouble]:
    """The last runs that failed within a day and whose project had no better one since, newest first."""
    newest = select(func.max(ImportRun.id)).where(ImportRun.finished_at.is_not(None)).group_by(ImportRun.project_id)
    rows = session.execute(
        select(ImportRun.id, Project.full_name, ImportRun.reason)
        .join(Project, Project.id == ImportRun.project_id)
        .where(ImportRun.state == RunState.FAILED, ImportRun.finished_at >= clock.now() - LATELY)
        .where(ImportRun.id.in_(newest), Project.deleted_at.is_(None))
        .order_by(ImportRun.id.desc())
        .limit(limit)
    )
    return [Trouble(f"import {run_id} of {name}", reason or "it gave no reason") for run_id, name, reason in rows]


def project_troubles(session: ReadSession, limit: int) -> Sequence[Trouble]:
    """Projects with a problem, by their names."""
    rows = session.execute(
        select(Project.full_name, Project.problem)
        .where(Project.deleted_at.is_(None), Project.problem.is_not(None))
        .order_by(Project.full_name)
        .limit(limit)
    )
    return [Trouble(name, problem or "") for name, problem in rows]


def count_project_troubles(session: ReadSession) -> int:
    """How many projects have a problem."""
    chosen = select(func.count()).where(Project.deleted_at.is_(None), Project.problem.is_not(None))
    return session.scalar(chosen) or 0


def hook_counts(session: ReadSession) -> Mapping[str, int]:
    """How many hooks are in each state, of those that are wanted."""
    rows = session.execute(select(Hook.state, func.count()).where(Hook.deleted_at.is_(None)).group_by(Hook.state))
    return dict(rows.all())


def hook_troubles(session: ReadSession, limit: int, *, state: HookStatus | None = None) -> Sequence[Trouble]:
    """Hooks that do not work, or those in one state, and why; their projects are looked at from time to time anyway."""
    rows = session.execute(
        select(Source.name, Hook.remote_id, Repository.path, Hook.reason)
        .join(Source, Source.id == Hook.source_id)
        .join(Repository, Repository.id == Hook.repository_id)
        # A manual one has a reason too: what to do about it, which a person may have done.
        .where(Hook.deleted_at.is_(None), Hook.reason.is_not(None), Hook.state != HookStatus.MANUAL)
        .where(true() if state is None else Hook.state == state)
        .order_by(Hook.id)
        .limit(limit)
    )
    return [
        Trouble(f"project {remote_id} of {source} in {path or '/'}", reason or "it gave no reason")
        for source, remote_id, path, reason in rows
    ]


def rule_troubles(session: ReadSession, limit: int) -> Sequence[Trouble]:
    """Rules whose last look at the host came to nothing, or not to all."""
    rows = session.execute(
        select(Rule.id, Rule.problem).where(Rule.deleted_at.is_(None), Rule.problem.is_not(None)).limit(limit)
    )
    return [Trouble(f"rule {rule_id}", problem or "") for rule_id, problem in rows]


def _due_since(session: ReadSession) -> datetime | None:
    """Of runs that may be begun: not those that wait for a host, nor those behind another run of their project."""
    moment = clock.now()
    first = select(func.min(ImportRun.id)).where(ImportRun.state.in_(OPEN)).group_by(ImportRun.project_id)
    return session.scalar(
        select(func.min(ImportRun.due_at))
        .join(Project, Project.id == ImportRun.project_id)
        .join(Source, Source.id == Project.source_id)
        .where(ImportRun.state == RunState.WAITING, ImportRun.due_at <= moment, ImportRun.id.in_(first))
        .where(or_(Source.waits_until.is_(None), Source.waits_until <= moment))
    )
