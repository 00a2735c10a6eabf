"""Repositories."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from pydantic import ConfigDict, Field

from packistry.access.permissions import Ability
from packistry.api.calls import Ask, Call, Listed, sorted_by
from packistry.api.inputs import Body, Id, Name, Words, words_of
from packistry.api.operations import list_of, operation
from packistry.db.engine import ReadSession, WriteSession
from packistry.documents.subjects import RepositoryDocument, repository_document
from packistry.repositories.actions import create_repository, delete_repository, update_repository
from packistry.repositories.queries import REPOSITORY_ORDERS, Repository, part_of_repositories, repository_at

router: Final = APIRouter(tags=["repositories"])
READ, WRITE = Ability.REPOSITORIES_READ, Ability.REPOSITORIES_WRITE

Path = Annotated[str, Field(min_length=1, max_length=255, description="Address below /r/.", examples=["acme"])]
Text = Annotated[str, Field(max_length=10_000)]


class NewRepository(Body):
    """A repository that is to be made."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Acme", "path": "acme"}]})

    name: Name
    path: Path
    description: Text = ""
    public: bool = False
    claims_vendors: bool = True


class RepositoryChange(Body):
    """What is to be changed of a repository."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"description": "Ours", "public": True}]})

    name: Name | None = None
    path: Path | None = None
    description: Text | None = None
    public: bool | None = None
    claims_vendors: bool | None = None


@operation(router, "GET", "/repositories", ability=READ, answers=list_of(RepositoryDocument))
def list_repositories(
    call: Ask,
    *,
    listing: Listed,
    sort: Annotated[str, sorted_by(REPOSITORY_ORDERS)] = "path",
    q: Words = "",
    public: Annotated[bool | None, Query(description="Only public ones, or only others.")] = None,
) -> Response:
    """Repositories that one may see."""
    part = listing.part(REPOSITORY_ORDERS, sort)
    with call.read() as session:
        found = part_of_repositories(session, call.actor, part, words=words_of(q), public=public)
    return call.listed(found, part, REPOSITORY_ORDERS, lambda each: repository_document(each, call.public_base))


@operation(router, "POST", "/repositories", ability=WRITE, answers=RepositoryDocument, status=201, once=True)
def make_repository(call: Ask, body: NewRepository) -> Response:
    """Make a repository."""

    def make(session: WriteSession) -> Response:
        made = create_repository(session, call.actor, **body.model_dump())
        document = _document(session, call, made.id)
        return call.answer(document, status=201, location=f"/repositories/{made.id}")

    return call.once(make)


@operation(router, "GET", "/repositories/{repository_id}", ability=READ, answers=RepositoryDocument)
def show_repository(call: Ask, repository_id: Id) -> Response:
    """A repository."""
    with call.read() as session:
        return call.answer(_document(session, call, repository_id))


@operation(router, "PATCH", "/repositories/{repository_id}", ability=WRITE, answers=RepositoryDocument, guarded=True)
def change_repository(call: Ask, repository_id: Id, body: RepositoryChange) -> Response:
    """Change a repository."""
    with call.write() as session:
        found = _held(session, call, repository_id)
        update_repository(session, call.actor, found, **body.given)
        session.flush()
        return call.answer(_document(session, call, repository_id))


@operation(router, "DELETE", "/repositories/{repository_id}", ability=WRITE, status=204, guarded=True)
def remove_repository(
    call: Ask,
    repository_id: Id,
    with_packages: Annotated[bool, Query(description="Delete it although it holds packages, with them.")] = False,
) -> Response:
    """Delete a repository. Archives stay for old locks; nobody reaches them by it any more."""
    with call.write() as session:
        found = _held(session, call, repository_id)
        delete_repository(session, call.actor, found, with_packages=with_packages)
    return Response(status_code=204)


def _held(session: WriteSession, call: Call, repository_id: int) -> Repository:
    """The repository as it is, for this change alone. Refuses one that is not as the caller takes it to be."""
    call.hold(session)
    found, summary = repository_at(session, call.actor, repository_id)
    call.refuse_outdated(session, repository_document(summary, call.public_base))
    return found


def _document(session: ReadSession, call: Call, repository_id: int) -> RepositoryDocument:
    _, summary = repository_at(session, call.actor, repository_id)
    return repository_document(summary, call.public_base)
