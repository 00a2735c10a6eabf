"""Composer's protocol on the wire: raw ASGI in front of the web framework, for what is asked thousands of times.

It takes an address apart, has the caller recognised and the thing found, and sends it. Whatever is not Composer's goes
on to the application behind.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

import structlog

from packistry.access.views import View
from packistry.composer.names import is_valid_name
from packistry.db.types import is_id
from packistry.errors import NotFound, Refusal, answer_for
from packistry.packages.documents import DEV_SUFFIX
from packistry.packages.upload import RESERVED_VENDORS
from packistry.repositories.serve import Registry, ServedDocument
from packistry.web.calling import Caller
from packistry.web.dists import DistSender
from packistry.web.documents import Documents
from packistry.web.publishing import Publishing
from packistry.web.requests import Origin, Receive, Request, Scope, Send
from packistry.web.sending import (
    DOCUMENT_HEADERS,
    GZIP,
    is_unchanged,
    send_body,
    send_fault,
    send_not_allowed,
    send_not_modified,
    send_refusal,
)

ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
# What every handler gets: the request, where the answer goes, the repository's path, and the rest of the address.
Handler: TypeAlias = Callable[[Request, Send, str, str], Awaitable[None]]

READ: Final = frozenset({"GET", "HEAD"})
WRITE: Final = frozenset({"POST"})

# Below a repository other than the root only the addresses of webhooks are somebody else's.
HOOKS: Final = frozenset({"incoming"})

log = structlog.get_logger()


class Route(NamedTuple):
    """Who answers an address, to which methods, and the part of the address that names the thing."""

    methods: frozenset[str]
    handler: Handler
    rest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WireParts:
    """What the wire hands requests to."""

    origin: Origin
    caller: Caller
    registry: Registry
    dists: DistSender
    documents: Documents
    publishing: Publishing


class Wire:
    """The dispatcher, and the handlers of metadata and archives."""

    def __init__(self, parts: WireParts, behind: ASGIApp) -> None:
        self._parts = parts
        self.behind = behind
        documents = parts.documents
        self._exact = {
            "packages.json": Route(READ, documents.root, ""),
            "list.json": Route(READ, documents.list, ""),
            "search.json": Route(READ, documents.search, ""),
            "-/notify": Route(WRITE, parts.publishing.notify, ""),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"] if scope["type"] == "http" else ""
        repository, rest = _repository_and_rest(path)
        route = self.route(rest, scope["method"], at_root=not repository) if rest else None
        if route is None:
            await self.behind(scope, receive, send)
            return
        request = Request(scope, receive, self._parts.origin)
        if request.method not in route.methods:
            await send_not_allowed(send, request, route.methods)
            return
        try:
            await route.handler(request, send, repository, route.rest)
        except Refusal as refusal:
            log_refusal(refusal, path)
            # A name that is not here is routine: Composer asks the next repository, and would print each warning.
            quiet = rest.startswith("p2/") and isinstance(refusal, NotFound)
            await send_refusal(send, request, refusal, quiet=quiet)
        except Exception:
            log.exception("wire.fault", path=path)
            await send_fault(send, request)

    def route(self, rest: str, method: str, *, at_root: bool = True) -> Route | None:
        """Who answers this address below a repository; None leaves it to the application behind. See docs/routes.md."""
        if rest.startswith("p2/") and rest.endswith(".json"):
            return Route(READ, self._p2, rest[3:-5])
        exact = self._exact.get(rest)
        if exact is not None:
            return exact
        if rest.startswith("-/"):
            return self._own_route(rest[2:])
        segments = rest.split("/", 2)
        if len(segments) == 1 or segments[0] in (RESERVED_VENDORS if at_root else HOOKS):
            return None
        if len(segments) == 3:
            named = is_valid_name(f"{segments[0]}/{segments[1]}".lower())
            return Route(READ, self._version, rest) if named else None
        return Route(WRITE, self._parts.publishing.upload, rest) if method == "POST" else None

    def _own_route(self, rest: str) -> Route | None:
        """Addresses that are ours to choose lie below "-/", where no vendor can be."""
        kind, _, thing = rest.partition("/")
        if kind == "dist" and thing.endswith(".zip"):
            return Route(READ, self._dist, thing[:-4])
        if kind == "providers" and thing.endswith(".json"):
            return Route(READ, self._parts.documents.providers, thing[:-5])
        return None

    async def _p2(self, request: Request, send: Send, path: str, name: str) -> None:
        """Metadata: the hot path. Nothing is awaited but the look, unless something is not in memory."""
        view = await self._parts.caller.view(request)
        base = request.public_base
        document = self._parts.registry.kept_document(base, path, name)
        if document is None:
            document = await self._find_document(view, base, path, name)
        if not document.is_open_to(view):
            await self._parts.caller.pass_door(view, path)
            hidden = document.hidden()
            if hidden is None:
                raise NotFound(f"There is no package {name.removesuffix(DEV_SUFFIX)} here.")
            document = hidden
        await send_document(send, request, document)

    async def _find_document(self, view: View, base: str, path: str, name: str) -> ServedDocument:
        document = None
        if is_valid_name(name.removesuffix(DEV_SUFFIX)):
            document = await self._parts.registry.document(view, base, path, name)
        if document is None:
            await self._parts.caller.pass_door(view, path)
            raise NotFound("There is no such address.")
        return document

    async def _dist(self, request: Request, send: Send, path: str, rest: str) -> None:
        """An archive at its own address: vendor/name/version id/reference."""
        view, _ = await self._parts.caller.enter(request, path)
        vendor, _, rest = rest.partition("/")
        name, _, rest = rest.partition("/")
        version_id, _, reference = rest.partition("/")
        if not is_id(version_id):
            raise NotFound("There is no such archive.")
        dist = await self._parts.registry.dist(path, f"{vendor}/{name}", int(version_id), reference)
        await self._parts.dists.send(send, request, view, dist, immutable=True)

    async def _version(self, request: Request, send: Send, path: str, rest: str) -> None:
        """The PHP product's address: vendor/name/version, whose version may have slashes."""
        view, _ = await self._parts.caller.enter(request, path)
        vendor, name, version = rest.split("/", 2)
        dist = await self._parts.registry.current_dist(path, f"{vendor}/{name}".lower(), version)
        await self._parts.dists.send(send, request, view, dist, immutable=False)


def _repository_and_rest(path: str) -> tuple[str, str]:
    """The repository's path ("" is the root) and what is asked of it; ("", "") for what is not a repository's.

    "/r//..." is nobody's, not the root's. Nothing has a NUL in its name: PostgreSQL would not even look for it.
    """
    if "\0" in path:
        return "", ""
    if not path.startswith("/r/"):
        return "", path[1:]
    repository, _, rest = path[3:].partition("/")
    return (repository, rest) if repository else ("", "")


async def send_document(send: Send, request: Request, document: ServedDocument) -> None:
    """A p2 document, or 304 when the client has it."""
    headers = [*DOCUMENT_HEADERS, (b"last-modified", document.last_modified), (b"etag", document.etag)]
    if is_unchanged(request, document.etag, document.last_modified):
        await send_not_modified(send, headers)
    elif request.takes_gzip:
        await send_body(send, request, 200, [*headers, GZIP], document.packed)
    else:
        await send_body(send, request, 200, headers, document.plain())


def log_refusal(refusal: Refusal, path: str) -> None:
    """One line at the refusal's own level; those of level debug are routine and cost nothing."""
    answer = answer_for(refusal)
    if answer.level != "debug":
        getattr(log, answer.level)("wire.refused", code=answer.code, path=path, sentence=refusal.sentence)
