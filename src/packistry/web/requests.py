"""One request on the wire: its headers, its caller's address and the address it was asked under."""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from packistry.errors import BadRequest
from packistry.settings import Settings

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

# What a Host header may be: it becomes part of every address we answer with.
HOST: Final = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
# An IPv4 address written as an IPv6 one.
ADDRESS_CHARACTERS: Final = 45
# How many addresses we are asked under are remembered: most servers have one.
KEPT_BASES: Final = 16
# A refusal of gzip: "gzip;q=0".
NO_GZIP: Final = re.compile(rb"gzip\s*;\s*q=0(?:\.0*)?\s*(?:,|$)")
PREFIX: Final = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")


class Origin:
    """Where requests come from and under which address they were sent, as far as proxies may say so."""

    def __init__(self, settings: Settings, chosen: Callable[[], str | None] = lambda: None) -> None:
        """`chosen` gives the address that was chosen on the pages, which holds where no setting does."""
        self._public_url = settings.public_url
        self._chosen = chosen
        self._trusted = settings.trusted_proxies
        # Addresses that were found good, by scheme and Host.
        self._bases: dict[tuple[str, bytes], str] = {}

    def base(self, scope: Scope, headers: dict[bytes, bytes]) -> str:
        """The public address without a trailing slash: what is known of it, else what the request says of itself."""
        return self._public_url or self._chosen() or self._asked(scope, headers)

    def page_base(self, scope: Scope, headers: dict[bytes, bytes]) -> str:
        """The address at which a browser is. A chosen one counts only there: who chose a wrong one can still come in
        by another and choose again, where the setting would stand in the way.
        """
        if self._public_url is not None:
            return self._public_url
        chosen, asked = self._chosen(), self._asked(scope, headers)
        return chosen if chosen is not None and urlsplit(chosen).netloc == urlsplit(asked).netloc else asked

    def _asked(self, scope: Scope, headers: dict[bytes, bytes]) -> str:
        """The address that the request was sent to."""
        if self._trusted:
            return self._checked_base(scope, headers)
        asked = scope["scheme"], headers.get(b"host", b"")
        base = self._bases.get(asked)
        if base is None:
            base = self._checked_base(scope, headers)
            # The Host header is the caller's: nobody fills the memory with it.
            if len(self._bases) < KEPT_BASES:
                self._bases[asked] = base
        return base

    def _checked_base(self, scope: Scope, headers: dict[bytes, bytes]) -> str:
        scheme = scope["scheme"]
        host = headers.get(b"host", b"").decode("latin-1")
        prefix = ""
        if self._is_trusted(_peer(scope)):
            scheme = _last(headers, b"x-forwarded-proto") or scheme
            host = _last(headers, b"x-forwarded-host") or host
            prefix = _last(headers, b"x-forwarded-prefix").rstrip("/")
        if scheme not in {"http", "https"} or not HOST.fullmatch(host) or not PREFIX.fullmatch(prefix):
            raise BadRequest("The Host header is missing or is no host name.")
        return f"{scheme}://{host}{prefix}"

    def address(self, scope: Scope) -> str | None:
        """The caller's address: the last one in X-Forwarded-For that is no trusted proxy, else the peer.

        What is no address ends the search: a client may write anything there, and it would go into the audit log.
        """
        address = _peer(scope)
        if not self._is_trusted(address):
            return address
        # A proxy may add a line of its own instead of a word to the last one; both are the same to HTTP.
        lines = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        forwarded = b",".join(lines).decode("latin-1").split(",")
        while self._is_trusted(address) and forwarded:
            candidate = forwarded.pop().strip()
            if not _is_address(candidate):
                break
            address = candidate
        return address

    def _is_trusted(self, address: str | None) -> bool:
        return bool(self._trusted) and address is not None and _inside(address, self._trusted)


class Request:
    """What handlers ask of a request. Headers are bytes with lower-case names; the last of equal ones counts."""

    __slots__ = ("headers", "is_head", "method", "origin", "receive", "scope")

    def __init__(self, scope: Scope, receive: Receive, origin: Origin) -> None:
        self.scope = scope
        self.receive = receive
        self.origin = origin
        self.method: str = scope["method"]
        self.is_head = self.method == "HEAD"
        self.headers: dict[bytes, bytes] = dict(scope["headers"])

    @property
    def public_base(self) -> str:
        """The address that leads to the root repository."""
        return self.origin.base(self.scope, self.headers)

    @property
    def address(self) -> str | None:
        return self.origin.address(self.scope)

    def caller(self) -> tuple[str | None, str]:
        """The caller's address, and what the client says it is."""
        return self.address, self.headers.get(b"user-agent", b"").decode("latin-1")

    @property
    def query(self) -> dict[str, str]:
        """Query parameters; the last of equal ones counts, more than a hundred are nobody's honest question."""
        text = self.scope["query_string"].decode("latin-1")
        try:
            query = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=100))
        except ValueError as fault:
            raise BadRequest("The query has too many parameters.") from fault
        # Nothing here has such a name, and PostgreSQL would not even look.
        if any("\0" in value for value in query.values()):
            raise BadRequest("The query holds a NUL character.")
        return query

    @property
    def takes_gzip(self) -> bool:
        """Whether the client says so; the common header is told from the refusal "gzip;q=0"."""
        accepted = self.headers.get(b"accept-encoding", b"")
        return b"gzip" in accepted and (b"q=0" not in accepted or not NO_GZIP.search(accepted))

    async def body(self, limit: int) -> bytes:
        """The whole body. Refuses one that is larger than `limit` bytes, or cut off."""
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise BadRequest("The body was cut off.")
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            if size > limit:
                raise BadRequest(f"The body is larger than {limit} bytes.")
            chunks.append(chunk)
            if not message.get("more_body"):
                return b"".join(chunks)


def _peer(scope: Scope) -> str | None:
    client = scope.get("client")
    return client[0] if client else None


def _last(headers: dict[bytes, bytes], name: bytes) -> str:
    """The value that the nearest proxy added."""
    return headers.get(name, b"").decode("latin-1").rpartition(",")[2].strip()


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    # A zone may follow an IPv6 address, as long as somebody likes.
    return len(text) <= ADDRESS_CHARACTERS


def _inside(address: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)
