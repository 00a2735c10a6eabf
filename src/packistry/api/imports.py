"""Imports: what brings branches and tags in, and what became of each."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Response
from pydantic import ConfigDict, Field

from packistry.access.permissions import Ability
from packistry.api.calls import Ask, Call, Listed, sorted_by
from packistry.api.inputs import Body, Id, Reference
from packistry.api.operations import list_of, operation
from packistry.db.engine import ReadSession, WriteSession
from packistry.db.types import MAX_ID
from packistry.documents.sources import ImportDocument, RefDocument, import_document
from packistry.errors import InvalidInput
from packistry.packages.queries import package_at
from packistry.sources.accepting import accept_moved
from packistry.sources.actions import cancel_run, rebuild_package, request_run, retry_run
from packistry.sources.outlook import outlook_of
from packistry.sources.parts import REF_ORDERS, RUN_ORDERS, added_project, part_of_refs, part_of_runs
from packistry.sources.pushes import retry_refs
from packistry.sources.queries import find_run, summarise_run
from packistry.sources.states import Cause, RefState, RunState

router: Final = APIRouter(tags=["imports"])
READ, WRITE = Ability.SOURCES_READ, Ability.SOURCES_WRITE

RefName = Annotated[str, Field(min_length=1, max_length=1024)]


class NewImport(Body):
    """An import that is to be made, of a project or of the project that a package comes from."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"project": 4}]})

    project: Annotated[Reference | None, Field(description="Number of the project.")] = None
    package: Annotated[Reference | None, Field(description="Number of the package.")] = None


class Retry(Body):
    """Which refs are to be looked at anew."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"refs": ["v1.0.0"]}]})

    refs: Annotated[list[RefName], Field(max_length=1000, default_factory=list, description="None is all of them.")]


class Acceptance(Body):
    """The tag that moved."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"ref": "v1.0.0"}]})

    ref: RefName


@operation(router, "GET", "/imports", ability=READ, answers=list_of(ImportDocument))
def list_imports(
    call: Ask,
    *,
    listing: Listed,
    sort: Annotated[str, sorted_by(RUN_ORDERS)] = "-id",
    state: Annotated[RunState | None, Query(description="Only in this state.")] = None,
    show: Annotated[
        Literal["open", "failed"] | None, Query(description="Those that are not over, or in which something failed.")
    ] = None,
    project: Annotated[int | None, Query(ge=1, le=MAX_ID, description="Number of a project.")] = None,
) -> Response:
    """Imports, without their refs."""
    part = listing.part(RUN_ORDERS, sort)
    with call.read() as session:
        found = part_of_runs(session, call.actor, part, wanted=show or "", state=state, project_id=project)
    return call.listed(found, part, RUN_ORDERS, import_document)


@operation(router, "POST", "/imports", ability=WRITE, answers=ImportDocument, status=201, once=True)
def make_import(call: Ask, body: NewImport) -> Response:
    """Look at every branch and tag of a project, or of a package's project, anew. Nothing that an old lock needs is
    taken away.
    """

    if (body.project is None) == (body.package is None):
        raise InvalidInput("Say one of project and package.", field="project")

    def make(session: WriteSession) -> Response:
        if body.package is not None:
            package, _, _ = package_at(session, call.actor, body.package)
            run = rebuild_package(session, call.actor, package)
        else:
            assert body.project is not None, "one of the two is given"
            run = request_run(session, added_project(session, call.actor, body.project).project, Cause.REBUILD)
        return _made(session, call, run.id)

    return call.once(make)


@operation(router, "GET", "/imports/{import_id}", ability=READ, answers=ImportDocument)
def show_import(call: Ask, import_id: Id) -> Response:
    """An import, without its refs."""
    with call.read() as session:
        return call.answer(document_of(session, call, import_id))


@operation(router, "GET", "/imports/{import_id}/refs", ability=READ, answers=list_of(RefDocument))
def list_refs(
    call: Ask,
    *,
    listing: Listed,
    import_id: Id,
    sort: Annotated[str, sorted_by(REF_ORDERS)] = "position",
    state: Annotated[RefState | None, Query(description="Only in this state.")] = None,
) -> Response:
    """Branches and tags of an import, each with why it is as it is."""
    part = listing.part(REF_ORDERS, sort)
    with call.read() as session:
        run = find_run(session, call.actor, import_id)
        found = part_of_refs(session, call.actor, run, part, state=state)
    return call.listed(
        found, part, REF_ORDERS, lambda ref: RefDocument(ref.kind, ref.name, ref.commit, ref.state, ref.reason)
    )


@operation(router, "POST", "/imports/{import_id}/retry", ability=WRITE, answers=ImportDocument, status=201, once=True)
def retry_import(call: Ask, import_id: Id, body: Retry) -> Response:
    """Import a project again. Refs that are here already cost nothing; those that are named are looked at anew."""

    def retry(session: WriteSession) -> Response:
        run = find_run(session, call.actor, import_id)
        again = retry_refs(session, call.actor, run, body.refs) if body.refs else retry_run(session, call.actor, run)
        return _made(session, call, again.id)

    return call.once(retry)


@operation(router, "POST", "/imports/{import_id}/cancel", ability=WRITE, answers=ImportDocument)
def cancel_import(call: Ask, import_id: Id) -> Response:
    """Stop an import. What it brought in stays."""
    with call.write() as session:
        cancel_run(session, call.actor, find_run(session, call.actor, import_id))
        session.flush()
        return call.answer(document_of(session, call, import_id))


@operation(router, "POST", "/imports/{import_id}/accept", ability=WRITE, answers=ImportDocument, status=201, once=True)
def accept_moved_tag(call: Ask, import_id: Id, body: Acceptance) -> Response:
    """Take the commit that a stable tag has moved to. The archive of the former one stays, for old locks."""

    def accept(session: WriteSession) -> Response:
        run = find_run(session, call.actor, import_id)
        return _made(session, call, accept_moved(session, call.actor, run, body.ref).id)

    return call.once(accept)


def document_of(session: ReadSession, call: Call, run_id: int) -> ImportDocument:
    """The import, without its refs."""
    run = find_run(session, call.actor, run_id)
    summary = summarise_run(session, run)
    return import_document(summary, (), outlook_of(session, run, summary.source))


def _made(session: WriteSession, call: Call, run_id: int) -> Response:
    session.flush()
    return call.answer(document_of(session, call, run_id), status=201, location=f"/imports/{run_id}")
