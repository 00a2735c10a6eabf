"""Changing sources, their projects and runs. Sessions only: what asks a host is in `connecting` and `tasks`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import and_, delete, func, or_, select, update
from sqlalchemy.orm import aliased

from packistry import clock
from packistry.access.actors import Actor
from packistry.access.permissions import Permission
from packistry.access.rules import require
from packistry.audit.events import Event
from packistry.audit.log import Subject, record
from packistry.db.engine import ReadSession, WriteSession
from packistry.db.models import ImportRef, ImportRun, Package, Project, ProjectLook, Repository, Rule, Source
from packistry.db.statements import hold
from packistry.errors import AlreadyExists, Conflict, InvalidInput
from packistry.providers.base import Project as HostProject
from packistry.providers.base import Ref
from packistry.sources.hooks import forget_credential, look_after_hooks, settle_hook
from packistry.sources.patterns import valid_patterns
from packistry.sources.queries import project_of_package
from packistry.sources.states import BY_ITSELF, OPEN, PRIORITIES, Cause, RefState, RunState

NAME_CHARACTERS: Final = 255
# Eight requests at once keep a host with 20 ms of latency busy and are below what hosts call abuse.
CONCURRENCY: Final = 8
MOST_CONCURRENCY: Final = 32
# Runs that wait for a credential are hurried when it is good again; this is for the case that nobody hurries them.
CREDENTIAL_PAUSE: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Moved:
    """A host under another address, with the credential for it, sealed."""

    address: str
    credential: bytes
    settings: Mapping[str, str]


def add_source(
    session: WriteSession,
    actor: Actor,
    *,
    name: str,
    provider: str,
    address: str,
    credential: bytes,
    settings: Mapping[str, str],
    concurrency: int = CONCURRENCY,
) -> Source:
    """A new source; `credential` is sealed, `address` was checked by outbound.guard. Refuses a name that is taken."""
    require(actor, Permission.SOURCE_MANAGE)
    source = Source(
        name=_free_name(session, name),
        provider=provider,
        address=address,
        credential=credential,
        settings=dict(settings),
        concurrency=_valid_concurrency(concurrency),
        created_at=clock.now(),
    )
    session.add(source)
    session.flush()
    record(session, actor, Event.SOURCE_CREATED, source_subject(source), provider=provider, address=address)
    return source


def rotate_source(session: WriteSession, actor: Actor, source: Source, credential: bytes) -> None:
    """Another credential for the same host; its projects and packages stay as they are."""
    require(actor, Permission.SOURCE_MANAGE)
    source.credential = credential
    source.credential_refused = source.credential_expires_at = source.waits_until = None
    record(session, actor, Event.SOURCE_ROTATED, source_subject(source))
    look_after_hooks(session, source)
    hurry_waiting_runs(session, source)


def update_source(
    session: WriteSession,
    actor: Actor,
    source: Source,
    *,
    name: str | None = None,
    concurrency: int | None = None,
    moved: Moved | None = None,
) -> None:
    """Changes what is given. A new address comes with the credential for it, as `readdressing` says."""
    require(actor, Permission.SOURCE_MANAGE)
    wanted = {
        "name": None if name is None or name.strip() == source.name else _free_name(session, name),
        "concurrency": None if concurrency is None else _valid_concurrency(concurrency),
        "address": None if moved is None else moved.address,
    }
    changes = {key: value for key, value in wanted.items() if value is not None and value != getattr(source, key)}
    for key, value in changes.items():
        setattr(source, key, value)
    if changes:
        record(session, actor, Event.SOURCE_UPDATED, source_subject(source), **changes)
    if moved is not None:
        source.settings = dict(moved.settings)
        rotate_source(session, actor, source, moved.credential)


def hurry_waiting_runs(session: WriteSession, source: Source) -> None:
    """What waited for a good credential need not wait any longer."""
    projects = select(Project.id).where(Project.source_id == source.id)
    waiting = update(ImportRun).where(ImportRun.project_id.in_(projects), ImportRun.state == RunState.WAITING)
    session.execute(waiting.values(due_at=clock.now()))


def delete_source(session: WriteSession, actor: Actor, source: Source) -> int:
    """The source and its credential are gone; its packages stay. Returns how many projects it had.

    With hooks at the host the credential is kept, for a day at most, until the jobs process has removed them.
    """
    require(actor, Permission.SOURCE_MANAGE)
    moment = clock.now()
    source.deleted_at = moment
    projects = session.scalars(select(Project).where(Project.source_id == source.id, Project.deleted_at.is_(None)))
    count = 0
    for project in projects:
        remove_project(session, project)
        count += 1
    rules = update(Rule).where(Rule.source_id == source.id, Rule.deleted_at.is_(None))
    session.execute(rules.values(deleted_at=moment))
    session.execute(delete(ProjectLook).where(ProjectLook.source_id == source.id))
    forget_credential(session, source)
    record(session, actor, Event.SOURCE_DELETED, source_subject(source), projects=count)
    return count


def add_project(
    session: WriteSession,
    actor: Actor,
    source: Source,
    repository: Repository,
    found: HostProject,
    *,
    directory: str = "",
    tags: Sequence[str] = (),
    branches: Sequence[str] = (),
    hooked: bool = True,
    rule_id: int | None = None,
) -> Project:
    """The project, to be imported into the repository. One that was added before is opened, not added twice."""
    require(actor, Permission.SOURCE_MANAGE)
    # Somebody else may add it at this moment: a rule while a person does.
    hold(session, f"projects of source {source.id}")
    project = session.execute(
        select(Project).where(
            Project.source_id == source.id,
            Project.remote_id == found.id,
            Project.repository_id == repository.id,
            Project.directory == directory,
        )
    ).scalar_one_or_none()
    if project is None:
        project = Project(
            source_id=source.id,
            repository_id=repository.id,
            remote_id=found.id,
            directory=directory,
            created_at=clock.now(),
        )
        session.add(project)
    project.deleted_at = None
    project.tags = valid_patterns(tags, field="tag")
    project.branches = valid_patterns(branches, field="branch")
    project.hooked, project.rule_id = hooked, rule_id
    follow_project(project, found)
    settle_hook(session, project)
    record(session, actor, Event.PROJECT_ADDED, project_subject(project), repository=repository.path, rule=rule_id)
    return project


def follow_project(project: Project, found: HostProject) -> None:
    """What the host says of it now: its id stays, its name, address and default branch may not."""
    project.full_name, project.web_url, project.clone_url = found.full_name, found.web_url, found.clone_url
    project.default_branch, project.archived = found.default_branch, found.archived


def request_run(session: WriteSession, project: Project, cause: Cause) -> ImportRun:
    """The run that will bring in all refs of the project: one that waits already, or a new one.

    The jobs process finds it by its row. One that waits with the refs of pushes becomes one of all refs.
    """
    chosen = select(ImportRun).where(ImportRun.project_id == project.id, ImportRun.state == RunState.WAITING)
    waiting = session.scalars(chosen.order_by(ImportRun.partial, ImportRun.id).with_for_update()).first()
    priority = PRIORITIES[cause]
    if waiting is not None:
        waiting.partial = False
        waiting.priority = min(waiting.priority, priority)
        # A rebuild looks at every ref, also at those whose commit is known; what a person asked for is tried also where
        # what comes by itself waits for a good credential.
        if cause is Cause.REBUILD or (cause not in BY_ITSELF and waiting.cause in BY_ITSELF):
            waiting.cause = cause
        waiting.due_at = min(waiting.due_at, clock.now())
        return waiting
    moment = clock.now()
    run = ImportRun(
        project_id=project.id, cause=cause, state=RunState.WAITING, priority=priority, due_at=moment, created_at=moment
    )
    session.add(run)
    session.flush()
    return run


def rebuild_package(session: WriteSession, actor: Actor, package: Package) -> ImportRun:
    """The run that looks at every ref of the package's project anew. Refuses an uploaded package."""
    require(actor, Permission.SOURCE_MANAGE)
    project = project_of_package(session, package)
    if project is None:
        raise Conflict(f"{package.name} was uploaded, so there is nothing to rebuild it from; upload it again.")
    return request_run(session, project, Cause.REBUILD)


