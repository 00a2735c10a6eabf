"""The door of the API: who asks, how often, and with what body; then the application, which is made when first asked.

A personal token opens it as Bearer, or the session of a browser, whose changes must come from our own pages. Neither
a deploy token nor a password does.
"""

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog
from starlette.requests import cookie_parser

from packistry.access.actors import DeployTokenActor, UserActor
from packistry.accounts.sessions import Limits, Place, find_session, note_seen
from packistry.api.bodies import read_json
from packistry.api.problems import MEDIA_TYPE, encoded, problem, problem_headers, problem_of
from packistry.api.rates import Rate, Rates
from packistry.errors import BadRequest, Forbidden, Refusal, TooManyRequests, Unauthenticated, answer_for
from packistry.web.calling import Caller
from packistry.web.pages.site import refuse_others
from packistry.web.pages.visits import PageParts, cookie_name
from packistry.web.requests import Message, Origin, Receive, Request, Scope, Send
from packistry.web.running import run
from packistry.web.wire import ASGIApp

log = structlog.get_logger(__name__)

PREFIX: Final = "/api/v1"
SPECIFICATION: Final = "/openapi.json"
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
# Where bodies are archives, read as they come.
STREAMED: Final = "/uploads"
# Calls that are worked on at once: each holds a thread and a connection, and readers of packages need both.
AT_ONCE: Final = 8
# Under this key the application finds what the door knows of a call.
KEY: Final = "packistry.call"


@dataclass(frozen=True, slots=True)
class Entry:
    """What the door knows of one call: who asks from where, and the body as it came."""

    parts: PageParts
    request: Request
    public_base: str
    actor: UserActor | None
    body: bytes


class Door:
    """One per worker, used from its event loop. `make` gives the application, and is called in a thread."""

    def __init__(
        self,
        parts: PageParts,
        *,
        caller: Caller,
        origin: Origin,
        limits: Limits,
        executor: Executor,
        make: Callable[[], Any],
    ) -> None:
        self._parts = parts
        self._caller = caller
        self._origin = origin
        self._limits = limits
        self._executor = executor
        self._make = make
        self._app: ASGIApp | None = None
        self._making = asyncio.Lock()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._rates = Rates(parts.settings.api_requests_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, self._origin)
        answer = _Answer(send)
        try:
            await self._answer(request, answer)
        except Refusal as refusal:
            await answer.refuse(refusal, request)
        except Exception:
            path, fault = scope["path"], secrets.token_hex(4)
            log.exception("api.fault", path=path, fault=fault)
            await answer.fail(fault)

    async def _answer(self, request: Request, answer: "_Answer") -> None:
        path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
        if "\0" in path or b"%00" in request.scope["query_string"] or b"\0" in request.scope["query_string"]:
            raise BadRequest("The address holds a NUL character.")
        actor = None if path == SPECIFICATION else await self._recognise(request, answer)
        body = b"" if path == STREAMED else await read_json(request)
        app = await self.application()
        request.scope[KEY] = Entry(self._parts, request, request.public_base, actor, body)
        receive = request.receive if path == STREAMED else _replayed(body)
        async with self._slots:
            await app(request.scope, receive, answer)

    async def application(self) -> Any:
        """The framework's application, made once."""
        async with self._making:
            if self._app is None:
                self._app = await run(self._executor, self._make)
        return self._app

    async def _recognise(self, request: Request, answer: "_Answer") -> UserActor:
        authorization = request.headers.get(b"authorization")
        try:
            actor = await self._by_token(request, authorization) if authorization else await self._by_session(request)
        except Refusal:
            # Whoever guesses is slowed down too, by address.
            self._count(f"address {request.address}", answer)
            raise
        self._count(f"token {actor.token_id}" if actor.token_id else f"user {actor.user_id}", answer)
        return replace(actor, address=request.address)

    def _count(self, caller: str, answer: "_Answer") -> None:
        answer.rate = rate = self._rates.take(caller)
        if rate.retry_seconds:
            raise TooManyRequests(
                f"You sent more than {rate.limit} requests in a minute; go on in {rate.retry_seconds} s.",
                retry_seconds=rate.retry_seconds,
            )

    async def _by_token(self, request: Request, authorization: bytes) -> UserActor:
        if authorization[:7].lower() != b"bearer ":
            raise Unauthenticated("Send a personal token as Bearer; the API takes no password.")
        view = await self._caller.view(request)
        if view.refusal is not None:
            raise view.refusal
        if isinstance(view.actor, DeployTokenActor):
            raise Forbidden("A deploy token never administers; make a personal token with an ability of the API.")
        assert isinstance(view.actor, UserActor), "a Bearer that is good is a token"
        return view.actor

    async def _by_session(self, request: Request) -> UserActor:
        actor = await run(self._executor, self._signed_in, request)
        if actor is None:
            raise Unauthenticated("Send a personal token as Bearer, or sign in with a browser first.")
        if request.method not in SAFE:
            headers = [request.headers.get(name, b"").decode("latin-1") for name in (b"origin", b"host")]
            refuse_others(headers[0], request.public_base, _here(request), headers[1])
        return actor

    def _signed_in(self, request: Request) -> UserActor | None:
        place = Place(*request.caller())
        cookies = cookie_parser(request.headers.get(b"cookie", b"").decode("latin-1"))
        plain = cookies.get(cookie_name(_here(request)))
        if not plain:
            return None
        with self._parts.database.read() as session:
            found = find_session(session, plain, self._limits, place)
        if found is None:
            return None
        if found.stale:
            with self._parts.database.write() as session:
                note_seen(session, found.session_id, place)
        return found.actor


class _Answer:
    """Sends what the application answers, with what is left to the caller in its headers."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._begun = False
        self.rate: Rate | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._begun = True
            own = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
            left = [] if self.rate is None else self.rate.headers()
            message = {**message, "headers": [*message["headers"], *own, *left]}
        await self._send(message)

    async def refuse(self, refusal: Refusal, request: Request) -> None:
        told = answer_for(refusal)
        if told.level in {"warning", "error"}:
            path = request.scope["path"]
            getattr(log, told.level)("api.refused", code=told.code, path=path)
        await self._problem(problem_of(refusal), problem_headers(refusal))

    async def fail(self, fault: str) -> None:
        """A fault of ours: said once in the log, with this number."""
        await self._problem(problem(500, "fault", f"Something failed inside Packistry; its log has it as {fault}."), {})

    async def _problem(self, found: dict[str, Any], headers: dict[str, str]) -> None:
        if self._begun:
            return
        body = encoded(found)
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        raw += [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
        await self({"type": "http.response.start", "status": found["status"], "headers": raw})
        await self({"type": "http.response.body", "body": body})


def _here(request: Request) -> str:
    """The address at which the browser is."""
    return request.origin.page_base(request.scope, request.headers)


def _replayed(body: bytes) -> Receive:
    """Gives the application the body that was read already."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive
