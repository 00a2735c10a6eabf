"""Sending archives: from the disk, by the front server, or in parts; and counting them."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

from packistry.access.views import View
from packistry.errors import NotFound
from packistry.packages.downloads import DownloadCounts
from packistry.repositories.serve import Dist, Registry
from packistry.web.requests import Request, Send
from packistry.web.sending import (
    Header,
    byte_range,
    is_unchanged,
    send_body,
    send_not_modified,
    send_stream,
    sends_files,
)

CHUNK_BYTES: Final = 256 * 1024


class DistSender:
    """Sends archives that somebody may have. One per worker."""

    def __init__(self, registry: Registry, counts: DownloadCounts, *, accel_prefix: str | None) -> None:
        self._registry = registry
        self._counts = counts
        self._accel_prefix = accel_prefix

    async def send(self, send: Send, request: Request, view: View, dist: Dist, *, immutable: bool) -> None:
        """The archive, or the part that is asked for, to those who may have it. Refuses with NotFound.

        `immutable`: the address names these very bytes.
        """
        if not view.may_read_package(dist.repository_id, dist.package_id, public=dist.public):
            raise NotFound("There is no such archive, or it is not visible to you.")
        etag = b'"' + dist.sha256.encode() + b'"'
        headers = _headers(dist, etag, immutable=immutable)
        if is_unchanged(request, etag, None):
            await send_not_modified(send, headers)
            return
        part = byte_range(request, dist.size_bytes, etag)
        if part is not None and not part:
            unsatisfiable = (b"content-range", b"bytes */%d" % dist.size_bytes)
            await send_body(send, request, 416, [unsatisfiable], b"")
            return
        # Looked for first: once the answer has begun, a missing file could only be a broken answer.
        path = await self._registry.find_file(dist)
        if not request.is_head and (part is None or part.start == 0):
            self._counts.add(dist.version_id, "downloads")
        await self._send_bytes(send, request, dist, headers, part=part, path=path)

    async def _send_bytes(
        self, send: Send, request: Request, dist: Dist, headers: list[Header], *, part: range | None, path: Path | None
    ) -> None:
        if self._accel_prefix is not None:
            # The front server sends the file, ranges included, and wants no length from us.
            headers.append((b"x-accel-redirect", f"{self._accel_prefix}/{dist.key}".encode()))
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        wanted = part if part is not None else range(dist.size_bytes)
        status = 200 if part is None else 206
        if part is not None:
            headers.append((b"content-range", b"bytes %d-%d/%d" % (part.start, part.stop - 1, dist.size_bytes)))
        headers.append((b"content-length", str(len(wanted)).encode()))
        if request.is_head:
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
        elif part is None and path is not None and sends_files(request):
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.pathsend", "path": str(path)})
        else:
            chunks = self._chunks(dist, wanted)
            first = await anext(chunks, b"")
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": first, "more_body": True})
            await send_stream(send, chunks)

    async def _chunks(self, dist: Dist, wanted: range) -> AsyncGenerator[bytes]:
        file = await self._registry.run(self._registry.open_file, dist)
        try:
            file.seek(wanted.start)
            left = len(wanted)
            while left and (chunk := await self._registry.run(file.read, min(CHUNK_BYTES, left))):
                left -= len(chunk)
                yield chunk
        finally:
            file.close()


def _headers(dist: Dist, etag: bytes, *, immutable: bool) -> list[Header]:
    scope = b"public" if dist.public else b"private"
    lifetime = b", max-age=31536000, immutable" if immutable else b", no-cache"
    return [
        (b"content-type", b"application/zip"),
        (b"content-disposition", f'attachment; filename="{dist.file_name}"'.encode()),
        (b"etag", etag),
        (b"accept-ranges", b"bytes"),
        (b"cache-control", scope + lifetime),
        (b"vary", b"Authorization"),
    ]