def request_syncs(session: WriteSession, source: Source | None = None) -> int:
    """A run for every project, or every one of a source, if the credential is good and there is a repository for what
    it brings; how many.
    """
    live = (
        select(Project)
        .join(Source, Source.id == Project.source_id)
        .join(Repository, Repository.id == Project.repository_id)
        .where(Project.deleted_at.is_(None), Source.deleted_at.is_(None), Source.credential_refused.is_(None))
        .where(Repository.deleted_at.is_(None))
    )
    projects = session.scalars(live if source is None else live.where(Source.id == source.id)).all()
    for project in projects:
        request_run(session, project, Cause.SYNC)
    return len(projects)


def begin_run(session: WriteSession, run: ImportRun) -> bool:
    """Marks it as running; False when there is nothing to do, because it was cancelled or finished meanwhile."""
    if not _is_open(session, run):
        return False
    run.state, run.reason = RunState.RUNNING, None
    run.started_at = run.started_at or clock.now()
    return True


def list_refs(session: WriteSession, run: ImportRun, refs: Iterable[Ref]) -> None:
    """Writes a row for each ref, in the order in which they are worked off. Called once a run."""
    session.execute(delete(ImportRef).where(ImportRef.run_id == run.id))
    session.add_all(
        ImportRef(
            run_id=run.id, kind=ref.kind, name=ref.name, commit=ref.commit, position=position, state=RefState.WAITING
        )
        for position, ref in enumerate(refs)
    )
    run.listed = True


