"""Reading sources, projects, runs and refs."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, or_, select

from packistry.access.actors import Actor
from packistry.access.permissions import Permission
from packistry.access.rules import require
from packistry.db.engine import ReadSession
from packistry.db.models import Archive, ImportRef, ImportRun, Package, Project, Repository, Source, Version
from packistry.db.types import is_id
from packistry.errors import AlreadyExists, Conflict, NotFound
from packistry.sources.states import OPEN, TAKEN, RefState, RunState


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run with the names of what it is about, and how many refs it has in each state."""

    run: ImportRun
    project: Project
    source: Source
    repository: Repository
    package: str | None
    refs: dict[str, int]


@dataclass(frozen=True, slots=True)
class AddedProject:
    """A project that was added, with the names of where it comes from and goes to."""

    project: Project
    source: str
    repository: str
    package: str | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far some runs are together: refs that were looked at, refs there are, and why runs were put off, by id."""

    is_over: bool
    done: int
    count: int
    waiting: Sequence[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Served:
    """What is served of a version: the commit it was made from, and whether it is in the metadata."""

    version_id: int
    version: str
    normalised: str
    reference: str
    is_dev: bool
    live: bool
    # By an import, which may bring it back.
    withdrawn: bool
    default_branch: bool
    # The other commit of its tag that an administrator accepted.
    accepted: str | None


def find_source(session: ReadSession, actor: Actor, named: str) -> Source:
    """By its name or id. Refuses with NotFound."""
    require(actor, Permission.SOURCE_MANAGE)
    meant = or_(Source.name == named, Source.id == int(named)) if is_id(named) else Source.name == named
    found = session.scalars(select(Source).where(meant, Source.deleted_at.is_(None)).order_by(Source.name != named))
    source = found.first()
    if source is None:
        raise NotFound(f"There is no source {named}; `packistry source list` shows those there are.")
    return source


def source_at(session: ReadSession, actor: Actor, source_id: int) -> Source:
    """By its id alone: a name may be a number too. Refuses with NotFound."""
    require(actor, Permission.SOURCE_MANAGE)
    source = session.get(Source, source_id)
    if source is None or source.deleted_at is not None:
        raise NotFound("There is no such source.")
    return source


def list_sources(session: ReadSession, actor: Actor) -> Sequence[tuple[Source, int]]:
    """All sources by name, with the number of their projects."""
    require(actor, Permission.SOURCE_MANAGE)
    count = (
        select(func.count())
        .where(Project.source_id == Source.id, Project.deleted_at.is_(None))
        .correlate(Source)
        .scalar_subquery()
    )
    rows = session.execute(select(Source, count).where(Source.deleted_at.is_(None)).order_by(Source.name))
    return [(source, projects) for source, projects in rows]


def live_sources(session: ReadSession) -> Sequence[Source]:
    """All sources, for work that runs by itself."""
    return session.scalars(select(Source).where(Source.deleted_at.is_(None)).order_by(Source.id)).all()


def projects_to_try(session: ReadSession, source: Source, limit: int) -> Sequence[Project]:
    """Projects of the source that show whether its credential is good; those that were in sync last are first."""
    live = select(Project).where(Project.source_id == source.id, Project.deleted_at.is_(None))
    ordered = live.order_by(Project.synced_at.is_(None), Project.synced_at.desc(), Project.id)
    return session.scalars(ordered.limit(limit)).all()


def added_projects(session: ReadSession, source: Source) -> dict[str, list[Project]]:
    """The projects that were added from the source, by their ids at the host."""
    found: dict[str, list[Project]] = {}
    live = select(Project).where(Project.source_id == source.id, Project.deleted_at.is_(None)).order_by(Project.id)
    for project in session.scalars(live):
        found.setdefault(project.remote_id, []).append(project)
    return found


def find_project(session: ReadSession, actor: Actor, named: str, source: Source | None = None) -> Project:
    """By its number, or its full name at the host. Refuses with NotFound, and with Conflict what names several."""
    require(actor, Permission.SOURCE_MANAGE)
    wanted = select(Project).where(Project.deleted_at.is_(None)).order_by(Project.id)
    if source is not None:
        wanted = wanted.where(Project.source_id == source.id)
    if is_id(named):
        by_id = session.scalars(wanted.where(Project.id == int(named))).first()
        if by_id is not None:
            return by_id
    # SQLite knows the upper and lower case of ASCII only, so the name as it stands is asked for too.
    same = or_(Project.full_name == named, func.lower(Project.full_name) == named.strip("/").lower())
    found = session.scalars(wanted.where(same)).all()
    if not found:
        raise NotFound(f"There is no project {named}; `packistry project list` shows those that were added.")
    if len(found) > 1:
        numbers = ", ".join(str(project.id) for project in found)
        raise Conflict(f"{named} was added several times; name it by its number, which is one of {numbers}.")
    return found[0]


def list_projects(
    session: ReadSession, actor: Actor, *, source: Source | None = None, project: Project | None = None
) -> Sequence[AddedProject]:
    """The projects that were added, by source and name: all, those of a source, or the one."""
    require(actor, Permission.SOURCE_MANAGE)
    wanted = (
        select(Project, Source.name, Repository.path, Package.name)
        .join(Source, Source.id == Project.source_id)
        .join(Repository, Repository.id == Project.repository_id)
        .outerjoin(Package, Package.id == Project.package_id)
        .where(Project.deleted_at.is_(None))
        .order_by(Source.name, Project.full_name, Project.id)
    )
    if source is not None:
        wanted = wanted.where(Project.source_id == source.id)
    if project is not None:
        wanted = wanted.where(Project.id == project.id)
    return [AddedProject(found, of, path, package) for found, of, path, package in session.execute(wanted)]


def project_of_package(session: ReadSession, package: Package) -> Project | None:
    """The project that the package is imported from; None for an uploaded one."""
    return session.scalars(
        select(Project).where(Project.package_id == package.id, Project.deleted_at.is_(None)).limit(1)
    ).first()


def refuse_anothers(session: ReadSession, project: Project, name: str) -> None:
    """Refuses a name that another project publishes under in the same repository: the one that came first has it.

    Else whoever may make a project in an organisation could publish versions of any package of it.
    """
    other = session.scalars(
        select(Project)
        .join(Package, Package.id == Project.package_id)
        .where(
            Package.repository_id == project.repository_id,
            Package.name == name,
            Project.repository_id == project.repository_id,
            Project.deleted_at.is_(None),
        )
        .order_by(Project.id)
        .limit(1)
    ).first()
    if other is not None and other.id != project.id:
        raise AlreadyExists(
            f"{name} is imported from {other.full_name} (project {other.id}) already: give this project's package "
            f"another name, or delete one of the two with `packistry project delete`."
        )


def expected_name(session: ReadSession, project: Project) -> str | None:
    """The name by which all refs of the project go: its package's, or the new one that was accepted; None before the
    first import found one.
    """
    if project.package_id is None:
        return project.renamed_to
    return session.get_one(Package, project.package_id).name


def find_run(session: ReadSession, actor: Actor, run_id: int) -> ImportRun:
    """Refuses with NotFound."""
    require(actor, Permission.SOURCE_MANAGE)
    run = session.get(ImportRun, run_id)
    if run is None:
        raise NotFound(f"There is no import {run_id}; `packistry import list` shows the latest.")
    return run


def list_runs(session: ReadSession, actor: Actor, *, limit: int, only_open: bool = False) -> Sequence[RunSummary]:
    """The latest runs, newest first."""
    require(actor, Permission.SOURCE_MANAGE)
    wanted = select(ImportRun).order_by(ImportRun.id.desc()).limit(limit)
    if only_open:
        wanted = wanted.where(ImportRun.state.in_(OPEN))
    return [summarise_run(session, run) for run in session.scalars(wanted).all()]


def summarise_run(session: ReadSession, run: ImportRun) -> RunSummary:
    """The run with what it is about."""
    project, source, repository, package = session.execute(
        select(Project, Source, Repository, Package.name)
        .join(Source, Source.id == Project.source_id)
        .join(Repository, Repository.id == Project.repository_id)
        .outerjoin(Package, Package.id == Project.package_id)
        .where(Project.id == run.project_id)
    ).one()
    counts = session.execute(
        select(ImportRef.state, func.count()).where(ImportRef.run_id == run.id).group_by(ImportRef.state)
    )
    return RunSummary(run, project, source, repository, package, {row.state: row[1] for row in counts})


def progress_of(session: ReadSession, runs: Sequence[int]) -> Progress:
    """How far the runs are, in two questions however many they are."""
    open_runs = session.execute(
        select(ImportRun.id, ImportRun.state, ImportRun.reason).where(ImportRun.id.in_(runs), ImportRun.state.in_(OPEN))
    ).all()
    of_state = select(ImportRef.state, func.count()).where(ImportRef.run_id.in_(runs)).group_by(ImportRef.state)
    counts = {row.state: row[1] for row in session.execute(of_state)}
    total = sum(counts.values())
    waiting = [(run_id, reason) for run_id, state, reason in open_runs if state == RunState.WAITING and reason]
    return Progress(not open_runs, total - counts.get(RefState.WAITING, 0), total, waiting)


def refs_of(session: ReadSession, run: ImportRun, *states: str) -> Sequence[ImportRef]:
    """The refs of a run in their order; of all states, or of these."""
    wanted = select(ImportRef).where(ImportRef.run_id == run.id).order_by(ImportRef.position)
    return session.scalars(wanted.where(ImportRef.state.in_(states)) if states else wanted).all()


def known_skips(session: ReadSession, project_id: int) -> dict[tuple[str, str, str], str | None]:
    """Kind, name and commit of the refs that were skipped by the last finished look at all of them, and by the pushes
    since, and why: a commit never changes.
    """
    done = select(ImportRun.id).where(ImportRun.project_id == project_id, ImportRun.state == RunState.DONE)
    last = session.scalar(done.where(ImportRun.partial.is_(False)).order_by(ImportRun.id.desc()).limit(1)) or 0
    skipped = select(ImportRef).where(
        ImportRef.run_id.in_(done.where(ImportRun.id >= last)),
        ImportRef.state == RefState.SKIPPED,
        ~ImportRef.reason.endswith(TAKEN),
    )
    return {(row.kind, row.name, row.commit): row.reason for row in session.scalars(skipped)}


def taken_refs(session: ReadSession, project_id: int) -> dict[tuple[str, str], str | None]:
    """Kind and name of the refs whose version another ref had at the last finished look at all of them, and why."""
    done = select(ImportRun.id).where(ImportRun.project_id == project_id, ImportRun.state == RunState.DONE)
    last = done.where(ImportRun.partial.is_(False)).order_by(ImportRun.id.desc()).limit(1).scalar_subquery()
    taken = select(ImportRef).where(ImportRef.run_id == last, ImportRef.reason.endswith(TAKEN))
    return {(row.kind, row.name): row.reason for row in session.scalars(taken)}


def live_versions(session: ReadSession, project_id: int) -> set[str]:
    """The versions in the metadata that came from the project, normalised."""
    live = select(Version.normalised).where(Version.project_id == project_id, Version.deleted_at.is_(None))
    return set(session.scalars(live))


def served_versions(session: ReadSession, package_id: int | None) -> dict[str, Served]:
    """What is served of the package, deleted versions too, by normalised version."""
    if package_id is None:
        return {}
    rows = session.execute(
        select(
            Version.id,
            Version.version,
            Version.normalised,
            Archive.reference,
            Version.is_dev,
            Version.deleted_at,
            Version.withdrawn,
            Version.default_branch,
            Version.accepted_commit,
        )
        .join(Archive, Archive.id == Version.archive_id)
        .where(Version.package_id == package_id)
    )
    return {
        normalised: Served(id_, version, normalised, reference, is_dev, deleted is None, withdrawn, default, accepted)
        for id_, version, normalised, reference, is_dev, deleted, withdrawn, default, accepted in rows
    }
