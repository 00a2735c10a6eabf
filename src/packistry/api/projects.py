"""Projects that were added from sources, and what is taken of each."""

from dataclasses import replace
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from pydantic import ConfigDict, Field

from packistry.access.permissions import Ability
from packistry.api.calls import Ask, Call, Listed, sorted_by
from packistry.api.imports import document_of
from packistry.api.inputs import Body, Id, Reference, Words, path_of, words_of
from packistry.api.operations import list_of, operation
from packistry.api.sources import name_of
from packistry.api.webhooks import secret_document
from packistry.db.engine import WriteSession
from packistry.db.types import MAX_ID
from packistry.documents.sources import AddedProjectDocument, ImportDocument, project_document
from packistry.repositories.queries import find_repository
from packistry.sources.accepting import accept_rename, refuse_rename
from packistry.sources.desk import Wish
from packistry.sources.parts import PROJECT_ORDERS, added_project, part_of_projects
from packistry.sources.projects import delete_project, move_project, update_project
from packistry.sources.queries import Project

router: Final = APIRouter(tags=["projects"])
READ, WRITE = Ability.SOURCES_READ, Ability.SOURCES_WRITE

Pattern = Annotated[str, Field(min_length=1, max_length=255)]
Patterns = Annotated[list[Pattern], Field(max_length=100, description="Such as v*; !v0.* leaves out; none is all.")]
Path = Annotated[str, Field(max_length=255, description='Path of the repository; "/" is the root.')]


class NewProjects(Body):
    """Projects that are to be added, all or none."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"source": 1, "projects": ["acme/widgets"], "repository": "acme"}]}
    )

    source: Annotated[Reference, Field(description="Number of the source.")]
    projects: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=1024)]],
        Field(min_length=1, max_length=100, description="Full names at the host."),
    ]
    repository: Path = "/"
    directory: Annotated[str, Field(max_length=1024, description="Where the package is in the project.")] = ""
    tags: Annotated[Patterns, Field(default_factory=list)]
    branches: Annotated[Patterns, Field(default_factory=list)]
    hook: Annotated[bool, Field(description="Whether the host is to call; it is looked at anyway.")] = True


class ProjectChange(Body):
    """What is to be changed of a project. Patterns replace those before."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"tags": ["v*"], "hook": True}]})

    tags: Patterns | None = None
    branches: Patterns | None = None
    repository: Annotated[Path | None, Field(description="Publish there from now on.")] = None
    hook: bool | None = None


@operation(router, "GET", "/projects", ability=READ, answers=list_of(AddedProjectDocument))
def list_projects(
    call: Ask,
    *,
    listing: Listed,
    sort: Annotated[str, sorted_by(PROJECT_ORDERS)] = "name",
    q: Words = "",
    source: Annotated[int | None, Query(ge=1, le=MAX_ID, description="Number of a source.")] = None,
    repository: Annotated[str | None, Query(max_length=255, description='Path; "/" is the root.')] = None,
) -> Response:
    """Projects that were added, and what is wrong with them."""
    part = listing.part(PROJECT_ORDERS, sort)
    path = None if repository is None else path_of(repository)
    with call.read() as session:
        found = part_of_projects(session, call.actor, part, words=words_of(q), source_id=source, repository=path)
    return call.listed(found, part, PROJECT_ORDERS, project_document)


@operation(router, "POST", "/projects", ability=WRITE, answers=list_of(ImportDocument), status=201)
def add_projects(call: Ask, body: NewProjects) -> Response:
    """Add projects of a source. Their first imports are answered, and where we cannot tell a host of its webhook, the
    secret for it, this once. Those that were added before are imported again: sending it twice adds nothing twice.
    """
    with call.read() as session:
        repository = find_repository(session, call.actor, path_of(body.repository))
    wish = Wish(repository.id, directory=body.directory, tags=body.tags, branches=body.branches, hooked=body.hook)
    added = call.parts.desk.add(call.actor, name_of(call, body.source), body.projects, wish)
    with call.read() as session:
        documents = [
            replace(
                document_of(session, call, each.run_id),
                webhook=None if each.hook is None else secret_document(call, each.hook),
            )
            for each in added
        ]
    return call.whole(documents, status=201)


@operation(router, "GET", "/projects/{project_id}", ability=READ, answers=AddedProjectDocument)
def show_project(call: Ask, project_id: Id) -> Response:
    """What is taken of a project, and where it goes."""
    with call.read() as session:
        return call.answer(project_document(added_project(session, call.actor, project_id)))


@operation(router, "PATCH", "/projects/{project_id}", ability=WRITE, answers=AddedProjectDocument, guarded=True)
def change_project(call: Ask, project_id: Id, body: ProjectChange) -> Response:
    """Change what is taken of a project, or where it goes. One that goes elsewhere is another project from then on."""
    with call.write() as session:
        project = _held(session, call, project_id)
        update_project(session, call.actor, project, tags=body.tags, branches=body.branches, hooked=body.hook)
        if body.repository is not None:
            target = find_repository(session, call.actor, path_of(body.repository))
            project = move_project(session, call.actor, project, target)
        session.flush()
        return call.answer(project_document(added_project(session, call.actor, project.id)))


@operation(router, "DELETE", "/projects/{project_id}", ability=WRITE, status=204, guarded=True)
def remove_project(call: Ask, project_id: Id) -> Response:
    """Stop following a project. Its versions stay, and no rule adds it again."""
    with call.write() as session:
        delete_project(session, call.actor, _held(session, call, project_id))
    return Response(status_code=204)


@operation(
    router, "POST", "/projects/{project_id}/accept-rename", ability=WRITE, answers=ImportDocument, status=201, once=True
)
def accept_project_rename(call: Ask, project_id: Id) -> Response:
    """Take the new name in composer.json: a new package. The old one stays, marked abandoned in favour of it."""

    def accept(session: WriteSession) -> Response:
        project = added_project(session, call.actor, project_id).project
        run = accept_rename(session, call.actor, project, call.address_of(session, "").public_url).id
        session.flush()
        return call.answer(document_of(session, call, run), status=201, location=f"/imports/{run}")

    return call.once(accept)


@operation(router, "POST", "/projects/{project_id}/refuse-rename", ability=WRITE, answers=AddedProjectDocument)
def refuse_project_rename(call: Ask, project_id: Id) -> Response:
    """Keep the package's name, whatever composer.json says now; nobody is told again of this new name."""
    with call.write() as session:
        refuse_rename(session, call.actor, added_project(session, call.actor, project_id).project)
        session.flush()
        return call.answer(project_document(added_project(session, call.actor, project_id)))


def _held(session: WriteSession, call: Call, project_id: int) -> Project:
    """The project as it is, for this change alone. Refuses one that is not as the caller takes it to be."""
    call.hold(session)
    added = added_project(session, call.actor, project_id)
    call.refuse_outdated(session, project_document(added))
    return added.project
