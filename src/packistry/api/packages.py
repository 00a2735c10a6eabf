"""Packages: what is said of each, deleting and purging them."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from pydantic import ConfigDict, Field

from packistry.access.permissions import Ability
from packistry.api.calls import Ask, Listed, sorted_by
from packistry.api.inputs import Body, Id, Words, path_of, words_of
from packistry.api.operations import list_of, operation
from packistry.documents.subjects import PackageDocument, PurgedDocument, package_document
from packistry.packages.actions import delete_package, purge_package, update_package
from packistry.packages.purge import remove_unnamed_files
from packistry.packages.queries import PACKAGE_ORDERS, package_at, part_of_packages

router: Final = APIRouter(tags=["packages"])
READ, WRITE = Ability.PACKAGES_READ, Ability.PACKAGES_WRITE


class PackageChange(Body):
    """What is to be said of a package."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"abandoned": "acme/new-lib"}]})

    abandoned: Annotated[
        str | None,
        Field(max_length=255, description="What replaces it, empty for nothing; null follows its composer.json."),
    ]


@operation(router, "GET", "/packages", ability=READ, answers=list_of(PackageDocument))
def list_packages(
    call: Ask,
    *,
    listing: Listed,
    sort: Annotated[str, sorted_by(PACKAGE_ORDERS)] = "name",
    q: Words = "",
    repository: Annotated[str | None, Query(max_length=255, description='Path; "/" is the root.')] = None,
    name: Annotated[str | None, Query(max_length=255, description="vendor/name.")] = None,
    kind: Annotated[str | None, Query(alias="type", max_length=255, description="Such as library.")] = None,
) -> Response:
    """Packages that one may see."""
    part = listing.part(PACKAGE_ORDERS, sort)
    path = None if repository is None else path_of(repository)
    wanted = None if name is None else name.lower()
    with call.read() as session:
        found = part_of_packages(session, call.actor, part, words=words_of(q), repository=path, name=wanted, kind=kind)
    return call.listed(found, part, PACKAGE_ORDERS, package_document)


@operation(router, "GET", "/packages/{package_id}", ability=READ, answers=PackageDocument)
def show_package(call: Ask, package_id: Id) -> Response:
    """A package."""
    with call.read() as session:
        return call.answer(package_document(package_at(session, call.actor, package_id)[2]))


@operation(router, "PATCH", "/packages/{package_id}", ability=WRITE, answers=PackageDocument, guarded=True)
def change_package(call: Ask, package_id: Id, body: PackageChange) -> Response:
    """Mark a package as abandoned, or no longer so."""
    with call.write() as session:
        call.hold(session)
        found, repository, summary = package_at(session, call.actor, package_id)
        call.refuse_outdated(session, package_document(summary))
        address = call.address_of(session, repository.path)
        update_package(session, call.actor, found, abandoned=body.abandoned, address=address)
        session.flush()
        return call.answer(package_document(package_at(session, call.actor, package_id)[2]))


@operation(router, "DELETE", "/packages/{package_id}", ability=WRITE, status=204, guarded=True)
def remove_package(call: Ask, package_id: Id) -> Response:
    """Delete a package. All its versions are out of the metadata; its archives stay, so that old locks keep
    installing.
    """
    with call.write() as session:
        call.hold(session)
        found, repository, summary = package_at(session, call.actor, package_id)
        call.refuse_outdated(session, package_document(summary))
        address = call.address_of(session, repository.path)
        delete_package(session, call.actor, found, address)
    return Response(status_code=204)


@operation(router, "POST", "/packages/{package_id}/purge", ability=WRITE, answers=PurgedDocument)
def purge_a_package(call: Ask, package_id: Id) -> Response:
    """Remove a package with its archives for good, a deleted one too. Locks that name it can no longer install it."""
    with call.write() as session:
        call.hold(session)
        found, repository, _ = package_at(session, call.actor, package_id, deleted=True)
        address = call.address_of(session, repository.path)
        digests = purge_package(session, call.actor, found, address)
        name = found.name
    files = remove_unnamed_files(call.database, call.parts.uploads.storage, digests)
    return call.answer(PurgedDocument(name, files))
