"""Lists of sources, projects, rules, webhooks, imports and deliveries a part at a time, as programs read them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Row, Select, func, select

from packistry.access.actors import Actor
from packistry.access.permissions import Permission
from packistry.access.rules import require
from packistry.db.engine import ReadSession
from packistry.db.models import Delivery, Hook, ImportRef, ImportRun, Package, Project, Repository, Rule, Source
from packistry.db.parts import Found, Orders, Part, ascending, descending, read_part
from packistry.db.statements import any_holds
from packistry.errors import NotFound
from packistry.sources.deliveries import DeliverySummary
from packistry.sources.hooks import HookSummary
from packistry.sources.queries import AddedProject, RunSummary
from packistry.sources.rules import RuleSummary
from packistry.sources.runs import conditions_of, count_refs

SOURCE_ORDERS: Final[Orders] = {
    "name": ascending(Source.name, Source.id),
    "-name": descending(Source.name, Source.id),
    "-created": descending(Source.created_at, Source.id),
}
PROJECT_ORDERS: Final[Orders] = {
    "name": ascending(Project.full_name, Project.id),
    "-name": descending(Project.full_name, Project.id),
    "-created": descending(Project.created_at, Project.id),
}
RULE_ORDERS: Final[Orders] = {"id": ascending(Rule.id), "-id": descending(Rule.id)}
HOOK_ORDERS: Final[Orders] = {"id": ascending(Hook.id), "-id": descending(Hook.id)}
RUN_ORDERS: Final[Orders] = {"-id": descending(ImportRun.id), "id": ascending(ImportRun.id)}
REF_ORDERS: Final[Orders] = {
    "position": ascending(ImportRef.position, ImportRef.id),
    "name": ascending(ImportRef.name, ImportRef.id),
    "-name": descending(ImportRef.name, ImportRef.id),
}
DELIVERY_ORDERS: Final[Orders] = {"-id": descending(Delivery.id), "id": ascending(Delivery.id)}


def part_of_sources(
    session: ReadSession, actor: Actor, part: Part, *, words: Sequence[str] = (), provider: str | None = None
) -> Found[tuple[Source, int]]:
    """A part of the sources with the numbers of their projects, with all words in name or address."""
    chosen = _counted(actor).where(*(any_holds(word, Source.name, Source.address) for word in words))
    if provider is not None:
        chosen = chosen.where(Source.provider == provider)
    found = read_part(session, chosen, part)
    return Found([(row[0], row[1]) for row in found.rows], found.last)


def counted_source(session: ReadSession, actor: Actor, source_id: int) -> tuple[Source, int]:
    """The source with the number of its projects. Refuses with NotFound."""
    row = session.execute(_counted(actor).where(Source.id == source_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such source.")
    return row[0], row[1]


def part_of_projects(
    session: ReadSession,
    actor: Actor,
    part: Part,
    *,
    words: Sequence[str] = (),
    source_id: int | None = None,
    repository: str | None = None,
) -> Found[AddedProject]:
    """A part of the projects that were added, with all words in their names."""
    chosen = _projects(actor).where(*(any_holds(word, Project.full_name) for word in words))
    chosen = chosen.where(*_equal({Project.source_id: source_id, Repository.path: repository}))
    found = read_part(session, chosen, part)
    return Found([AddedProject(*tuple(row)[:4]) for row in found.rows], found.last)


def added_project(session: ReadSession, actor: Actor, project_id: int) -> AddedProject:
    """The project that was added, by our id. Refuses with NotFound."""
    row = session.execute(_projects(actor).where(Project.id == project_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such project, or it is followed no longer.")
    return AddedProject(*row)


def part_of_rules(
    session: ReadSession, actor: Actor, part: Part, *, source_id: int | None = None
) -> Found[RuleSummary]:
    """A part of the rules."""
    require(actor, Permission.SOURCE_MANAGE)
    count = select(func.count()).where(Project.rule_id == Rule.id, Project.deleted_at.is_(None)).correlate(Rule)
    chosen = (
        select(Rule, Source.name, Repository.path, count.scalar_subquery())
        .join(Source, Source.id == Rule.source_id)
        .join(Repository, Repository.id == Rule.repository_id)
        .where(Rule.deleted_at.is_(None), *_equal({Rule.source_id: source_id}))
    )
    found = read_part(session, chosen, part)
    return Found([RuleSummary(*tuple(row)[:4]) for row in found.rows], found.last)


def part_of_hooks(
    session: ReadSession, actor: Actor, part: Part, *, source_id: int | None = None, state: str | None = None
) -> Found[HookSummary]:
    """A part of the webhooks that live."""
    require(actor, Permission.SOURCE_MANAGE)
    name = select(func.min(Project.full_name)).where(
        Project.source_id == Hook.source_id, Project.remote_id == Hook.remote_id
    )
    chosen = (
        select(Hook, Source, Repository, name.scalar_subquery())
        .join(Source, Source.id == Hook.source_id)
        .join(Repository, Repository.id == Hook.repository_id)
        .where(Hook.deleted_at.is_(None), *_equal({Hook.source_id: source_id, Hook.state: state}))
    )
    found = read_part(session, chosen, part)
    return Found([HookSummary(*tuple(row)[:4]) for row in found.rows], found.last)


def part_of_runs(
    session: ReadSession,
    actor: Actor,
    part: Part,
    *,
    wanted: str = "",
    state: str | None = None,
    project_id: int | None = None,
) -> Found[RunSummary]:
    """A part of the imports. `wanted` as in `runs.browse_runs`."""
    require(actor, Permission.SOURCE_MANAGE)
    chosen = (
        select(ImportRun, Project, Source, Repository, Package.name)
        .join(Project, Project.id == ImportRun.project_id)
        .join(Source, Source.id == Project.source_id)
        .join(Repository, Repository.id == Project.repository_id)
        .outerjoin(Package, Package.id == Project.package_id)
        .where(*conditions_of(wanted), *_equal({ImportRun.state: state, ImportRun.project_id: project_id}))
    )
    found = read_part(session, chosen, part)
    counts = count_refs(session, [row[0].id for row in found.rows])
    return Found([_summary(row, counts.get(row[0].id, {})) for row in found.rows], found.last)


def part_of_refs(
    session: ReadSession, actor: Actor, run: ImportRun, part: Part, *, state: str | None = None
) -> Found[ImportRef]:
    """A part of the branches and tags of an import."""
    require(actor, Permission.SOURCE_MANAGE)
    chosen = select(ImportRef).where(ImportRef.run_id == run.id, *_equal({ImportRef.state: state}))
    found = read_part(session, chosen, part)
    return Found([row[0] for row in found.rows], found.last)


def part_of_deliveries(
    session: ReadSession, actor: Actor, part: Part, *, source_id: int | None = None, hook_id: int | None = None
) -> Found[DeliverySummary]:
    """A part of what code hosts told, without the bodies."""
    require(actor, Permission.SOURCE_MANAGE)
    name = select(func.min(Project.full_name)).where(
        Project.source_id == Hook.source_id, Project.remote_id == Hook.remote_id
    )
    chosen = (
        select(Delivery, Source, name.scalar_subquery())
        .join(Hook, Hook.id == Delivery.hook_id)
        .join(Source, Source.id == Hook.source_id)
        .where(*_equal({Hook.source_id: source_id, Delivery.hook_id: hook_id}))
    )
    found = read_part(session, chosen, part)
    return Found([DeliverySummary(*tuple(row)[:3]) for row in found.rows], found.last)


def _summary(row: Row[*tuple[Any, ...]], counts: Mapping[str, int]) -> RunSummary:
    run, project, source, repository, package = tuple(row)[:5]
    return RunSummary(run, project, source, repository, package, dict(counts))


def _equal(wanted: Mapping[Any, Any]) -> list[Any]:
    """A condition for each column of which a value is asked for."""
    return [column == value for column, value in wanted.items() if value is not None]


def _counted(actor: Actor) -> Select[Source, int]:
    require(actor, Permission.SOURCE_MANAGE)
    count = select(func.count()).where(Project.source_id == Source.id, Project.deleted_at.is_(None)).correlate(Source)
    return select(Source, count.scalar_subquery()).where(Source.deleted_at.is_(None))


def _projects(actor: Actor) -> Select[Project, str, str, str]:
    require(actor, Permission.SOURCE_MANAGE)
    return (
        select(Project, Source.name, Repository.path, Package.name)
        .join(Source, Source.id == Project.source_id)
        .join(Repository, Repository.id == Project.repository_id)
        .outerjoin(Package, Package.id == Project.package_id)
        .where(Project.deleted_at.is_(None))
    )
