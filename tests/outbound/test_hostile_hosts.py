"""Hosts that hang, trickle, lie about lengths, send without end or send bombs: each ends in a sentence, and in time."""

import gzip
import io
import socket
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from packistry.errors import Unreachable
from packistry.outbound.client import Client
from packistry.outbound.guard import Guard
from tests.outbound.conftest import PATIENCE
from tests.outbound.servers import Serve, saying, serving

MIB = 1024**2
HEAD = b"HTTP/1.1 200 OK\r\n"
# The deadline is what ends a host here, not the time between two pieces.
HASTY = replace(PATIENCE, read_seconds=0.4, deadline_seconds=0.6, download_seconds=0.6)
# More than the deadline by what a busy machine needs.
IN_TIME = 3.0

Ask = Callable[[Client, str], object]
ASKS: dict[str, Ask] = {
    "send": lambda client, url: client.send("GET", url, max_bytes=MIB),
    "download": lambda client, url: client.download(url, io.BytesIO(), max_bytes=MIB),
}


@pytest.fixture(params=ASKS.values(), ids=list(ASKS))
def ask(request: pytest.FixtureRequest) -> Ask:
    """A test that takes it asks in both ways, for at most 1 MiB."""
    return request.param


def packed(data: bytes) -> bytes:
    return HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(data) + data


