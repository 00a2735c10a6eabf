"""How connections are made: to the address that the guard checked, verified against the right authorities."""

import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import httpcore2
import httpx2

from packistry.errors import InvalidSetting
from packistry.outbound.deadlines import DeadlineStream, within_deadline
from packistry.outbound.guard import Guard

CONNECTIONS: Final = 32
KEEPALIVE_SECONDS: Final = 20.0


class DirectBackend(httpcore2.NetworkBackend):
    """Connects to what it is told, within the deadline of the request."""

    def __init__(self) -> None:
        self._sockets = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        def connect(seconds: float | None) -> httpcore2.NetworkStream:
            return self._sockets.connect_tcp(host, port, seconds, local_address, socket_options)

        return DeadlineStream(within_deadline(timeout, connect))


class GuardedBackend(DirectBackend):
    """Resolves a name through the guard and connects to what it returned. TLS and Host go on naming the host."""

    def __init__(self, guard: Guard) -> None:
        super().__init__()
        self._guard = guard

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        *others, last = self._guard.addresses(host, port)
        for address in others:
            try:
                return super().connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                # Often the first is IPv6 on a machine without it.
                continue
        return super().connect_tcp(last, port, timeout, local_address, socket_options)


class GuardedTransport(httpx2.HTTPTransport):
    """httpx2's own transport on a pool of guarded connections; through a proxy when one is set.

    The proxy is the operator's own choice, may be anywhere and resolves names itself. So a name that only the proxy
    knows is left to it; what is seen from here to lead inside is refused all the same.
    """

    def __init__(self, guard: Guard, *, ca_file: Path | None = None, proxy: str | None = None) -> None:
        context = tls_context(ca_file)
        super().__init__(verify=context, trust_env=False)
        self._names = guard if proxy else None
        self._pool = proxy_pool(proxy, context) if proxy else direct_pool(guard, context)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if self._names is not None:
            self._names.refuse_inside(request.url.host, request.url.port or 443)
        return super().handle_request(request)


def direct_pool(guard: Guard, context: ssl.SSLContext) -> httpcore2.ConnectionPool:
    return httpcore2.ConnectionPool(
        ssl_context=context,
        max_connections=CONNECTIONS,
        max_keepalive_connections=CONNECTIONS,
        keepalive_expiry=KEEPALIVE_SECONDS,
        network_backend=GuardedBackend(guard),
    )


def proxy_pool(address: str, context: ssl.SSLContext) -> httpcore2.HTTPProxy:
    proxy = httpx2.Proxy(address)
    url = proxy.url
    return httpcore2.HTTPProxy(
        proxy_url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        proxy_auth=proxy.raw_auth,
        ssl_context=context,
        proxy_ssl_context=context if url.scheme == "https" else None,
        max_connections=CONNECTIONS,
        max_keepalive_connections=CONNECTIONS,
        keepalive_expiry=KEEPALIVE_SECONDS,
        network_backend=DirectBackend(),
    )


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """The system's authorities, and those in the file. Refuses with InvalidSetting a file that holds none."""
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            raise InvalidSetting(
                f"PACKISTRY_OUTBOUND_CA_FILE={ca_file} cannot be read as certificates in PEM: {error}."
            ) from error
    return context