def forget_idle_syncs(session: WriteSession, run: ImportRun) -> None:
    """Earlier looks at the project that tell of nothing but what this one found again: a row a ref, every quarter
    of an hour, for ever.

    Not after a run of a push only: it does not tell again what the whole look before it skipped.
    """
    if run.partial:
        return
    again = aliased(ImportRef)
    same = [getattr(again, name) == getattr(ImportRef, name) for name in ("kind", "name", "commit", "state")]
    found_again = select(again.id).where(again.run_id == run.id, *same).exists()
    changed = ImportRef.state.in_((RefState.IMPORTED, RefState.DELETED))
    lasting = ImportRef.state.in_((RefState.KEPT, RefState.FAILED))
    tells = or_(changed, and_(lasting, ~found_again))
    telling = select(ImportRef.run_id).where(ImportRef.run_id == ImportRun.id, tells).exists()
    session.execute(
        delete(ImportRun).where(
            ImportRun.project_id == run.project_id,
            ImportRun.id < run.id,
            ImportRun.cause == Cause.SYNC,
            ImportRun.state == RunState.DONE,
            ~telling,
        )
    )


def finish_run(session: WriteSession, run: ImportRun, state: RunState, reason: str | None = None) -> None:
    """The run is over; one that was already, because it was cancelled meanwhile, stays as it is.

    A reason says what failed before any ref could be looked at.
    """
    if not _is_open(session, run):
        return
    run.state, run.reason, run.finished_at = state, reason, clock.now()
    _end_waiting_refs(session, run)


def put_off_run(session: WriteSession, run: ImportRun, until: datetime, reason: str) -> None:
    """The host cannot be asked now: the run waits, and says for what. One that was cancelled meanwhile stays so."""
    if not _is_open(session, run):
        return
    run.state, run.due_at, run.reason = RunState.WAITING, until, reason
    run.attempts += 1


def wait_for_credential(session: WriteSession, run: ImportRun, source: Source) -> bool:
    """Whether the run waits until the host takes the credential again, because nobody asked for it just now."""
    if source.credential_refused is None or run.cause not in BY_ITSELF or run.state not in OPEN:
        return False
    run.state, run.due_at = RunState.WAITING, clock.now() + CREDENTIAL_PAUSE
    run.reason = (
        f"waits for a credential: the host refused that of {source.name}. Give it a new one with "
        f"`packistry source rotate {source.name}`; this then goes on by itself."
    )
    return True


