"""Servers that no library would be: each connection is answered by a function that has the bare socket."""

import socket
import ssl
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

Serve = Callable[[socket.socket, bytes], None]
"""Gets the connection and the head of the request, blank line included; the connection is closed afterwards."""


@dataclass
class Bare:
    """A listening server; `heads` has what was asked, a request each."""

    port: int
    heads: list[bytes] = field(default_factory=list[bytes])

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serving(serve: Serve, context: ssl.SSLContext | None = None) -> Generator[Bare]:
    """A server on loopback, one thread a connection; with TLS when it has a context."""
    listener = socket.create_server(("127.0.0.1", 0))
    bare = Bare(listener.getsockname()[1])

    def accept() -> None:
        # Closing the listener ends the loop.
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection: socket.socket) -> None:
        # A client that has had enough goes away; that is what is tested.
        with suppress(OSError), connection:
            wrapped = context.wrap_socket(connection, server_side=True) if context else connection
            with wrapped:
                head = read_head(wrapped)
                bare.heads.append(head)
                serve(wrapped, head)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield bare
    finally:
        # Closing alone does not wake a thread that waits in accept.
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def read_head(connection: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(65536)
        if not piece:
            break
        head += piece
    return head


def saying(*pieces: bytes) -> Serve:
    """Answers with these bytes and closes."""

    def serve(connection: socket.socket, _head: bytes) -> None:
        for piece in pieces:
            connection.sendall(piece)

    return serve


def server_context(folder: Path, pem: bytes) -> ssl.SSLContext:
    """TLS with the certificate and key in `pem`."""
    path = folder / "server.pem"
    path.write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
