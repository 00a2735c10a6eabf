"""Versions of a package, and the archives that become some."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from packistry.access.permissions import Ability
from packistry.api.calls import Ask, Listed, sorted_by
from packistry.api.inputs import Id
from packistry.api.operations import list_of, operation
from packistry.documents.subjects import PurgedDocument, VersionDocument, version_documents
from packistry.packages.actions import delete_version, purge_version
from packistry.packages.purge import remove_unnamed_files
from packistry.packages.queries import VERSION_ORDERS, package_at, part_of_versions, version_at

router: Final = APIRouter(tags=["versions"])
READ, WRITE = Ability.PACKAGES_READ, Ability.PACKAGES_WRITE


@operation(router, "GET", "/packages/{package_id}/versions", ability=READ, answers=list_of(VersionDocument))
def list_versions(
    call: Ask,
    *,
    listing: Listed,
    package_id: Id,
    sort: Annotated[str, sorted_by(VERSION_ORDERS)] = "-published",
    deleted: Annotated[bool | None, Query(description="Only deleted ones, or only others.")] = None,
    dev: Annotated[bool | None, Query(description="Only branches, or only tags.")] = None,
) -> Response:
    """Versions of a package, deleted ones too unless told otherwise."""
    part = listing.part(VERSION_ORDERS, sort)
    with call.read() as session:
        package, _, _ = package_at(session, call.actor, package_id)
        found = part_of_versions(session, package, part, deleted=deleted, dev=dev)
    return call.listed(found, part, VERSION_ORDERS, lambda each: version_documents([each])[0])


@operation(router, "GET", "/packages/{package_id}/versions/{version_id}", ability=READ, answers=VersionDocument)
def show_version(call: Ask, package_id: Id, version_id: Id) -> Response:
    """A version."""
    with call.read() as session:
        package, _, _ = package_at(session, call.actor, package_id)
        return call.answer(version_documents([version_at(session, package, version_id)[1]])[0])


@operation(router, "DELETE", "/packages/{package_id}/versions/{version_id}", ability=WRITE, status=204, guarded=True)
def remove_version(call: Ask, package_id: Id, version_id: Id) -> Response:
    """Delete a version. It is out of the metadata; its archive stays, so that old locks keep installing."""
    with call.write() as session:
        call.hold(session)
        package, repository, _ = package_at(session, call.actor, package_id)
        version, summary = version_at(session, package, version_id)
        call.refuse_outdated(session, version_documents([summary])[0])
        address = call.address_of(session, repository.path)
        delete_version(session, call.actor, package, version, address)
    return Response(status_code=204)


@operation(router, "POST", "/packages/{package_id}/versions/{version_id}/purge", ability=WRITE, answers=PurgedDocument)
def purge_a_version(call: Ask, package_id: Id, version_id: Id) -> Response:
    """Remove a version with its archives for good, a deleted one too. Locks that name it can no longer install it."""
    with call.write() as session:
        call.hold(session)
        package, repository, _ = package_at(session, call.actor, package_id, deleted=True)
        version, _ = version_at(session, package, version_id)
        address = call.address_of(session, repository.path)
        name = f"{package.name} {version.version}"
        digests = purge_version(session, call.actor, package, version, address)
    files = remove_unnamed_files(call.database, call.parts.uploads.storage, digests)
    return call.answer(PurgedDocument(name, files))
