"""nginx, serving a folder of files on the core that serves: what we are measured against."""

import os
import pwd
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.proofs.bench import machine
from tests.proofs.bench.ours import wait_until_answers
from tests.tools import dying_with_us, free_port, program

# Debian's own settings (sendfile, tcp_nopush, no log of accesses here as in ours), the headers that our answers have,
# and p2 documents from the .gz beside them, so that the very bytes of ours go out.
CONFIGURATION: Final = """
daemon off;
user {user};
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 100000000;
    server_tokens off;
    types {{ application/json json; application/zip zip; }}
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        root {root};
        add_header Cache-Control "private, no-cache";
        add_header Vary "Authorization, Accept-Encoding";
        location = {prefix}/-/notify {{ return 201; }}
        location {prefix}/p2/ {{ gzip_static always; gunzip on; }}
        location {prefix}/-/dist/ {{ add_header Cache-Control "private, max-age=31536000, immutable"; }}
    }}
}}
"""


@dataclass(frozen=True)
class Nginx:
    """A running nginx; files lie under `root` at the paths of their addresses."""

    process: subprocess.Popen[bytes]
    port: int
    root: Path

    @property
    def url(self) -> str:
        """The address without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def processes(self) -> list[int]:
        """Whose CPU counts."""
        return [self.process.pid]

    def put(self, address: str, body: bytes, modified: int | None = None) -> None:
        """Serves these bytes at this address, with this Last-Modified."""
        path = self.root / address.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        if modified is not None:
            os.utime(path, (modified, modified))


@contextmanager
def running_nginx(folder: Path, prefix: str) -> Generator[Nginx]:
    """nginx on the serving core, its files and its work below `folder`; `prefix` is where the repository lies."""
    root = folder / "root"
    root.mkdir(parents=True)
    port = free_port()
    configuration = folder / "nginx.conf"
    user = pwd.getpwuid(os.getuid()).pw_name
    configuration.write_text(CONFIGURATION.format(user=user, folder=folder, root=root, port=port, prefix=prefix))
    with machine.pinned(machine.SERVING_CORE):
        process = subprocess.Popen(
            [*dying_with_us("TERM"), program("nginx"), "-p", folder, "-e", folder / "error.log", "-c", configuration]
        )
    try:
        wait_until_answers(process, port, folder / "error.log")
        yield Nginx(process, port, root)
    finally:
        process.terminate()
        process.wait(10)
