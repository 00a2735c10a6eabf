"""The tests' own tools: a tool that lies would make every test that uses it worthless."""

import functools
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, text

from packistry.settings import Settings
from tests.composer.client import Client, ComposerProject
from tests.tools import ROOT, require_tool


class Registry(http.server.SimpleHTTPRequestHandler):
    """Static files, behind a token when the server has one."""

    def do_GET(self) -> None:
        token = getattr(self.server, "token", None)
        if token and self.headers.get("Authorization") not in token:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="test"')
            self.end_headers()
            return
        super().do_GET()

    def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] the names are free
        """Nothing: the test run's own output is enough."""


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[http.server.ThreadingHTTPServer]:
    """A Composer repository of static files with acme/lib 1.0.0."""
    site = tmp_path / "site"
    (site / "p2" / "acme").mkdir(parents=True)
    handler = functools.partial(Registry, directory=str(site))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    with zipfile.ZipFile(site / "lib.zip", "w") as archive:
        archive.writestr("composer.json", '{"name": "acme/lib"}')
    dist = {"type": "zip", "url": f"http://127.0.0.1:{server.server_port}/lib.zip", "reference": "abc", "shasum": ""}
    version = {"name": "acme/lib", "version": "1.0.0", "dist": dist}
    (site / "packages.json").write_text(json.dumps({"packages": [], "metadata-url": "/p2/%package%.json"}))
    (site / "p2" / "acme" / "lib.json").write_text(json.dumps({"packages": {"acme/lib": [version]}}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def address(server: http.server.ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_port}"


def test_a_real_client_installs_from_a_registry(
    composer_client: Client, registry: http.server.ThreadingHTTPServer, tmp_path: Path
) -> None:
    project = ComposerProject(composer_client, tmp_path / "project", [address(registry)])

    project.run("require", "acme/lib:^1.0")

    assert project.installed("acme/lib")
    assert project.locked["acme/lib"]["version"] == "1.0.0"


def test_a_kept_token_is_sent(
    composer_client: Client, registry: http.server.ThreadingHTTPServer, tmp_path: Path
) -> None:
    registry.token = ["Bearer secret"]  # pyright: ignore[reportAttributeAccessIssue] read by Registry
    project = ComposerProject(composer_client, tmp_path / "project", [address(registry)])
    project.write({"acme/lib": "*"})

    refused = project.run("update", check=False)
    project.bearer("secret")
    project.run("update")

    assert refused.code != 0
    assert project.installed("acme/lib")


def test_a_person_at_the_terminal_is_asked(
    composer_client: Client, registry: http.server.ThreadingHTTPServer, tmp_path: Path
) -> None:
    registry.token = ["Basic dG9rZW46c2VjcmV0"]  # pyright: ignore[reportAttributeAccessIssue] token:secret
    project = ComposerProject(composer_client, tmp_path / "project", [address(registry)])
    project.write({"acme/lib": "*"})

    shown = project.talk(["update"], [("Username:", "token"), ("Password:", "secret"), ("store credentials", "n")])

    assert "Authentication required" in shown.stdout
    assert "secret" not in shown.stdout
    assert project.installed("acme/lib")


def test_the_three_clients_are_of_three_generations(composer_clients: list[Client]) -> None:
    assert [client.version[:2] for client in composer_clients[:2]] == [(2, 5), (2, 8)]
    assert composer_clients[2].version > (2, 9)


def test_a_database_is_fresh_and_takes_changes(database_url: str) -> None:
    engine = create_engine(Settings(database_url=database_url).sqlalchemy_url)

    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE note (line TEXT)"))
        connection.execute(text("INSERT INTO note VALUES ('once')"))
        rows = connection.execute(text("SELECT count(*) FROM note")).scalar_one()
    engine.dispose()

    assert rows == 1


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder open to the user that PostgreSQL runs as. pytest shuts its own ones whenever another run begins."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        path.chmod(0o755)
        yield path


@pytest.mark.postgresql
def test_a_cluster_ends_when_its_test_run_is_killed(reachable: Path) -> None:
    script = "from tests.postgresql import running_cluster\nimport time\nwith running_cluster() as cluster:\n"
    script += "    print(cluster.url('postgres'), cluster.process.pid, flush=True)\n    time.sleep(60)\n"
    run = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(reachable)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with run:
        url, pid = run.stdout.readline().split()  # pyright: ignore[reportOptionalMemberAccess] it is a pipe
        psycopg.connect(url).close()

        run.kill()

    deadline = time.monotonic() + 20
    while _runs(int(pid)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _runs(int(pid))
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


@pytest.mark.parametrize(("ci", "outcome"), [("true", "Failed"), ("", "Skipped")])
def test_a_missing_tool_is_a_failure_only_in_ci(monkeypatch: pytest.MonkeyPatch, ci: str, outcome: str) -> None:
    monkeypatch.setenv("CI", ci)

    with pytest.raises(BaseException, match="a tool is missing") as raised:
        require_tool(None, "a tool")

    assert type(raised.value).__name__ == outcome


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
