"""Reading what a host sends, unpacked and counted, whatever it announced."""

import zlib
from collections.abc import Iterator
from typing import Final

import httpx2

from packistry.errors import Unreachable

# What a host writes about a refusal.
ERROR_BYTES: Final = 64 * 1024
# A length with more is larger than any limit, and Python refuses to read one with thousands.
DIGITS: Final = 20
PIECE_BYTES: Final = 64 * 1024
# What zlib calls a gzip header around its largest window.
GZIP: Final = 31


def pieces(response: httpx2.Response, max_bytes: int) -> Iterator[bytes]:
    """The body, unpacked. Its announced length is not believed, but spares reading what is too long anyway."""
    announced = response.headers.get("content-length", "")
    if response.request.method != "HEAD" and announced.isdecimal() and int(announced[:DIGITS]) > max_bytes:
        raise _too_large(response, max_bytes)
    received = 0
    for piece in _unpacked(response):
        received += len(piece)
        # Counted as it came too: a stream that unpacks to nothing may still have no end.
        if max(received, response.num_bytes_downloaded) > max_bytes:
            raise _too_large(response, max_bytes)
        yield piece


def _unpacked(response: httpx2.Response) -> Iterator[bytes]:
    """The body in small pieces, however well it was packed, so that a bomb is counted as it goes off."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding == "gzip":
        yield from _gunzipped(response)
    elif encoding == "identity":
        yield from response.iter_raw()
    else:
        # Asked for at most gzip, and once: several layers multiply.
        raise Unreachable(f"{response.url.host} packs its answer in a way that it was not asked for.")


def _gunzipped(response: httpx2.Response) -> Iterator[bytes]:
    """Not left to the library, which takes a stream that was cut off for a whole one."""
    unpacker, is_whole = zlib.decompressobj(wbits=GZIP), True
    for packed in response.iter_raw():
        if unpacker.eof:
            raise httpx2.DecodingError("bytes after the end")
        rest, piece = packed, b""
        # All input may be taken while output still waits.
        while rest or len(piece) == PIECE_BYTES:
            try:
                piece = unpacker.decompress(rest, PIECE_BYTES)
            except zlib.error as error:
                raise httpx2.DecodingError(str(error)) from error
            rest = unpacker.unconsumed_tail
            yield piece
        is_whole = unpacker.eof and not unpacker.unused_data
    if not is_whole:
        raise httpx2.DecodingError("not one whole stream")


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
