"""`packistry worker`, and the jobs process that `serve` keeps beside its web workers."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.server import Installation, Server, wait_until_healthy
from tests.tools import ROOT, dying_with_us, free_port

PATIENCE_SECONDS = 60


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """A data folder that nobody has made yet."""
    return Installation(tmp_path / "data", settings={"log_format": "json"})


@pytest.fixture
def serving(installation: Installation) -> Iterator[Server]:
    """A server in whose house there is background work."""
    port, log_file = free_port(), installation.data_dir.with_name("serve.log")
    command = [sys.executable, "-m", "tests.jobs.serving", "--port", str(port), "--workers", "1"]
    with log_file.open("ab") as log:
        process = subprocess.Popen(
            [*dying_with_us("TERM"), *command], cwd=ROOT, env=installation.environment, stdout=log, stderr=log
        )
    server = Server(process, port, log_file)
    try:
        wait_until_healthy(server)
        wait_until(lambda: jobs_process(server) is not None and "jobs.started" in server.log)
        yield server
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def wait_until(is_so: Callable[[], bool], told: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, told()
        time.sleep(0.02)


def jobs_process(server: Server) -> int | None:
    """The jobs process of a server."""
    supervisor = server.process.pid
    children = Path(f"/proc/{supervisor}/task").glob("*/children")
    pids = [int(pid) for entry in children for pid in entry.read_text().split()]
    return next((pid for pid in pids if b"worker\0--supervisor" in Path(f"/proc/{pid}/cmdline").read_bytes()), None)


def is_running(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def events(log: str) -> list[str]:
    return [json.loads(line)["event"] for line in log.splitlines() if line.startswith("{")]


def started_worker(installation: Installation, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*dying_with_us("TERM"), installation.program, "worker", *options],
        cwd=installation.data_dir.parent,
        env=installation.environment,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_stops_a_worker(installation: Installation, number: signal.Signals) -> None:
    worker = started_worker(installation)
    assert worker.stdout is not None
    started = worker.stdout.readline()

    worker.send_signal(number)
    rest, _ = worker.communicate(timeout=PATIENCE_SECONDS)

    assert worker.returncode == 0
    told = events(started + rest)
    assert (told[0], told[-1]) == ("jobs.started", "jobs.stopped")


def test_a_second_worker_in_the_folder_says_that_it_waits(installation: Installation) -> None:
    first = started_worker(installation)
    assert first.stdout is not None
    first.stdout.readline()

    second = started_worker(installation)
    assert second.stdout is not None
    said = json.loads(second.stdout.readline())
    first.terminate()
    first.communicate(timeout=PATIENCE_SECONDS)
    afterwards = json.loads(second.stdout.readline())
    second.terminate()
    second.communicate(timeout=PATIENCE_SECONDS)

    assert f"(pid {first.pid})" in said["sentence"]
    assert afterwards["event"] == "jobs.started"


def test_a_database_that_is_not_there_is_refused_in_a_sentence(installation: Installation) -> None:
    installation.database_url = f"postgresql://nobody@127.0.0.1:{free_port()}/none"

    refused = installation.run("worker", check=False)

    assert refused.returncode == 1
    assert refused.stderr.startswith("The database ")


def test_serve_stops_its_jobs_process_with_it(serving: Server) -> None:
    jobs = jobs_process(serving)
    assert jobs is not None

    code = serving.stop()

    assert (code, is_running(jobs)) == (0, False)
    assert "jobs.died" not in serving.log
    assert "jobs.stopped" in serving.log


def test_serve_starts_a_jobs_process_anew_that_died(serving: Server) -> None:
    first = jobs_process(serving)
    assert first is not None

    os.kill(first, signal.SIGKILL)
    wait_until(lambda: serving.log.count("jobs.started") == 2, lambda: serving.log)

    assert jobs_process(serving) not in (None, first)
    assert serving.answers() == 200


def test_a_jobs_process_leaves_the_processor_to_web_workers(serving: Server) -> None:
    pid = jobs_process(serving)

    assert pid is not None
    assert os.getpriority(os.PRIO_PROCESS, pid) > os.getpriority(os.PRIO_PROCESS, serving.process.pid)


def test_a_jobs_process_ends_within_a_second_of_its_supervisor(serving: Server) -> None:
    jobs = jobs_process(serving)
    assert jobs is not None

    serving.kill()
    killed = time.monotonic()
    wait_until(lambda: not is_running(jobs))

    assert time.monotonic() - killed < 1.5


def test_a_jobs_process_whose_supervisor_ended_before_it_looked_ends_too(installation: Installation) -> None:
    # Not our parent, as if that had ended and another process were the one we were given to.
    worker = started_worker(installation, "--supervisor", "1" if os.getpid() != 1 else "2")

    worker.communicate(timeout=PATIENCE_SECONDS)
    assert worker.returncode == 1


WITHOUT_ENGINE = {
    "help": "from packistry.cli.main import run; run(['--help'])",
    "a command": "from packistry.cli.main import run; run(['repository', 'list'])",
    "a web worker": "from packistry.app import Worker; from packistry.settings import load_settings; "
    "Worker(load_settings())",
    "what serve asks": "import packistry.cli.serve, packistry.jobs.companion, packistry.background as b; b.all_kinds()",
}


@pytest.mark.parametrize("code", WITHOUT_ENGINE.values(), ids=WITHOUT_ENGINE)
def test_only_a_jobs_process_loads_the_engine(installation: Installation, code: str) -> None:
    question = f"import sys; {code}; sys.exit('dbos' in sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", question], env=installation.environment, capture_output=True, check=False, timeout=60
    )

    assert done.returncode == 0, done.stderr
