"""What clients send us: archives to publish, and reports of installs."""

from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from typing import Any, Final

import orjson
import structlog

from packistry.access.actors import Actor, Anonymous
from packistry.access.answers import publishing_refusal
from packistry.access.rules import repository_to_publish
from packistry.access.views import View
from packistry.composer.documents import notify_document
from packistry.composer.names import normalise_name
from packistry.db.engine import ReadSession
from packistry.errors import BadRequest
from packistry.packages.documents import dist_path, repository_base
from packistry.packages.downloads import DownloadCounts
from packistry.packages.publishing import Outcome, Publication
from packistry.packages.queries import package_downloads, visible_version_ids
from packistry.packages.upload import Upload, Uploads, refuse_reserved
from packistry.repositories.serve import Registry
from packistry.web.calling import Caller
from packistry.web.requests import Request, Send
from packistry.web.running import run
from packistry.web.sending import JSON, send_body
from packistry.web.uploads import read_upload

# A project with 10,000 packages would report less.
NOTIFY_BYTES: Final = 1024 * 1024
NOTIFY_ROWS: Final = 10_000

log = structlog.get_logger()


class Publishing:
    """Handlers for the wire. One per worker."""

    def __init__(
        self, caller: Caller, registry: Registry, uploads: Uploads, counts: DownloadCounts, executor: Executor
    ) -> None:
        self._caller = caller
        self._registry = registry
        self._uploads = uploads
        self._counts = counts
        # Threads of its own: large archives, or a database that is busy, must not keep readers waiting.
        self._executor = executor

    async def upload(self, request: Request, send: Send, path: str, rest: str) -> None:
        """POST vendor/name: who asks, is it visible, may it be written; only then is the body read."""
        view = await self._caller.view(request)
        refusal = publishing_refusal(view)
        if refusal is not None:
            raise refusal
        actor = _from_here(view, request)
        await self._registry.read(_check_right, actor, path, rest.lower())
        name = normalise_name(rest)
        refuse_reserved(name)
        with self._uploads.receive() as incoming:
            write = partial(self._registry.run, incoming.write)
            fields = await read_upload(request, write, max_file_bytes=self._uploads.limits.file_bytes)
            publish = partial(self._uploads.publish, actor, _asked(path, name, fields), incoming)
            publication = await run(self._executor, publish)
        body = await self._registry.read(_answer, publication, repository_base(request.public_base, path))
        log.info("version.uploaded", package=name, version=publication.version.version, outcome=publication.outcome)
        await send_body(send, request, 200 if publication.outcome is Outcome.UNCHANGED else 201, [JSON], body)

    async def notify(self, request: Request, send: Send, path: str, _: str) -> None:
        """POST of notify-batch: installs, also of what a client had in its cache. Unknown ones are passed over."""
        view, facts = await self._caller.enter(request, path)
        installs = _installs(await request.body(NOTIFY_BYTES))
        # Nothing has a NUL in its name, and PostgreSQL would not even look.
        asked = {install for install in installs if "\0" not in "".join(install)}
        known = await self._registry.read(visible_version_ids, view.actor, facts.id, asked)
        for install in installs:
            if install in known:
                self._counts.add(known[install], "installs")
        complete = all(install in known for install in installs)
        body = notify_document("success" if complete else "partial")
        await send_body(send, request, 201 if complete else 200, [JSON], body)


def _asked(path: str, name: str, fields: dict[str, str]) -> Upload:
    return Upload(
        repository=path,
        name=name,
        version=fields.get("version", "").strip() or None,
        default_branch=fields.get("default-branch", "").lower() in {"1", "true", "yes"},
    )


def _from_here(view: View, request: Request) -> Actor:
    """The actor with the address of this request, for the audit log."""
    return view.actor if isinstance(view.actor, Anonymous) else replace(view.actor, address=request.address)


def _check_right(session: ReadSession, actor: Actor, path: str, name: str) -> None:
    repository_to_publish(session, actor, path, name)


def _answer(session: ReadSession, publication: Publication, base: str) -> bytes:
    """The PHP product's keys, and what it does not tell."""
    package, version, archive = publication.package, publication.version, publication.archive
    answer: dict[str, Any] = {
        "id": version.id,
        "package_id": package.id,
        "name": version.version,
        "shasum": archive.sha1,
        "total_downloads": package_downloads(session, package),
        "created_at": version.first_published_at,
        "updated_at": version.updated_at,
        "package": package.name,
        "version_normalized": version.normalised,
        "reference": archive.reference,
        "sha256": archive.sha256,
        "size_bytes": archive.size_bytes,
        "dist": base + dist_path(package.name, version.id, archive.reference),
        "outcome": publication.outcome,
        "warnings": version.warnings,
    }
    return orjson.dumps(answer)


def _installs(body: bytes) -> list[tuple[str, str]]:
    """(package name, normalised version) of each row."""
    try:
        rows = orjson.loads(body)["downloads"]
        installs = [(str(row["name"]).lower(), str(row["version"])) for row in rows]
    except (orjson.JSONDecodeError, KeyError, TypeError) as fault:
        raise BadRequest('Send {"downloads": [{"name": "vendor/name", "version": "1.0.0.0"}]}.') from fault
    if len(installs) > NOTIFY_ROWS:
        raise BadRequest(f"Report at most {NOTIFY_ROWS:,} installs at once.")
    return installs
