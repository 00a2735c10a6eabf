"""`packistry serve`, as its users run it: started, asked, stopped and killed."""

import http.client
import json
import os
import random
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from packistry.settings import Settings
from tests import factories
from tests.server import Installation, Server, wait_until_healthy
from tests.tools import free_port, program


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """A data folder that nobody has made yet."""
    return Installation(tmp_path / "data", settings={"log_format": "json"})


def events(server: Server) -> list[str]:
    """The names of the lines in its log, without those of its jobs process."""
    names = [json.loads(line)["event"] for line in server.log.splitlines() if line.startswith("{")]
    return [name for name in names if not name.startswith(("job.", "jobs."))]


def running(pids: list[int]) -> list[int]:
    """Those of the processes that live. One that nobody has buried yet is dead all the same."""
    states = {pid: Path(f"/proc/{pid}/stat") for pid in pids}
    return [
        pid for pid, path in states.items() if path.exists() and path.read_text().rpartition(")")[2].split()[0] != "Z"
    ]


def children(pid: int) -> list[int]:
    """The web workers of a supervisor; its jobs process is started by another thread of it."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_until_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + 30
    while alive := running(pids):
        assert time.monotonic() < deadline, f"{alive} live on"
        time.sleep(0.05)


def test_a_fresh_folder_is_made_ready_and_the_person_told_what_to_do(settings: Settings, tmp_path: Path) -> None:
    installation = Installation(tmp_path / "fresh", database_url=settings.database_url)

    with installation.serve(workers=2) as server:
        status = server.answers()
        told = server.log
        # The commands that it names work beside it.
        installation.run("repository", "add", "Acme", "--path", "acme")

    assert status == 200
    assert server.url in told
    assert "repository add Acme --path acme" in told
    assert "deploy-token add ci --repository acme" in told
    assert {path.name for path in installation.data_dir.iterdir()} >= {"secret.key", "storage"}


def test_when_something_was_made_the_person_is_only_told_where(installation: Installation) -> None:
    installation.run("repository", "add", "Acme", "--path", "acme")

    with installation.serve() as server:
        told = server.log

    assert server.url in told
    assert "Or without a browser" not in told


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_stops_it_gracefully(installation: Installation, number: signal.Signals) -> None:
    with installation.serve(workers=2) as server:
        workers = children(server.process.pid)
        server.process.send_signal(number)
        code = server.process.wait(30)

    assert (code, len(workers), running(workers)) == (0, 2, [])
    assert events(server) == ["server.starting", "server.stopped"]


def test_ctrl_c_which_reaches_the_workers_too_is_no_crash(installation: Installation) -> None:
    with installation.serve(workers=2) as server:
        for pid in [*children(server.process.pid), server.process.pid]:
            os.kill(pid, signal.SIGINT)
        code = server.process.wait(30)

    assert code == 0


def test_a_stop_before_the_workers_serve_is_heard(installation: Installation) -> None:
    installation.run("db", "upgrade")
    server = installation.start(workers=2)
    deadline = time.monotonic() + 30
    while len(children(server.process.pid)) < 2:
        assert time.monotonic() < deadline, server.log
        time.sleep(0.002)
    workers = children(server.process.pid)

    server.stop()

    assert running(workers) == []


def test_a_download_that_is_running_is_finished_before_the_end(installation: Installation) -> None:
    # More than the sockets hold between us and the server.
    noise = random.Random(1).randbytes(16 * 1024 * 1024)
    archive = installation.data_dir.with_name("lib.zip")
    archive.write_bytes(factories.package_zip("acme/lib", files={"noise": noise}))
    installation.run("repository", "update", "/", "--public")
    installation.run("package", "upload", str(archive), "--version", "1.0.0")

    with installation.serve() as server:
        dist = json.loads(_get(server, "/p2/acme/lib.json").read())["packages"]["acme/lib"][0]["dist"]["url"]
        with _get(server, dist.removeprefix(server.url)) as download:
            content = download.read(1024)
            server.process.send_signal(signal.SIGTERM)
            # Longer than it takes to ask the workers again.
            time.sleep(1.5)
            content += download.read()
        code = server.process.wait(30)

    assert content == archive.read_bytes()
    assert code == 0


def test_a_worker_that_died_is_replaced(installation: Installation) -> None:
    with installation.serve(workers=2) as server:
        first = children(server.process.pid)
        os.kill(first[0], signal.SIGKILL)
        deadline = time.monotonic() + 30
        while len(set(children(server.process.pid)) - set(first)) < 1:
            assert time.monotonic() < deadline, server.log
            time.sleep(0.05)
        wait_until_healthy(server)

    assert first[1] not in running(first)
    assert any("Unexpected exit" in event for event in events(server))


def test_workers_end_with_a_killed_supervisor(installation: Installation) -> None:
    with installation.serve(workers=2) as server:
        workers = children(server.process.pid)
        server.kill()
        wait_until_gone(workers)

    assert len(workers) == 2
    assert server.answers() is None


def test_workers_that_were_still_loading_end_too(installation: Installation) -> None:
    installation.run("db", "upgrade")
    server = installation.start(workers=2)
    deadline = time.monotonic() + 30
    while len(children(server.process.pid)) < 2:
        assert time.monotonic() < deadline, server.log
        time.sleep(0.002)
    workers = children(server.process.pid)

    server.kill()

    wait_until_gone(workers)
    assert server.answers() is None


def test_after_a_kill_the_next_one_may_start_at_once(installation: Installation) -> None:
    with installation.serve(workers=2) as killed:
        killed.kill()
        with installation.serve(port=killed.port) as again:
            assert again.answers() == 200


def test_after_a_stop_with_open_connections_the_next_one_may_start_at_once(installation: Installation) -> None:
    with installation.serve() as server, socket.create_connection(("127.0.0.1", server.port)):
        server.answers()
        server.stop()
        with installation.serve(port=server.port) as again:
            assert again.answers() == 200


def test_a_second_one_on_the_same_port_is_refused(installation: Installation, tmp_path: Path) -> None:
    other = Installation(tmp_path / "other")

    with installation.serve() as server:
        refused = other.run("serve", "--port", str(server.port), check=False)

    assert refused.returncode == 1
    assert refused.stdout == ""
    assert f"port {server.port}" in refused.stderr
    assert "--port" in refused.stderr


WRONG = {
    "a host that is none": (["--host", "no host"], "no host"),
    "a certificate alone": (["--tls-cert", "cert.pem"], "--tls-key"),
    "a certificate that is not there": (["--tls-cert", "none.pem", "--tls-key", "none.pem"], "No such file"),
}


@pytest.mark.parametrize(("flags", "reason"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_served_is_refused(installation: Installation, flags: list[str], reason: str) -> None:
    refused = installation.run("serve", "--port", str(free_port()), *flags, check=False)

    assert refused.returncode == 1
    assert reason in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_a_wrong_setting_stops_the_start(installation: Installation) -> None:
    installation.settings["public_url"] = "packages"

    refused = installation.run("serve", "--port", str(free_port()), check=False)

    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "public_url" in refused.stderr.lower()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 with its key."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    command = f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout {key} -out {certificate}"
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([program("openssl"), *command.split(), *names], check=True, capture_output=True)
    return certificate, key


def test_it_speaks_https_by_itself(installation: Installation, certificate: tuple[Path, Path]) -> None:
    server = installation.start("--tls-cert", str(certificate[0]), "--tls-key", str(certificate[1]))
    trusting = ssl.create_default_context(cafile=certificate[0])
    try:
        answer = _answer(f"https://127.0.0.1:{server.port}/health", trusting, server)
    finally:
        server.stop()

    assert answer == 200
    assert f"https://127.0.0.1:{server.port}" in server.log


def test_a_key_that_does_not_fit_is_refused(installation: Installation, certificate: tuple[Path, Path]) -> None:
    other = installation.data_dir.with_name("other.pem")
    subprocess.run([program("openssl"), "genrsa", "-out", other, "2048"], check=True, capture_output=True)
    flags = ("--port", str(free_port()), "--tls-cert", str(certificate[0]), "--tls-key", str(other))

    refused = installation.run("serve", *flags, check=False)

    assert refused.returncode == 1
    assert "cannot be used" in refused.stderr


def test_a_key_with_a_pass_phrase_is_refused_and_nobody_asked(
    installation: Installation, certificate: tuple[Path, Path]
) -> None:
    locked = installation.data_dir.with_name("locked.pem")
    command = [program("openssl"), "rsa", "-aes256", "-passout", "pass:secret", "-in", certificate[1], "-out", locked]
    subprocess.run(command, check=True, capture_output=True)
    flags = ("--port", str(free_port()), "--tls-cert", str(certificate[0]), "--tls-key", str(locked))

    refused = installation.run("serve", *flags, check=False)

    assert refused.returncode == 1
    assert "pass phrase" in refused.stderr


def _get(server: Server, path: str) -> http.client.HTTPResponse:
    """The answer, of which only the head was read."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", path, headers={"Connection": "close"})
    return connection.getresponse()


def _answer(url: str, trusting: ssl.SSLContext, server: Server) -> int:
    """The status, once somebody answers."""
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(url, context=trusting, timeout=5) as response:  # noqa: S310 it is ours
                return response.status
        except OSError:
            assert time.monotonic() < deadline, server.log
            time.sleep(0.05)
