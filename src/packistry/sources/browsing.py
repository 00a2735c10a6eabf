"""Long lists as people look through them: a page of what was asked for, and how many there are, in SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, case, func, select

from packistry.access.actors import Actor
from packistry.access.permissions import Permission
from packistry.access.rules import require
from packistry.db.engine import ReadSession
from packistry.db.models import Delivery, Hook, ImportRef, ImportRun, Package, Project, Repository, Rule, Source
from packistry.db.statements import all_in
from packistry.sources.deliveries import DeliverySummary
from packistry.sources.queries import AddedProject
from packistry.sources.states import RefState

# In the order in which somebody wants to read them: what needs a hand first.
URGENCY: Final = (
    RefState.FAILED,
    RefState.KEPT,
    RefState.WAITING,
    RefState.IMPORTED,
    RefState.DELETED,
    RefState.SKIPPED,
    RefState.CANCELLED,
    RefState.UNCHANGED,
)
PROJECT_SORTS: Final = ("name", "synced")
PROBLEM, NO_PACKAGE, ARCHIVED = "problem", "no-package", "archived"
PROJECT_FILTERS: Final = (PROBLEM, NO_PACKAGE, ARCHIVED)
# What became of a delivery: it made an import, there was nothing to do, or it could not be understood.
MADE, NOTHING, REFUSED = "import", "nothing", "refused"
DELIVERY_FILTERS: Final = (MADE, NOTHING, REFUSED)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a list is asked for: `show` is one of its filters, `sort` one of its orders, both "" for the usual."""

    words: Sequence[str] = ()
    show: str = ""
    sort: str = ""
    offset: int = 0
    limit: int = 25


def browse_refs(session: ReadSession, actor: Actor, run: ImportRun, wanted: Wanted) -> tuple[Sequence[ImportRef], int]:
    """Refs of the run, what needs a hand first or by name; `show` is a state."""
    require(actor, Permission.SOURCE_MANAGE)
    conditions = [ImportRef.run_id == run.id, *all_in(ImportRef.name, wanted.words)]
    if wanted.show:
        conditions.append(ImportRef.state == wanted.show)
    total = session.scalar(select(func.count()).select_from(ImportRef).where(*conditions)) or 0
    urgency = case({state: at for at, state in enumerate(URGENCY)}, value=ImportRef.state, else_=len(URGENCY))
    order = {"name": (ImportRef.name, ImportRef.id), "-name": (ImportRef.name.desc(), ImportRef.id)}
    chosen = select(ImportRef).where(*conditions)
    chosen = chosen.order_by(*order.get(wanted.sort, (urgency, ImportRef.position, ImportRef.id)))
    return session.scalars(chosen.offset(wanted.offset).limit(wanted.limit)).all(), total


def browse_projects(
    session: ReadSession, actor: Actor, source: Source, wanted: Wanted
) -> tuple[Sequence[AddedProject], int]:
    """Projects that were added from the source, found by their names or their packages'."""
    require(actor, Permission.SOURCE_MANAGE)
    named = Project.full_name + " " + func.coalesce(Package.name, "")
    conditions = [Project.source_id == source.id, Project.deleted_at.is_(None), *all_in(named, wanted.words)]
    conditions += _of_projects(wanted.show)
    joined = select(Project, Source.name, Repository.path, Package.name).join(Source, Source.id == Project.source_id)
    joined = joined.join(Repository, Repository.id == Project.repository_id)
    joined = joined.outerjoin(Package, Package.id == Project.package_id).where(*conditions)
    total = session.scalar(select(func.count()).select_from(joined.with_only_columns(Project.id).subquery())) or 0
    key = Project.synced_at if wanted.sort.removeprefix("-") == "synced" else func.lower(Project.full_name)
    order = key.desc() if wanted.sort.startswith("-") else key
    rows = session.execute(joined.order_by(order, Project.id).offset(wanted.offset).limit(wanted.limit))
    return [AddedProject(found, of, path, package) for found, of, path, package in rows], total