def trickling(beginning: bytes, piece: bytes, pause: float = 0.05) -> Serve:
    """Sends the beginning, then a piece for ever, each just before one would give up."""

    def serve(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(beginning)
        while True:
            time.sleep(pause)
            connection.sendall(piece)

    return serve


def pouring(beginning: bytes, piece: bytes) -> Serve:
    """Sends the beginning, then a piece for ever, as fast as it is taken."""
    return trickling(beginning, piece, 0)


def silent(connection: socket.socket, _head: bytes) -> None:
    with suppress(OSError):
        connection.recv(1)


@pytest.mark.parametrize(
    "serve",
    [
        pytest.param(silent, id="says nothing"),
        pytest.param(saying(HEAD), id="ends in its headers"),
        pytest.param(trickling(HEAD, b"X-A: b\r\n"), id="trickles headers"),
        pytest.param(trickling(b"HTTP/1.1 200 ", b"O"), id="trickles its first line"),
        pytest.param(trickling(HEAD + b"Content-Length: 100000\r\n\r\n", b"x"), id="trickles its body"),
        pytest.param(trickling(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"), id="trickles chunks"),
        pytest.param(trickling(HEAD + b"\r\n", b"x"), id="trickles without a length"),
        pytest.param(trickling(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"), id="continues"),
        pytest.param(trickling(b"HTTP/1.1 404 No\r\n\r\n", b"x"), id="trickles a refusal"),
    ],
)
def test_a_slow_host_is_left_when_the_time_is_over(ask: Ask, serve: Serve) -> None:
    client = Client(HASTY, Guard(["127.0.0.1"]))
    began = time.monotonic()

    with serving(serve) as host, pytest.raises(Unreachable, match=r"^127\.0\.0\.1 "):
        ask(client, host.address)

    assert time.monotonic() - began < IN_TIME
    client.close()


def test_the_deadline_holds_for_all_redirects_together() -> None:
    client = Client(HASTY, Guard(["127.0.0.1"]))

    def serve(connection: socket.socket, _head: bytes) -> None:
        time.sleep(0.3)
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with serving(serve) as host, pytest.raises(Unreachable, match=r"in 0\.6 seconds"):
        client.send("GET", host.address)

    assert len(host.heads) <= 3
    client.close()


def test_a_connection_serves_again_after_its_first_deadline() -> None:
    client = Client(HASTY, Guard(["127.0.0.1"]))

    def serve(connection: socket.socket, _head: bytes) -> None:
        for _ in range(2):
            connection.sendall(HEAD + b"Content-Length: 1\r\n\r\nx")
            time.sleep(0.01)
            connection.recv(65536)

    with serving(serve) as host:
        client.send("GET", host.address)
        time.sleep(0.7)
        answer = client.send("GET", host.address)

    assert (answer.body, len(host.heads)) == (b"x", 1)
    client.close()


@pytest.mark.parametrize(
    "serve",
    [
        pytest.param(saying(HEAD + b"Content-Length: 1048577\r\n\r\n"), id="announced"),
        pytest.param(saying(HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n"), id="announced beyond numbers"),
        pytest.param(pouring(HEAD + b"\r\n", b"x" * 65536), id="without a length"),
        pytest.param(
            pouring(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65536 + b"\r\n"), id="in chunks"
        ),
        pytest.param(saying(packed(gzip.compress(b"\0" * (MIB + 1)))), id="packed"),
        pytest.param(saying(packed(gzip.compress(b"\0" * 200 * MIB, 1))), id="a bomb"),
    ],
)
def test_more_than_is_allowed_is_refused(client: Client, ask: Ask, serve: Serve) -> None:
    with serving(serve) as host, pytest.raises(Unreachable):
        ask(client, host.address)

    assert len(host.heads) <= 3


def test_a_bomb_is_refused_before_it_has_gone_off(client: Client) -> None:
    into = io.BytesIO()

    with (
        serving(saying(packed(gzip.compress(b"\0" * 200 * MIB, 1)))) as host,
        pytest.raises(Unreachable, match="more than"),
    ):
        client.download(host.address, into, max_bytes=MIB)

    assert len(into.getvalue()) <= MIB


def test_a_stream_that_unpacks_to_nothing_has_an_end_too() -> None:
    client = Client(HASTY, Guard(["127.0.0.1"]))
    packer = zlib.compressobj(wbits=31)
    beginning = packer.compress(b"x") + packer.flush(zlib.Z_FULL_FLUSH)
    empty = packer.flush(zlib.Z_FULL_FLUSH) or b"\0\0\0\xff\xff"

    with (
        serving(pouring(HEAD + b"Content-Encoding: gzip\r\n\r\n" + beginning, empty * 1000)) as host,
        pytest.raises(Unreachable),
    ):
        client.send("GET", host.address, max_bytes=MIB)

    client.close()


def test_a_packed_answer_is_unpacked(client: Client, ask: Ask) -> None:
    with serving(saying(packed(gzip.compress(b"x" * 5000)))) as host:
        answer = client.send("GET", host.address)

    assert answer.body == b"x" * 5000
    assert b"accept-encoding: gzip\r\n" in host.heads[0].lower()


def test_a_packed_refusal_is_kept_to_its_limit(client: Client) -> None:
    bomb = packed(gzip.compress(b"\0" * 50 * MIB)).replace(b"200 OK", b"403 No")

    with serving(saying(bomb)) as host:
        answer = client.download(host.address, io.BytesIO(), max_bytes=MIB)

    assert (answer.status, len(answer.body)) == (403, 64 * 1024)


@pytest.mark.parametrize(
    "serve",
    [
        pytest.param(saying(HEAD + b"Content-Length: 10\r\n\r\nshort"), id="less than announced"),
        pytest.param(saying(HEAD + b"Content-Length: -1\r\n\r\n"), id="a length below nothing"),
        pytest.param(saying(HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx"), id="two lengths"),
        pytest.param(saying(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"), id="no chunk"),
        pytest.param(saying(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"), id="a chunk cut off"),
        pytest.param(saying(packed(b"no gzip")), id="not what it says"),
        pytest.param(saying(packed(gzip.compress(b"x" * 5000)[:-8])), id="packed and cut off"),
        pytest.param(saying(packed(gzip.compress(b"x")).replace(b"gzip", b"gzip, gzip")), id="packed twice"),
        pytest.param(saying(packed(b"x").replace(b"gzip", b"br")), id="packed otherwise"),
        pytest.param(saying(b"SSH-2.0-OpenSSH_9.2\r\n"), id="another protocol"),
        pytest.param(saying(b""), id="nothing"),
        pytest.param(saying(HEAD + b"X: " + b"x" * 10 * MIB), id="a header without end"),
        pytest.param(saying(b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n"), id="no header"),
    ],
)
def test_what_is_no_answer_is_refused(client: Client, ask: Ask, serve: Serve) -> None:
    with serving(serve) as host, pytest.raises(Unreachable, match=r"^127\.0\.0\.1 ") as refusal:
        ask(client, host.address)

    assert len(refusal.value.sentence) < 400


def test_more_than_was_announced_is_not_taken(client: Client) -> None:
    with serving(saying(HEAD + b"Content-Length: 2\r\n\r\nabHTTP/1.1 200 OK\r\n\r\nevil")) as host:
        answer = client.send("GET", host.address)

        assert answer.body == b"ab"


def test_a_download_that_breaks_off_is_not_begun_again(client: Client) -> None:
    into = io.BytesIO()

    with (
        serving(saying(HEAD + b"Content-Length: 10\r\n\r\nshort")) as host,
        pytest.raises(Unreachable, match="after 5 bytes"),
    ):
        client.download(host.address, into, max_bytes=10)

    assert (into.getvalue(), len(host.heads)) == (b"short", 1)


def test_a_download_that_broke_before_its_first_byte_is_tried_again(client: Client) -> None:
    beginnings = iter([HEAD + b"Content-Length: 2\r\n\r\n", b"", HEAD + b"Content-Length: 2\r\n\r\nok"])
    into = io.BytesIO()

    with serving(lambda connection, _head: connection.sendall(next(beginnings))) as host:
        client.download(host.address, into, max_bytes=10)

    assert into.getvalue() == b"ok"


def test_a_disk_that_is_full_is_no_failure_of_the_host(client: Client) -> None:
    class Full(io.BytesIO):
        def write(self, data: object, /) -> int:
            raise OSError(28, "No space left on device")

    with serving(saying(HEAD + b"Content-Length: 2\r\n\r\nok")) as host, pytest.raises(OSError, match="No space"):
        client.download(host.address, Full(), max_bytes=10)

    assert len(host.heads) == 1
