"""Where code hosts call: a body is read under limits, checked in a thread, and answered with what becomes of it."""

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from packistry.composer.documents import error_document
from packistry.db.types import is_id
from packistry.errors import (
    BadRequest,
    BodyTooLarge,
    Crowded,
    MalformedEvent,
    NotFound,
    Refusal,
    Unauthenticated,
    Unavailable,
    answer_for,
)
from packistry.sources.receiving import HookAnswer, Receiver
from packistry.web.running import run
from packistry.web.wire import log_refusal

# As much as GitHub sends at most; others send less.
BODY_BYTES: Final = 25 * 1024**2
# What is held of bodies at once: two of the largest, or thousands as pushes of people have them.
HELD_BYTES: Final = 64 * 1024**2
# A host has the body ready; who takes longer only wants to hold our memory.
BODY_SECONDS: Final = 20
# So long a body may take while others need the room; most come in a hundredth of it.
SPARED_SECONDS: Final = 2
# More digits are no length, and Python takes long to read thousands.
LENGTH_DIGITS: Final = 15
RETRY_SECONDS: Final = "5"

ADDRESSES: Final = tuple(
    f"{repository}/incoming/{{provider}}/{{source}}{project}"
    for repository in ("", "/r/{repository}")
    for project in ("", "/{project}")
)

log = structlog.get_logger()


class Webhooks:
    """The handler. One per worker; `executor` has threads of its own, because a large body takes its time."""

    def __init__(self, receiver: Receiver, executor: Executor) -> None:
        self._receiver = receiver
        self._executor = executor
        self._room = BodyRoom(HELD_BYTES)

    def routes(self) -> list[Route]:
        return [Route(address, self.receive, methods=["POST"]) for address in ADDRESSES]

    async def receive(self, request: Request) -> Response:
        try:
            return _answer(await self._receive(request))
        except Refusal as refusal:
            log_refusal(refusal, request.url.path)
            return _refused(refusal)
        except Exception:
            log.exception("webhook.fault", path=request.url.path)
            return _fault()

    async def _receive(self, request: Request) -> HookAnswer:
        places = request.path_params
        if not is_id(places["source"]) or not is_id(places.get("project", "0")):
            raise NotFound("There is no such source.")
        source_id, project_id = int(places["source"]), int(places["project"]) if "project" in places else None
        _refuse_length(request)
        where = places.get("repository", ""), places["provider"], source_id, project_id
        door = await run(self._executor, self._receiver.find_door, *where)
        headers = {name.decode("latin-1"): value.decode("utf-8", "replace") for name, value in request.headers.raw}
        async with self._room.body(request) as body:
            return await run(self._executor, self._receiver.receive, door, headers, body)


@dataclass(eq=False, slots=True)
class _Reading:
    """A body that is under way; `ends` is set back where another needs its room."""

    began: float
    ends: asyncio.Timeout
    held: bytearray = field(default_factory=bytearray)
    gave_way: bool = False


class BodyRoom:
    """Memory for bodies. When it is used up, who has been sending longest gives way: a slow sender costs only himself.

    Where all have just begun, the one who comes is sent away. The next sync finds what deliveries would have told.
    """

    def __init__(self, most_bytes: int) -> None:
        self._left = most_bytes
        # Oldest first, as they began.
        self._under_way: dict[_Reading, None] = {}

    @asynccontextmanager
    async def body(self, request: Request) -> AsyncGenerator[bytes]:
        """The whole body, for the time of the block. Refuses one that is too large, too slow or cut off."""
        reading = _Reading(asyncio.get_running_loop().time(), asyncio.timeout(BODY_SECONDS))
        try:
            await self._read(request, reading)
            yield bytes(reading.held)
        finally:
            self._left += len(reading.held)

    async def _read(self, request: Request, reading: _Reading) -> None:
        self._under_way[reading] = None
        try:
            async with reading.ends:
                async for chunk in request.stream():
                    if reading.gave_way:
                        raise _crowded()
                    self._make_room(reading, len(chunk))
                    self._left -= len(chunk)
                    reading.held += chunk
        except TimeoutError as fault:
            if reading.gave_way:
                raise _crowded() from fault
            raise BadRequest(f"The body did not come within {BODY_SECONDS} seconds.") from fault
        except ClientDisconnect as fault:
            raise BadRequest("The body was cut off.") from fault
        finally:
            del self._under_way[reading]

    def _make_room(self, reading: _Reading, more: int) -> None:
        """Takes it from those who have been sending for long. Refuses what is too large, or finds no room."""
        if len(reading.held) + more > BODY_BYTES:
            raise _too_large()
        now = asyncio.get_running_loop().time()
        for slow in self._under_way:
            if more <= self._left or slow is reading or now - slow.began < SPARED_SECONDS:
                break
            self._left += len(slow.held)
            slow.held.clear()
            slow.gave_way = True
            slow.ends.reschedule(now)
        if more > self._left:
            raise _crowded()


def _refuse_length(request: Request) -> None:
    """Before anything of the body is read."""
    length = request.headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise BadRequest("Content-Length is no number.")
    if len(length) > LENGTH_DIGITS or int(length) > BODY_BYTES:
        raise _too_large()


def _crowded() -> Crowded:
    return Crowded("Too many deliveries are being read; send it again in a moment.")


def _too_large() -> BodyTooLarge:
    return BodyTooLarge(f"A delivery has at most {BODY_BYTES:,} bytes; the next sync finds what it would have told.")


def _answer(answer: HookAnswer) -> Response:
    """202 and the run, "runs" too where there are several; 204 to a ping; else a sentence."""
    match HTTPStatus(answer.status):
        case HTTPStatus.NO_CONTENT:
            return Response(status_code=204)
        case HTTPStatus.ACCEPTED:
            more = {"runs": list(answer.runs)} if len(answer.runs) > 1 else {}
            return JSONResponse({"run": answer.runs[0], **more}, 202)
        case HTTPStatus.OK:
            return JSONResponse({"message": answer.sentence or "Nothing is to be done."})
        case _:
            return _refused(MalformedEvent(answer.sentence))


def _refused(refusal: Refusal) -> Response:
    answer = answer_for(refusal)
    headers: dict[str, str] = {}
    if isinstance(refusal, Unauthenticated):
        # HTTP wants to hear of a scheme with each 401; there is none for signatures over bodies.
        headers["www-authenticate"] = "Signature"
    if isinstance(refusal, Crowded | Unavailable):
        headers["retry-after"] = RETRY_SECONDS
    body = error_document(answer.status, answer.code, refusal.sentence)
    return Response(body, answer.status, headers=headers, media_type="application/json")


def _fault() -> Response:
    body = error_document(500, "fault", "Something went wrong on the server; it has been logged there.")
    return Response(body, 500, media_type="application/json")
