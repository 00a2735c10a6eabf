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
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine, text

from packistry.settings import Settings
from tests.composer.client import Client, ComposerProject
from tests.lending import Lender
from tests.tools import ROOT, require_tool

ADDED = (
    "INSERT INTO repositories (path, name, description, public, claims_vendors, listing_modified, created_at)"
    " VALUES ('a', 'A', '', false, true, 0, now()) RETURNING id"
)


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


@pytest.mark.postgresql
def test_a_database_that_was_given_back_is_lent_as_it_was_and_unknown_under_its_old_name(
    migrated_databases: Lender,
) -> None:
    lender = Lender(migrated_databases.cluster, migrated_databases.template)
    first = lender.take()
    with _connected(lender, first) as database:
        as_it_was = _rows(database)
        database.execute(ADDED)
        database.execute("UPDATE alembic_version SET version_num = '0'")
        database.execute("DELETE FROM generation")

        lender.give_back(first)
        with pytest.raises(psycopg.OperationalError):
            database.execute("SELECT 1")
    second = lender.take()

    assert lender.free == []
    with _connected(lender, second) as database:
        assert _rows(database) == as_it_was
        number = database.execute(ADDED).fetchone()
    assert number == (2,)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        _connected(lender, first)
    lender.give_back(second)
    lender.cluster.drop(lender.free.pop())


@pytest.mark.postgresql
@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE note (line TEXT)",
        "DROP TABLE alembic_version",
        "ALTER TABLE repositories ADD COLUMN note TEXT",
        "CREATE INDEX note ON repositories (created_at)",
        "ALTER TABLE repositories ADD CHECK (id > 0)",
        "CREATE FUNCTION note() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ],
)
def test_a_database_with_other_tables_is_lent_to_nobody_else(migrated_databases: Lender, change: str) -> None:
    lender = Lender(migrated_databases.cluster, migrated_databases.template)
    name = lender.take()
    with _connected(lender, name) as database:
        database.execute(change.encode())

    lender.give_back(name)

    assert lender.free == []


@pytest.mark.parametrize("ignored", ["INT", "HUP"])
def test_what_we_start_hears_the_signals_that_we_were_told_to_ignore(ignored: str) -> None:
    script = (
        "import os, signal, subprocess\nfrom tests.tools import let_children_hear_signals\n"
        f"let_children_hear_signals()\nos.kill(os.getpid(), signal.SIG{ignored})\n"
        "child = subprocess.Popen(['sleep', '20'])\n"
        f"child.send_signal(signal.SIG{ignored})\nprint(signal.Signals(-child.wait()).name)\n"
    )
    command = ["sh", "-c", f'trap "" {ignored}; exec "$@"', "sh", sys.executable, "-c", script]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout == f"SIG{ignored}\n"


@pytest.mark.parametrize(("ci", "outcome"), [("true", "Failed"), ("", "Skipped")])
def test_a_missing_tool_is_a_failure_only_in_ci(monkeypatch: pytest.MonkeyPatch, ci: str, outcome: str) -> None:
    monkeypatch.setenv("CI", ci)

    with pytest.raises(BaseException, match="a tool is missing") as raised:
        require_tool(None, "a tool")

    assert type(raised.value).__name__ == outcome


def _connected(lender: Lender, name: str) -> psycopg.Connection[Any]:
    return psycopg.connect(lender.cluster.url(name), autocommit=True)


def _rows(database: psycopg.Connection[Any]) -> Any:
    """All that is in all tables."""
    return database.execute("SELECT schema_to_xml('public', true, false, '')").fetchone()


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
