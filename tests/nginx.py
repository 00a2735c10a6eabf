"""Debian's nginx in front of a server, with a configuration as docs/operations.md has it."""

import re
import subprocess
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.server import Server
from tests.tools import ROOT, dying_with_us, free_port, program

START_SECONDS = 10

# As little as nginx needs to run in a folder of the test's; what stands in `server` is the documentation's.
CONFIGURATION = """
daemon off;
{user}
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        {locations}
    }}
}}
"""


def documented(heading: str, page: str = "docs/operations.md") -> str:
    """The configuration in a section of a page."""
    section = (ROOT / page).read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found = re.search(r"```nginx\n(.*?)```", section, re.DOTALL)
    assert found, f"{page} has no configuration for nginx under {heading}"
    return found[1]


@contextmanager
def in_front_of(
    server: Server, folder: Path, locations: Sequence[str], data_dir: Path, user: str = ""
) -> Generator[str]:
    """The address of an nginx that hands on to the server, the documented ports and folders replaced by ours."""
    port = free_port()
    folder.mkdir()
    text = "\n".join(locations).replace("127.0.0.1:8000", f"127.0.0.1:{server.port}")
    configuration = folder / "nginx.conf"
    configuration.write_text(
        CONFIGURATION.format(
            user=f"user {user};" if user else "",
            folder=folder,
            port=port,
            locations=text.replace("/srv/packistry/data", str(data_dir)),
        )
    )
    process = subprocess.Popen(
        [*dying_with_us("TERM"), program("nginx"), "-p", folder, "-e", folder / "error.log", "-c", configuration]
    )
    try:
        _wait(process, Server(process, port, folder / "error.log"))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _wait(process: "subprocess.Popen[bytes]", nginx: Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    while nginx.answers() is None:
        assert process.poll() is None, f"nginx does not start:\n{nginx.log}"
        assert time.monotonic() < deadline, f"nginx does not answer:\n{nginx.log}"
        time.sleep(0.02)
