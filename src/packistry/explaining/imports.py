"""What imports say of a version that is not there. Reasons of hosts are for administrators; others learn that there are
some.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import func, or_, select

from packistry.access.actors import Actor
from packistry.access.permissions import Permission
from packistry.access.rules import may
from packistry.composer.constraints import Constraint
from packistry.composer.versions import normalise
from packistry.db.engine import ReadSession
from packistry.db.models import ImportRef, ImportRun, Package, Project
from packistry.explaining.answers import Cause, Reason
from packistry.sources.states import OPEN, RefState, RunState
from packistry.sources.working import version_named

# The newest of them: what is older was tried again since.
MOST_REFS: Final = 2_000
_NOT_THERE: Final = (RefState.FAILED, RefState.SKIPPED, RefState.KEPT, RefState.CANCELLED)
_WORDS: Final = {
    RefState.FAILED: "failed",
    RefState.SKIPPED: "was passed over",
    RefState.KEPT: "was not taken, because what is served does not change",
    RefState.CANCELLED: "was cancelled",
}


def refs_that_would_fit(
    session: ReadSession, asker: Actor, package: Package, constraint: str, wanted: Constraint
) -> list[Reason]:
    """The branches and tags that would give a version that was asked for, and did not."""
    newest = _newest(session, select_projects(session, package))
    found = [ref for ref in newest if ref.state in _NOT_THERE and _fits(ref, constraint, wanted)]
    if not found:
        return []
    if not may(asker, Permission.SOURCE_MANAGE):
        words = "A branch or tag that would fit was not imported."
        return [Reason(Cause.IMPORT, words, "Ask an administrator, who sees the reason on this page.")]
    return [
        Reason(
            Cause.IMPORT,
            f"The {ref.kind} {ref.name} {_WORDS[RefState(ref.state)]}: {ref.reason or 'no reason was noted.'}",
            f"Mend that and try again, on /-/imports/{ref.run_id}.",
        )
        for ref in found[:5]
    ]


def state_of_imports(session: ReadSession, asker: Actor, package: Package) -> list[Reason]:
    """Imports of the package that have yet to run, or did not end well."""
    return list(_states(session, asker, select_projects(session, package)))


def unfinished_imports(session: ReadSession, asker: Actor, name: str) -> list[Reason]:
    """Of a package that there is not: projects that may be it, since they have its name and gave none yet."""
    if not may(asker, Permission.SOURCE_MANAGE):
        return []
    short = name.partition("/")[2]
    called = (
        func.lower(Project.full_name).in_([name, f"{name}.git", short, f"{short}.git"]),
        Project.renamed_to == name,
    )
    projects = session.scalars(select(Project).where(Project.deleted_at.is_(None), or_(*called))).all()
    return list(
        _states(session, asker, [each for each in projects if each.package_id is None or each.renamed_to == name])
    )


def select_projects(session: ReadSession, package: Package) -> Sequence[Project]:
    """The projects that the package is imported from; none for an uploaded one."""
    chosen = select(Project).where(Project.package_id == package.id, Project.deleted_at.is_(None)).order_by(Project.id)
    return session.scalars(chosen).all()


def _states(session: ReadSession, asker: Actor, projects: Sequence[Project]) -> Iterator[Reason]:
    for project in projects:
        newest = select(ImportRun).where(ImportRun.project_id == project.id).order_by(ImportRun.id.desc()).limit(1)
        reason = _state(project, session.scalars(newest).first())
        if reason is None:
            continue
        if may(asker, Permission.SOURCE_MANAGE):
            yield reason
        else:
            yield Reason(Cause.IMPORT, "Its import is not done, or did not end well.", "Ask an administrator.")


def _state(project: Project, run: ImportRun | None) -> Reason | None:
    if run is None:
        return Reason(Cause.IMPORT, f"{project.full_name} was never imported.", "packistry package rebuild imports it.")
    where = f"See /-/imports/{run.id}."
    why = "" if run.reason is None else f" {run.reason}"
    if run.state in OPEN:
        return Reason(Cause.IMPORT, f"The import of {project.full_name} is {run.state}.{why}", where)
    if run.state in {RunState.FAILED, RunState.CANCELLED}:
        return Reason(
            Cause.IMPORT, f"The last import of {project.full_name} was {run.state}.{why}", f"{where} Try again."
        )
    if project.problem is not None:
        return Reason(Cause.IMPORT, f"{project.full_name}: {project.problem}", where)
    if project.renamed_to is not None and project.package_id is not None:
        words = f"{project.full_name} calls itself {project.renamed_to} now."
        return Reason(Cause.IMPORT, words, f"packistry project accept-rename {project.id} takes the name.")
    return None


def _newest(session: ReadSession, projects: Sequence[Project]) -> list[ImportRef]:
    """Of each branch and tag what became of it the last time."""
    rows = session.scalars(
        select(ImportRef)
        .join(ImportRun, ImportRun.id == ImportRef.run_id)
        .where(ImportRun.project_id.in_([project.id for project in projects]))
        .order_by(ImportRef.run_id.desc(), ImportRef.id.desc())
        .limit(MOST_REFS)
    )
    found: dict[tuple[str, str], ImportRef] = {}
    for ref in rows:
        found.setdefault((ref.kind, ref.name), ref)
    return list(found.values())


def _fits(ref: ImportRef, constraint: str, wanted: Constraint) -> bool:
    version = version_named(ref.kind, ref.name)
    if version is None:
        # It stands for no version, which is why it was passed over; a person names it all the same.
        return constraint in {ref.name, f"dev-{ref.name}"}
    return wanted.matches(normalise(version))
