"""Uploads: archives that become versions."""

from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response
from starlette.concurrency import run_in_threadpool

from packistry.access.abilities import as_publisher
from packistry.access.permissions import Ability
from packistry.api.calls import Ask, Call
from packistry.api.inputs import path_of
from packistry.api.operations import operation
from packistry.composer.names import normalise_name
from packistry.documents.subjects import UploadDocument, shown_path
from packistry.packages.publishing import Outcome
from packistry.repositories.queries import find_repository
from packistry.web.uploads import read_upload

router: Final = APIRouter(tags=["uploads"])

BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {"type": "string", "format": "binary", "description": "zip, or tar (plain, gz, bz2, xz)"},
                    "version": {"type": "string", "description": "its version, unless composer.json says it"},
                    "default-branch": {"type": "string", "enum": ["true", "false"], "description": "whether it is"},
                },
            }
        }
    },
}


@operation(router, "POST", "/uploads", ability=Ability.PACKAGES_WRITE, answers=UploadDocument, status=201, body=BODY)
async def upload(
    call: Ask,
    repository: Annotated[str, Query(max_length=255, description='Where to publish; "/" is the root.')] = "/",
    name: Annotated[str | None, Query(max_length=255, description="The name that composer.json must have.")] = None,
) -> Response:
    """Publish an archive under the name in its composer.json. The same files again change nothing, so that sending it
    twice does no harm.
    """
    uploads, path = call.parts.uploads, path_of(repository)
    actor, expected = as_publisher(call.actor), None if name is None else normalise_name(name)
    await run_in_threadpool(_check_target, call, path)
    with uploads.receive() as incoming:
        write = partial(run_in_threadpool, incoming.write)
        fields = await read_upload(call.entry.request, write, max_file_bytes=uploads.limits.file_bytes)
        made = await run_in_threadpool(
            uploads.publish_as_named,
            actor,
            incoming,
            repository=path,
            name=expected,
            version=fields.get("version", "").strip() or None,
            default_branch=fields.get("default-branch", "").lower() in {"1", "true", "yes"},
        )
    document = UploadDocument(
        file=made.package.name,
        outcome=made.outcome,
        repository=shown_path(path),
        package=made.package.name,
        version=made.version.version,
        version_id=made.version.id,
        reference=made.archive.reference,
        sha256=made.archive.sha256,
        warnings=list(made.version.warnings),
        error=None,
    )
    place = f"/packages/{made.package.id}/versions/{made.version.id}"
    return call.answer(document, status=200 if made.outcome is Outcome.UNCHANGED else 201, location=place)


def _check_target(call: Call, path: str) -> None:
    """Before anything is read: nobody sends an archive to a repository that they do not see."""
    with call.read() as session:
        find_repository(session, call.actor, path)
