"""How connections are made: to the address that the guard checked, verified against the right authorities."""

import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import httpcore2
import httpx2

from packistry.errors import InvalidSetting
from packistry.outbound.guard import Guard

CONNECTIONS: Final = 32
KEEPALIVE_SECONDS: Final = 20.0


class GuardedBackend(httpcore2.NetworkBackend):
    """Resolves a name through the guard and connects to what it returned. TLS and Host go on naming the host."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._sockets = httpcore2.SyncBackend()

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
                return self._sockets.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                # Often the first is IPv6 on a machine without it.
                continue
        return self._sockets.connect_tcp(last, port, timeout, local_address, socket_options)


class GuardedTransport(httpx2.HTTPTransport):
    """httpx2's own transport on a pool of guarded connections; through a proxy when one is set.

    The proxy is the operator's own choice and resolves names itself: what may be asked for is then its business too.
    """

    def __init__(self, guard: Guard, *, ca_file: Path | None = None, proxy: str | None = None) -> None:
        context = tls_context(ca_file)
        super().__init__(verify=context, proxy=proxy, trust_env=False)
        if proxy is None:
            self._pool = httpcore2.ConnectionPool(
                ssl_context=context,
                max_connections=CONNECTIONS,
                max_keepalive_connections=CONNECTIONS,
                keepalive_expiry=KEEPALIVE_SECONDS,
                network_backend=GuardedBackend(guard),
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
