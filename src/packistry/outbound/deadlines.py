"""One end for all that a request takes: names, handshake, redirects, waits between tries and the last byte of the body.

A timeout per read alone is no limit: a host that sends a byte each second, in headers or body, never trips it.
"""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any, TypeVar

import httpcore2

from packistry.errors import Unreachable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a request to `host` must have ended, by the monotonic clock."""

    host: str
    seconds: float
    ends_at: float

    def left(self) -> float:
        """The seconds that remain. Refuses with Unreachable when none do."""
        seconds = self.ends_at - time.monotonic()
        if seconds <= 0:
            raise Unreachable(
                f"{self.host} has not sent all of its answer in {self.seconds:g} seconds; try again later."
            )
        return seconds


# Of the request that this thread is making: its connection may be older, and serve another request after it.
_current: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


@contextmanager
def deadline(host: str, seconds: float) -> Generator[None]:
    """Everything that this thread reads and writes within ends after so many seconds, or refuses with Unreachable."""
    token = _current.set(Deadline(host, seconds, time.monotonic() + seconds))
    try:
        yield
    finally:
        _current.reset(token)


def within_deadline(timeout: float | None, wait: Callable[[float | None], T]) -> T:
    """`wait` with what is left when that is less than its timeout."""
    current = _current.get()
    if current is None:
        return wait(timeout)
    left = current.left()
    try:
        return wait(left if timeout is None else min(timeout, left))
    except httpcore2.TimeoutException:
        current.left()
        raise


class DeadlineStream(httpcore2.NetworkStream):
    """A connection whose every wait ends with the deadline of the request that it serves."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return within_deadline(timeout, lambda seconds: self._stream.read(max_bytes, seconds))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        within_deadline(timeout, lambda seconds: self._stream.write(buffer, seconds))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        def shake_hands(seconds: float | None) -> httpcore2.NetworkStream:
            return self._stream.start_tls(ssl_context, server_hostname, seconds)

        return DeadlineStream(within_deadline(timeout, shake_hands))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
