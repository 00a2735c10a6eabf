"""Reading what a host sends, unpacked and counted, whatever it announced."""

from collections.abc import Iterator
from typing import Final

import httpx2

from packistry.errors import Unreachable

# What a host writes about a refusal.
ERROR_BYTES: Final = 64 * 1024
# A length with more is larger than any limit, and Python refuses to read one with thousands.
DIGITS: Final = 20


def pieces(response: httpx2.Response, max_bytes: int) -> Iterator[bytes]:
    """The body, unpacked. Its announced length is not believed, but spares reading what is too long anyway."""
    announced = response.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:DIGITS]) > max_bytes:
        raise _too_large(response, max_bytes)
    received = 0
    for piece in _unpacked(response):
        received += len(piece)
        # Counted as it came too: a stream that unpacks to nothing may still have no end.
        if max(received, response.num_bytes_downloaded) > max_bytes:
            raise _too_large(response, max_bytes)
        yield piece


def _unpacked(response: httpx2.Response) -> Iterator[bytes]:
    """The body in pieces of at most 1 MiB, however well it was packed, so that a bomb is counted as it goes off."""
    # Asked for at most gzip, once: several layers multiply.
    if response.headers.get("content-encoding", "identity").strip().lower() not in {"gzip", "identity", ""}:
        raise Unreachable(f"{response.url.host} packs its answer in a way that it was not asked for.")
    yield from response.iter_bytes()


def _too_large(response: httpx2.Response, max_bytes: int) -> Unreachable:
    return Unreachable(f"{response.url.host} sends more than the {max_bytes} bytes that are allowed here.")


def beginning(response: httpx2.Response) -> bytes:
    """The first part of what a host says about its refusal."""
    body = b""
    for piece in _unpacked(response):
        body += piece
        if len(body) >= ERROR_BYTES:
            break
    return body[:ERROR_BYTES]
