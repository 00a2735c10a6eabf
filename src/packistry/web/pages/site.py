"""The site: which page answers which address, and what is asked of every visit before a page sees it."""

import inspect
import secrets
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, cast
from urllib.parse import urlsplit

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from packistry.accounts.sessions import Limits, Place, SignedIn, find_session, note_seen
from packistry.db.watch import Watcher
from packistry.errors import BadRequest, Forbidden, NotFound, Refusal, Unauthenticated, answer_for
from packistry.web.identity import Identity
from packistry.web.pages.forms import FORM_BYTES, Form, parse_form
from packistry.web.pages.static import PLACE, by_address
from packistry.web.pages.troubles import trouble
from packistry.web.pages.visits import PageParts, Visit, cookie_name
from packistry.web.requests import Origin
from packistry.web.running import run

log = structlog.get_logger(__name__)

# A page is sync and runs in a thread, or async when it waits for something of the event loop's.
Handler = Callable[[Visit], Response] | Callable[[Visit], Awaitable[Response]]
FORM_TYPE: Final = "application/x-www-form-urlencoded"
# Answers after which the same request may do better, and when to send it. The sentence on the page is nearer.
RETRIED: Final = (429, 503)
RETRY_SECONDS: Final = "30"
# In the path of a page whose address lets somebody in.
SECRET: Final = "{secret}"
FOREVER: Final = {"cache-control": "public, max-age=31536000, immutable", "x-content-type-options": "nosniff"}


@dataclass(frozen=True, slots=True)
class Page:
    """One address below the public one. `show` answers GET, `act` POST; `open` pages need nobody to sign in.

    Those that ask a code host wait for it in threads of their own, so that a silent host keeps no other page waiting.
    """

    path: str
    show: Handler | None = None
    act: Handler | None = None
    open: bool = False
    asks_host: bool = False


class Site:
    """Everything below `/-/` that people see. One per worker, used from its event loop."""

    def __init__(
        self,
        parts: PageParts,
        identity: Identity,
        origin: Origin,
        watcher: Watcher,
        executor: Executor,
        *,
        patient: Executor,
    ) -> None:
        self.parts = parts
        self.identity = identity
        self._origin = origin
        self._watcher = watcher
        self.executor = executor
        self._patient = patient
        settings = parts.settings
        self.limits = Limits(timedelta(days=settings.session_idle_days), timedelta(days=settings.session_days))

    def routes(self, pages: Sequence[Page]) -> list[Route]:
        """The pages, their static files, and an answer for every other address below `/-/`."""
        shown = [Route(page.path, self._endpoint(page), methods=_methods(page)) for page in pages]
        # Whoever did not sign in learns of no page whether it is there.
        lost = Route("/-/{rest:path}", self._endpoint(Page("", show=_lost)), methods=["GET"])
        return [Route(f"{PLACE}{{name}}", _static), *shown, lost]

    def _endpoint(self, page: Page) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            handler = page.act if request.method == "POST" else page.show
            assert handler is not None, "the route lets only methods in that the page has"
            response = await self._answer(request, handler, page)
            if SECRET in page.path:
                # No other site, nor a log of our own front server by way of a style sheet, learns the address. Not
                # "no-referrer": with that a browser does not say either which site a form was sent from.
                response.headers["referrer-policy"] = "strict-origin"
            return response

        return answer

    async def _answer(self, request: Request, handler: Handler, page: Page) -> Response:
        visit = self._stranger(request)
        try:
            # The public address may have been changed since.
            await self._watcher.look()
            visit = self._stranger(request)
            if request.method == "POST":
                origin = request.headers.get("origin", "")
                refuse_others(origin, visit.public_base, visit.here, request.url.netloc)
            visit = await run(self.executor, self._recognise, visit, await _form(request))
            if visit.signed_in is None and not page.open:
                return visit.sign_in_first()
            return await self._handle(handler, visit, self._patient if page.asks_host else self.executor)
        except Refusal as refusal:
            return _refused(visit, refusal, page)
        except Exception:
            fault = secrets.token_hex(4)
            log.exception("page.fault", path=_logged(request, page), fault=fault)
            return visit.page("error.html", status=500, refusal=None, fault=fault, trouble=trouble(visit, 500))

    async def _handle(self, handler: Handler, visit: Visit, executor: Executor) -> Response:
        if inspect.iscoroutinefunction(handler):
            return await handler(visit)
        return await run(executor, cast("Callable[[Visit], Response]", handler), visit)

    def _stranger(self, request: Request) -> Visit:
        headers = dict(request.scope["headers"])
        try:
            public, here = self._origin.base(request.scope, headers), self._origin.page_base(request.scope, headers)
        except BadRequest:
            # The page will say so; it cannot be without an address of its own.
            public = here = "http://localhost"
        place = Place(self._origin.address(request.scope), request.headers.get("user-agent", ""))
        return Visit(self.parts, request, public, here, place, None, Form())

    def _recognise(self, visit: Visit, form: Form) -> Visit:
        """The visit with the one who came. A session that is in use is noted as such, once a minute."""
        signed_in = self._signed_in(visit)
        if signed_in is not None and signed_in.stale:
            with self.parts.database.write() as session:
                note_seen(session, signed_in.session_id, visit.place)
        return replace(visit, signed_in=signed_in, form=form)

    def _signed_in(self, visit: Visit) -> SignedIn | None:
        plain = visit.request.cookies.get(cookie_name(visit.here))
        if not plain:
            return None
        with self.parts.database.read() as session:
            return find_session(session, plain, self.limits, visit.place)


