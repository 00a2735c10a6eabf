"""Sending answers on the wire: headers that every document shares, refusals, and archives with ranges."""

import re
from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import Any, Final

from packistry.composer.documents import error_document
from packistry.errors import InvalidInput, Refusal, TooManyAttempts, Unauthenticated, Unavailable, answer_for
from packistry.web.requests import Request, Send

Header = tuple[bytes, bytes]

# Exactly this type: with a charset, Composer up to 2.10 does not show the warnings in it.
JSON: Final = (b"content-type", b"application/json")
# Documents depend on who asks and are asked for again each time; only proxies and browsers look at this.
DOCUMENT_HEADERS: Final = (
    JSON,
    (b"cache-control", b"private, no-cache"),
    (b"vary", b"Authorization, Accept-Encoding"),
)
CHALLENGE: Final = (b"www-authenticate", b'Basic realm="Packistry", charset="UTF-8"')
GZIP: Final = (b"content-encoding", b"gzip")
# How long Composer 2.11 waits by itself before it tries again; older ones fail at once.
RETRY_SECONDS: Final = b"5"
# 18 digits are more than any file has.
ONE_RANGE: Final = re.compile(rb"bytes=(\d{0,18})-(\d{0,18})")


async def send_body(send: Send, request: Request, status: int, headers: Sequence[Header], body: bytes) -> None:
    """One whole answer; a HEAD request gets its headers alone."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": b"" if request.is_head else body})


async def send_not_modified(send: Send, headers: Sequence[Header]) -> None:
    """304 with an empty body: Composer takes no other for one."""
    await send({"type": "http.response.start", "status": 304, "headers": list(headers)})
    await send({"type": "http.response.body", "body": b""})


async def send_refusal(send: Send, request: Request, refusal: Refusal, *, quiet: bool = False) -> None:
    """A refusal as JSON. `quiet` leaves the warning out, where a 404 is routine and Composer would print it."""
    answer = answer_for(refusal)
    body = error_document(
        answer.status,
        answer.code,
        refusal.sentence,
        warning=None if quiet else refusal.sentence,
        errors={refusal.field: [refusal.sentence]} if isinstance(refusal, InvalidInput) and refusal.field else None,
    )
    headers = [JSON, (b"cache-control", b"private, no-store"), (b"vary", b"Authorization")]
    if isinstance(refusal, Unauthenticated):
        headers.append(CHALLENGE)
    if isinstance(refusal, TooManyAttempts | Unavailable):
        headers.append((b"retry-after", RETRY_SECONDS))
    await send_body(send, request, answer.status, headers, body)


async def send_not_allowed(send: Send, request: Request, methods: Iterable[str]) -> None:
    """405, naming the methods that this address takes."""
    allowed = ", ".join(sorted(methods))
    body = error_document(405, "method_not_allowed", f"This address takes {allowed}.")
    await send_body(send, request, 405, [JSON, (b"allow", allowed.encode())], body)


async def send_fault(send: Send, request: Request) -> None:
    """A bug of ours, which has been logged."""
    sentence = "Something went wrong on the server; it has been logged there. Try again, then tell an administrator."
    body = error_document(500, "fault", sentence, warning=sentence)
    await send_body(send, request, 500, [JSON, (b"cache-control", b"private, no-store")], body)


def is_unchanged(request: Request, etag: bytes, last_modified: bytes | None) -> bool:
    """Whether the client has this very document. Dates are compared for equality only: "not older" would be wrong
    after a restore, and for a client that changed its token.
    """
    known = request.headers.get(b"if-none-match")
    if known is not None:
        return known.strip() == b"*" or etag in (part.strip() for part in known.split(b","))
    return last_modified is not None and request.headers.get(b"if-modified-since") == last_modified


def byte_range(request: Request, size: int, etag: bytes) -> range | None:
    """The part that is asked for: empty when it lies outside, None when the whole is meant.

    Several ranges, and one on condition of another file, are answered with the whole, as RFC 9110 allows.
    """
    asked = ONE_RANGE.fullmatch(request.headers.get(b"range", b""))
    if asked is None or not any(asked.groups()) or request.headers.get(b"if-range", etag) != etag:
        return None
    first, last = asked.groups()
    if not first:
        return range(max(0, size - int(last)), size)
    if last and int(last) < int(first):
        return None
    return range(int(first), min(size, int(last) + 1 if last else size))


async def send_stream(send: Send, chunks: AsyncGenerator[bytes]) -> None:
    """The body of an answer that was begun."""
    async for chunk in chunks:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def sends_files(request: Request) -> bool:
    """Whether the server can send a file by itself."""
    extensions: dict[str, Any] = request.scope.get("extensions") or {}
    return "http.response.pathsend" in extensions
