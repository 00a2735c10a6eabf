"""The documents that list packages, on the wire: packages.json, list, search, providers."""

from typing import Final

from packistry.errors import BadRequest
from packistry.packages.documents import compress, repository_base
from packistry.packages.queries import Page
from packistry.repositories.listings import list_listing, providers_listing, search_results
from packistry.repositories.serve import Registry, http_date, weak_etag
from packistry.web.calling import Caller
from packistry.web.requests import Request, Send
from packistry.web.sending import DOCUMENT_HEADERS, GZIP, is_unchanged, send_body, send_not_modified

# Packagist's: 15 unless asked otherwise, never more than 100.
PAGE_SIZE: Final = 15
MAX_PAGE_SIZE: Final = 100
MAX_QUERY_CHARACTERS: Final = 500
# Smaller bodies than a network packet gain nothing.
MIN_GZIP_BYTES: Final = 1_000


class Documents:
    """Handlers for the wire. Asked for a few times in a command, not once per package."""

    def __init__(self, caller: Caller, registry: Registry) -> None:
        self._caller = caller
        self._registry = registry

    async def root(self, request: Request, send: Send, path: str, _: str) -> None:
        """packages.json."""
        view, facts = await self._caller.enter(request, path)
        listing = await self._registry.root(request.public_base, view, facts)
        await self._send(send, request, listing.body, listing.modified)

    async def list(self, request: Request, send: Send, path: str, _: str) -> None:
        """list.json with its filters."""
        view, facts = await self._caller.enter(request, path)
        query = request.query
        listing = await self._registry.read(
            list_listing,
            view,
            facts,
            pattern=_short(query.get("filter", "")),
            vendor=query.get("vendor", ""),
            kind=query.get("type", ""),
        )
        await self._send(send, request, listing.body, listing.modified)

    async def search(self, request: Request, send: Send, path: str, _: str) -> None:
        """search.json: pages are numbered from 1."""
        view, facts = await self._caller.enter(request, path)
        query = request.query
        size = _number(query.get("per_page"), PAGE_SIZE, MAX_PAGE_SIZE)
        page = Page(offset=(_number(query.get("page"), 1, 1_000_000) - 1) * size, size=size)
        body = await self._registry.read(
            search_results,
            view.actor,
            facts,
            repository_base(request.public_base, path),
            text=_short(query.get("q", "")),
            kind=query.get("type", ""),
            page=page,
        )
        await self._send(send, request, body, None)

    async def providers(self, request: Request, send: Send, path: str, name: str) -> None:
        """providers.json of a virtual name, which may be a platform one such as ext-json."""
        view, facts = await self._caller.enter(request, path)
        body = await self._registry.read(providers_listing, view.actor, facts, name.lower())
        await self._send(send, request, body, None)

    async def _send(self, send: Send, request: Request, body: bytes, modified: int | None) -> None:
        """A listing; with a date it can be 304."""
        etag = weak_etag(body)
        headers = [*DOCUMENT_HEADERS, (b"etag", etag)]
        date = None if modified is None else http_date(modified)
        if date is not None:
            headers.append((b"last-modified", date))
        if is_unchanged(request, etag, date):
            await send_not_modified(send, headers)
        elif request.takes_gzip and len(body) >= MIN_GZIP_BYTES:
            # In a thread: the names of 100,000 packages take 70 ms.
            packed = await self._registry.run(compress, body)
            await send_body(send, request, 200, [*headers, GZIP], packed)
        else:
            await send_body(send, request, 200, headers, body)


def _short(text: str) -> str:
    """What is looked for. Refuses what is longer than any name: the databases have limits, and would say so in SQL."""
    if len(text) > MAX_QUERY_CHARACTERS:
        raise BadRequest(f"Look for at most {MAX_QUERY_CHARACTERS} characters.")
    return text


def _number(text: str | None, default: int, most: int) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) < 1:
        raise BadRequest("page and per_page are numbers from 1 on.")
    return min(int(text), most)