def _methods(page: Page) -> list[str]:
    return [method for method, handler in (("GET", page.show), ("POST", page.act)) if handler is not None]


def refuse_others(origin: str, public_base: str, here: str, host: str) -> None:
    """Refuses what another site made the browser send: its cookie comes along, and so does the site's name.

    `here` is where the browser is, and `host` what the request was sent to, as it says itself.
    """
    # A proxy may hide under which name it was asked; then the public one counts.
    if origin in {_site(here), _site(public_base), f"{urlsplit(here).scheme}://{host}"}:
        return
    if urlsplit(origin).netloc == host:
        raise Forbidden(
            f"The browser is at {origin}, and this server takes itself for {here}: set "
            "PACKISTRY_PUBLIC_URL to the address that people type, or name the proxy in PACKISTRY_TRUSTED_PROXIES."
        )
    raise Forbidden("This form was sent from another site, or by a browser that does not say from where.")


def _site(base: str) -> str:
    """Scheme, host and port of an address of ours, as browsers name the origin of a form."""
    parts = urlsplit(base)
    return f"{parts.scheme}://{parts.netloc}"


async def _form(request: Request) -> Form:
    if request.method != "POST":
        return Form()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM_TYPE:
        # A page that takes files reads its body itself.
        return Form()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_BYTES:
            raise BadRequest(f"The form is larger than {FORM_BYTES // 1024} KB.")
    return parse_form(bytes(body))


def _logged(request: Request, page: Page) -> str:
    """The address as it may stand in a log: whoever reads one there must not get in by it."""
    return page.path if SECRET in page.path else request.url.path


def _refused(visit: Visit, refusal: Refusal, page: Page) -> Response:
    told = answer_for(refusal)
    if told.level in {"warning", "error"}:
        getattr(log, told.level)(
            "page.refused", code=told.code, path=_logged(visit.request, page), sentence=refusal.sentence
        )
    # No challenge: a browser would ask for a password in a window of its own.
    status = 403 if isinstance(refusal, Unauthenticated) else int(told.status)
    response = visit.page("error.html", status=status, refusal=refusal, fault=None, trouble=trouble(visit, status))
    if status in RETRIED:
        response.headers["retry-after"] = RETRY_SECONDS
    return response


def _lost(visit: Visit) -> Response:
    raise NotFound("There is no page at this address.")


async def _static(request: Request) -> Response:
    found = by_address().get(request.path_params["name"])
    if found is None:
        return Response("There is no such file.", 404)
    headers = {**FOREVER, "vary": "accept-encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(found.packed, 200, {**headers, "content-encoding": "gzip"}, found.content_type)
    return Response(found.plain, 200, headers, found.content_type)
