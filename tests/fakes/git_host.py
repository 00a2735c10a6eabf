"""A real git server for tests: `git http-backend` behind a small server on loopback, or a real sshd."""

import base64
import getpass
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import create_connection
from typing import Self
from urllib.parse import unquote, urlsplit

from tests.tools import dying_with_us, free_port, program


@dataclass(frozen=True, slots=True)
class Reply:
    """What the host says instead of git."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""


class GitHost:
    """Serves the repositories below `folder` over http, to anybody or, with `users`, to those with a password.

    `trouble` may answer a request by its path in place of git. With `hang_after_bytes` an answer stops there, the
    connection open, until the host is stopped. Paths asked for are in `paths`, Authorization headers in `credentials`.
    """

    def __init__(self, folder: Path, *, users: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.users = dict(users or {})
        self.trouble: Callable[[str], Reply | None] = lambda path: None
        self.hang_after_bytes: int | None = None
        self.latency_seconds = 0.0
        self.paths: list[str] = []
        self.credentials: list[str] = []
        self.is_hanging = threading.Event()
        self._stopped = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def running(self) -> Generator[Self]:
        self._thread.start()
        try:
            yield self
        finally:
            self._stopped.set()
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    def count(self, end: str) -> int:
        """How many requests were for a path with this end."""
        return sum(path.endswith(end) for path in self.paths)

    def refuses(self, authorization: str) -> bool:
        known = {base64.b64encode(f"{name}:{password}".encode()).decode() for name, password in self.users.items()}
        return bool(known) and authorization.removeprefix("Basic ") not in known

    def hang(self) -> None:
        self.is_hanging.set()
        self._stopped.wait()


def _handler(host: GitHost) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """One request is one run of git, as in any CGI server."""

        wbufsize = -1

        def answer(self) -> None:
            time.sleep(host.latency_seconds)
            path = urlsplit(self.path).path
            authorization = self.headers.get("authorization", "")
            host.paths.append(path)
            host.credentials.append(authorization)
            body = self._body()
            trouble = host.trouble(path)
            if trouble is None and host.refuses(authorization):
                trouble = Reply(401, {"WWW-Authenticate": 'Basic realm="git"'})
            self._send(trouble or self._by_git(body))

        do_GET = do_POST = answer  # noqa: N815  (http.server's names)

        def _body(self) -> bytes:
            if self.headers.get("transfer-encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("content-length", 0)))
            parts: list[bytes] = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def _by_git(self, body: bytes) -> Reply:
            parts = urlsplit(self.path)
            finished = subprocess.run(
                [program("git"), "http-backend"], input=body, capture_output=True, check=False, env={
                    "PATH": os.environ["PATH"],
                    "GIT_CONFIG_NOSYSTEM": "1",
                    "GIT_CONFIG_GLOBAL": os.devnull,
                    "GIT_PROJECT_ROOT": str(host.folder),
                    "GIT_HTTP_EXPORT_ALL": "1",
                    "GIT_PROTOCOL": self.headers.get("git-protocol", ""),
                    "REQUEST_METHOD": self.command,
                    "PATH_INFO": unquote(parts.path),
                    "QUERY_STRING": parts.query,
                    "CONTENT_TYPE": self.headers.get("content-type", ""),
                    "CONTENT_LENGTH": str(len(body)),
                    "HTTP_CONTENT_ENCODING": self.headers.get("content-encoding", ""),
                },
            )  # fmt: skip
            head, _, answer = finished.stdout.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode("latin-1").splitlines() if ": " in line)
            return Reply(int(headers.pop("Status", "200 OK").split(" ")[0]), headers, answer)

        def _send(self, reply: Reply) -> None:
            # A client that was killed does not want the rest.
            with suppress(ConnectionError):
                self._send_all(reply)

        def _send_all(self, reply: Reply) -> None:
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            limit = host.hang_after_bytes
            self.wfile.write(reply.body[:limit])
            if limit is not None and len(reply.body) > limit:
                self.wfile.flush()
                host.hang()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (http.server's name)
            """Silent: a test that fails shows `paths`."""

    return Handler


@dataclass(frozen=True, slots=True)
class SSHHost:
    """A real sshd on loopback that lets in whoever has one of the keys, as the user who runs the tests."""

    folder: Path
    port: int
    _state: Path

    @property
    def address(self) -> str:
        """The base address of what lies below `folder`."""
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}{self.folder}"

    def admit(self, public_key: str) -> None:
        """Lets in the holder of the private half, from the next connection on."""
        with (self._state / "authorized_keys").open("a") as file:
            file.write(public_key + "\n")

    def fingerprint(self) -> str:
        told = subprocess.run(
            [program("ssh-keygen"), "-l", "-f", self._state / "host_key.pub"],
            capture_output=True,
            check=True,
            text=True,
        )
        return told.stdout.split(" ")[1]


@contextmanager
def ssh_host(folder: Path, state: Path, *, port: int | None = None, key_kind: str = "ed25519") -> Generator[SSHHost]:
    """An sshd with a new host key. It takes no variable from clients, as a plain installation does not: git's second
    protocol, in which a client may ask for any object, is not spoken then.
    """
    state.mkdir()
    port = port or free_port()
    (state / "authorized_keys").touch(0o600)
    key = state / "host_key"
    subprocess.run([program("ssh-keygen"), "-q", "-t", key_kind, "-N", "", "-f", key], check=True)
    config = state / "sshd_config"
    config.write_text(
        f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {key}\nPidFile none\n"
        f"AuthorizedKeysFile {state / 'authorized_keys'}\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
        "KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where sshd puts what it does not trust; a service makes it
    with (state / "log").open("wb") as log:
        process = subprocess.Popen([*dying_with_us("KILL"), program("sshd"), "-D", "-e", "-f", config], stderr=log)
    try:
        _wait_for(port, process, state / "log")
        yield SSHHost(folder, port, state)
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(state)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(500):
        if process.poll() is not None:
            break
        try:
            create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.01)
        else:
            return
    raise AssertionError(f"sshd did not start: {log.read_text()}")
