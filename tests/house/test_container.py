"""The Dockerfile, as far as it can be held to its word where no container engine is at hand."""

import json
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from packistry.cli.main import run
from tests.server import Installation
from tests.tools import ROOT, free_port

KNOWN = {"ARG", "FROM", "WORKDIR", "RUN", "COPY", "ENV", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "STOPSIGNAL", "CMD"}


def instructions() -> list[tuple[str, str]]:
    """Each instruction and what follows it, on one line."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(word, " ".join(rest.split())) for word, _, rest in (line.partition(" ") for line in lines if line)]


def all_of(word: str) -> list[str]:
    return [rest for instruction, rest in instructions() if instruction == word]


def words_of(word: str) -> list[str]:
    """The words of the last such instruction, which are written as a JSON list."""
    rest = all_of(word)[-1]
    words: list[str] = json.loads(rest[rest.index("[") :])
    return words


def test_every_instruction_is_one_that_engines_know() -> None:
    assert {word for word, _ in instructions()} <= KNOWN


def test_the_base_is_one_release_in_both_stages() -> None:
    stages = [rest.split()[0] for rest in all_of("FROM")]

    assert stages == ["python:${PYTHON}"] * 2
    assert re.fullmatch(r"PYTHON=3\.\d+\.\d+-slim-[a-z]+", all_of("ARG")[0])


def test_what_is_copied_is_there_and_is_sent_to_the_engine() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    sent = [line[1:] for line in ignored if line.startswith("!")]
    copied = [path for rest in all_of("COPY") if "--from" not in rest for path in rest.split()[:-1]]

    assert [path for path in copied if not (ROOT / path).exists()] == []
    assert [path for path in copied if not any(fnmatch(path, each) for each in sent)] == []
    assert [path for path in sent if path not in copied] == []


def test_what_it_runs_as_is_not_root_and_owns_nothing_but_the_data() -> None:
    [user] = all_of("USER")
    installed = next(rest for rest in all_of("RUN") if "useradd" in rest)

    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user)
    assert f"--uid {user.partition(':')[0]} " in installed
    assert "--owner packistry" in installed
    assert all_of("VOLUME") == ["/data"]
    assert "PACKISTRY_DATA_DIR=/data" in all_of("ENV")[0]


def test_everything_is_installed_from_the_lock() -> None:
    installs = [rest for rest in all_of("RUN") if "pip install" in rest]

    assert len(installs) == 2
    assert "--require-hashes -r requirements/run.txt" in installs[0]
    assert "--no-deps --no-build-isolation" in installs[1]


def test_its_command_is_one_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    program, *arguments = words_of("CMD")

    assert program == "packistry"
    assert run([*arguments, "--help"]) == 0
    assert "serve" in capsys.readouterr().out
    assert all_of("EXPOSE") == [arguments[arguments.index("--port") + 1]]


def test_the_health_check_tells_a_server_that_answers_from_none(tmp_path: Path) -> None:
    def is_healthy(port: int) -> bool:
        command = [word.replace(":8000/", f":{port}/") for word in words_of("HEALTHCHECK")[1:]]
        return subprocess.run([sys.executable, *command], check=False, stderr=subprocess.DEVNULL).returncode == 0

    installation = Installation(tmp_path / "data")
    installation.data_dir.mkdir()
    with installation.serve() as server:
        while_it_runs = is_healthy(server.port)

    assert while_it_runs
    assert not is_healthy(free_port())