def cancel_run(session: WriteSession, actor: Actor, run: ImportRun) -> None:
    """Refs that were not looked at stay as they are. Refuses with Conflict a run that is over."""
    require(actor, Permission.SOURCE_MANAGE)
    if not _is_open(session, run):
        raise Conflict(f"Import {run.id} is {run.state} already.")
    _cancel(session, run)
    record(session, actor, Event.IMPORT_CANCELLED, Subject("import", run.id, str(run.id)))


def retry_run(session: WriteSession, actor: Actor, run: ImportRun) -> ImportRun:
    """A new run of the same project. Refs that were imported cost nothing, so that it is those that failed.

    Refuses as `project_to_retry`.
    """
    return request_run(session, project_to_retry(session, actor, run), Cause.RETRY)


def project_to_retry(session: ReadSession, actor: Actor, run: ImportRun) -> Project:
    """The project of a run that is over. Refuses with Conflict while it goes on, and when the project was deleted."""
    require(actor, Permission.SOURCE_MANAGE)
    if run.state in OPEN:
        raise Conflict(f"Import {run.id} is {run.state}; wait for its end or cancel it.")
    project = session.get_one(Project, run.project_id)
    if project.deleted_at is not None:
        raise Conflict(f"{project.full_name} is followed no longer; `packistry package add` adds it again.")
    return project


def remove_project(session: WriteSession, project: Project) -> None:
    """It is followed no longer; what it brought stays. The caller says why in the audit log."""
    project.deleted_at = clock.now()
    settle_hook(session, project)
    cancel_runs(session, project)


def cancel_runs(session: WriteSession, project: Project) -> None:
    """All of the project that are not over: what they were going to do is not wanted any more."""
    runs = select(ImportRun).where(ImportRun.project_id == project.id, ImportRun.state.in_(OPEN))
    for run in session.scalars(runs):
        _cancel(session, run)


def source_subject(source: Source) -> Subject:
    return Subject("source", source.id, source.name)


def project_subject(project: Project) -> Subject:
    return Subject("project", project.id, project.full_name)


def _is_open(session: WriteSession, run: ImportRun) -> bool:
    """Whether it is not over now. Its row is held until the commit, so that nobody else ends it meanwhile."""
    session.refresh(run, with_for_update=True)
    return run.state in OPEN


def _cancel(session: WriteSession, run: ImportRun) -> None:
    finish_run(session, run, RunState.CANCELLED)


def _end_waiting_refs(session: WriteSession, run: ImportRun) -> None:
    """What still waits when the run ends was cancelled, or failed for a reason of its own or that of the run."""
    state = RefState.CANCELLED if run.state == RunState.CANCELLED else RefState.FAILED
    reason = func.coalesce(ImportRef.reason, run.reason)
    waiting = update(ImportRef).where(ImportRef.run_id == run.id, ImportRef.state == RefState.WAITING)
    session.execute(waiting.values(state=state, reason=reason, finished_at=clock.now()))


def _free_name(session: WriteSession, name: str) -> str:
    name = name.strip()
    if not name or len(name) > NAME_CHARACTERS:
        raise InvalidInput(f"The name of a source has 1 to {NAME_CHARACTERS} characters.", field="name")
    hold(session, "names of sources")
    taken = select(func.count()).where(Source.name == name, Source.deleted_at.is_(None))
    if session.scalar(taken):
        raise AlreadyExists(f"There is a source {name} already; choose another name.", field="name")
    return name


def _valid_concurrency(concurrency: int) -> int:
    if not 1 <= concurrency <= MOST_CONCURRENCY:
        raise InvalidInput(f"Between 1 and {MOST_CONCURRENCY} refs are worked on at once.", field="concurrency")
    return concurrency