def browse_deliveries(
    session: ReadSession, actor: Actor, source: Source, wanted: Wanted
) -> tuple[Sequence[DeliverySummary], int]:
    """Deliveries of the source without their bodies, the latest first, found by project or kind of event."""
    require(actor, Permission.SOURCE_MANAGE)
    name = (
        select(Project.full_name)
        .where(Project.source_id == Hook.source_id, Project.remote_id == Hook.remote_id)
        .order_by(Project.id)
        .limit(1)
        .correlate(Hook)
        .scalar_subquery()
    )
    conditions = [Hook.source_id == source.id, *all_in(func.coalesce(name, "") + " " + Delivery.event, wanted.words)]
    conditions += _of_deliveries(wanted.show)
    of_source = select(Delivery.id).join(Hook, Hook.id == Delivery.hook_id).where(*conditions)
    total = session.scalar(select(func.count()).select_from(of_source.subquery())) or 0
    rows = session.execute(
        select(Delivery, name)
        .join(Hook, Hook.id == Delivery.hook_id)
        .where(*conditions)
        .order_by(Delivery.id.desc())
        .offset(wanted.offset)
        .limit(wanted.limit)
    )
    return [DeliverySummary(delivery, source, project or "") for delivery, project in rows], total


def package_deliveries(session: ReadSession, actor: Actor, package_id: int, limit: int) -> Sequence[DeliverySummary]:
    """The latest deliveries about the projects that a package is imported from."""
    require(actor, Permission.SOURCE_MANAGE)
    rows = session.execute(
        select(Delivery, Source, Project.full_name)
        .join(Hook, Hook.id == Delivery.hook_id)
        .join(Source, Source.id == Hook.source_id)
        .join(
            Project,
            (Project.source_id == Hook.source_id)
            & (Project.remote_id == Hook.remote_id)
            & (Project.repository_id == Hook.repository_id),
        )
        .where(Project.package_id == package_id)
        .order_by(Delivery.id.desc())
        .limit(limit)
    )
    return [DeliverySummary(*row) for row in rows]


def name_sources(
    session: ReadSession, actor: Actor, words: Sequence[str], limit: int
) -> Sequence[tuple[int, str, str]]:
    """Ids, names and addresses of sources with all words in name or address, by name."""
    require(actor, Permission.SOURCE_MANAGE)
    conditions = [Source.deleted_at.is_(None), *all_in(Source.name + " " + Source.address, words)]
    chosen = select(Source.id, Source.name, Source.address).where(*conditions).order_by(Source.name).limit(limit)
    return [(number, name, address) for number, name, address in session.execute(chosen)]


@dataclass(frozen=True, slots=True)
class SourceLoss:
    """Projects that are followed, the packages they are, and the rules that add more."""

    projects: int
    packages: int
    rules: int


def loss_of_source(session: ReadSession, source: Source) -> SourceLoss:
    """What stops with the source, for whoever may delete it."""
    live = (Project.source_id == source.id, Project.deleted_at.is_(None))
    projects, packages = session.execute(
        select(func.count(), func.count(func.distinct(Project.package_id))).where(*live)
    ).one()
    rules = select(func.count()).select_from(Rule).where(Rule.source_id == source.id, Rule.deleted_at.is_(None))
    return SourceLoss(projects, packages, session.scalar(rules) or 0)


def _of_projects(show: str) -> list[ColumnElement[bool]]:
    found = {
        PROBLEM: Project.problem.is_not(None),
        NO_PACKAGE: Project.package_id.is_(None),
        ARCHIVED: Project.archived.is_(True),
    }
    return [found[show]] if show else []


def _of_deliveries(show: str) -> list[ColumnElement[bool]]:
    found = {MADE: Delivery.status == 202, NOTHING: Delivery.status.in_((200, 204)), REFUSED: Delivery.status >= 400}
    return [found[show]] if show else []
