"""The program as a whole: help, how a command ends, and what every verb keeps to."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from packistry.cli.main import ALIASES, app
from packistry.cli.verbs import PRINTED
from packistry.documents.subjects import ErrorDocument
from packistry.providers import PROVIDERS
from packistry.settings import Settings
from tests.cli.conftest import Packistry
from tests.composer.client import Terminal
from tests.processes import open_files
from tests.server import Installation


def commands(group: Any, *words: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with its words."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *words, name)
        else:
            yield (*words, name), command


COMMANDS = dict(commands(typer.main.get_command(app)))
SHOWN = {words: command for words, command in COMMANDS.items() if not command.hidden}

# They run until they are stopped, and print nothing.
STAYING = {("serve",), ("worker",)}

# Issue 2, section 6, and issue 3.
PROMISED = {
    "serve": [""],
    "worker": [""],
    "doctor": [""],
    "why": [""],
    "user": ["add", "list", "update", "delete", "reset-password", "reset-link"],
    "repository": ["add", "list", "update", "delete"],
    "package": ["upload", "list", "show", "update", "delete", "purge", "add", "rebuild"],
    "source": ["add", "list", "update", "test", "rotate", "delete", "projects"],
    "project": ["list", "show", "update", "delete", "accept-rename", "refuse-rename"],
    "rule": ["list", "run", "delete"],
    "import": ["list", "show", "retry", "cancel", "accept"],
    "webhook": ["list", "deliveries", "show", "replay", "rotate"],
    "deploy-token": ["add", "list", "update", "rotate", "delete"],
    "personal-token": ["add", "list", "rotate", "delete"],
    "access": ["explain"],
    "db": ["upgrade", "check"],
    "storage": ["sweep"],
}


def test_connecting_a_host_names_those_there_are() -> None:
    [provider] = [option for option in COMMANDS["source", "add"].params if option.name == "provider"]

    # Written down there, for reading the providers takes longer than all else that help does.
    assert provider.help.rstrip(".").replace(" or ", ", ").split(", ") == sorted(PROVIDERS)


def test_the_promised_verbs_are_there_and_no_others() -> None:
    promised = {(noun, verb) if verb else (noun,) for noun, verbs in PROMISED.items() for verb in verbs}

    assert set(SHOWN) == promised


@pytest.mark.parametrize("words", SHOWN, ids=" ".join)
def test_every_command_explains_itself_with_examples_in_80_columns(calls: Packistry, words: tuple[str, ...]) -> None:
    shown = calls(*words, "--help", code=0).out

    explained, _, examples = shown.partition("Examples:")
    assert f"packistry {' '.join(words)}" in examples
    assert max(len(line) for line in explained.splitlines()) <= 80
    assert calls(*words, "-h").out == shown


@pytest.mark.parametrize("words", [words for words in SHOWN if words not in STAYING], ids=" ".join)
def test_every_command_has_json_and_says_what_it_prints(words: tuple[str, ...]) -> None:
    options = [name for parameter in SHOWN[words].params for name in parameter.opts]

    assert "--json" in options
    # typer wraps the function; what was declared is below.
    assert SHOWN[words].callback.__wrapped__ in PRINTED


@pytest.mark.parametrize("words", [(), ("user",)], ids=["program", "noun"])
def test_help_lists_what_there_is(calls: Packistry, words: tuple[str, ...]) -> None:
    shown = calls(*words, "--help", code=0).out

    below = {words_of[len(words)] for words_of in SHOWN if words_of[: len(words)] == words}
    assert {line.split()[0] for line in shown.partition("Commands:")[2].splitlines() if line} >= below


def test_the_version_is_told(calls: Packistry) -> None:
    assert calls("--version", code=0).out.startswith("packistry 0.")


MISUSED: dict[str, tuple[str, ...]] = {
    "an unknown noun": ("repositry", "list"),
    "an unknown verb": ("repository", "lst"),
    "an unknown flag": ("repository", "list", "--all"),
    "a missing argument": ("package", "show"),
    "a missing flag": ("repository", "add", "Acme"),
    "a wrong choice": ("user", "add", "--name", "Ada", "--email", "ada@example.test", "--role", "king"),
    "a wrong number": ("serve", "--port", "99999"),
}


@pytest.mark.parametrize("words", MISUSED.values(), ids=MISUSED)
def test_what_is_not_understood_ends_with_2_and_a_hint(calls: Packistry, words: tuple[str, ...]) -> None:
    called = calls(*words, code=2)

    assert called.out == ""
    assert "--help" in called.err


def test_what_is_not_understood_is_told_to_programs_too(calls: Packistry) -> None:
    error = calls("repository", "add", "--json", code=2).document(ErrorDocument).error

    assert error.code == "not_understood"
    assert "NAME" in error.message


def test_without_json_a_refusal_is_a_sentence_on_standard_error(packistry: Packistry) -> None:
    called = packistry("package", "show", "acme/none", code=1)

    assert called.out == ""
    assert called.err == "There is no package acme/none; `packistry package list` shows them.\n"


def test_a_wrong_setting_is_a_sentence_that_names_it(calls: Packistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKISTRY_PUBLIC_URL", "packages.example.com")

    called = calls("repository", "list", code=1)

    assert "public_url" in called.err.lower()
    assert called.err.count("\n") == 1


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A house that cannot be opened for a reason we did not expect: the storage is a file."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "storage").write_text("")
    monkeypatch.setenv("PACKISTRY_DATA_DIR", str(tmp_path / "data"))


@pytest.mark.usefixtures("broken")
def test_a_fault_is_a_sentence_and_how_to_learn_more(calls: Packistry) -> None:
    called = calls("repository", "list", "--json", code=3)

    assert called.document(ErrorDocument).error.code == "fault"
    assert "PACKISTRY_LOG_LEVEL=debug" in called.err
    assert "Traceback" not in called.err


@pytest.mark.usefixtures("broken")
def test_a_fault_shows_its_traceback_when_asked_for(calls: Packistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKISTRY_LOG_LEVEL", "debug")

    assert "Traceback" in calls("repository", "list", code=3).err


def test_bytes_that_are_no_text_are_refused(calls: Packistry) -> None:
    refused = calls("repository", "add", "caf\udce9", "--path", "cafe", "--json")

    assert "not valid text" in refused.refusal.message


def test_the_verbs_of_the_php_product_are_there_and_not_in_the_way(calls: Packistry) -> None:
    hidden = {words[0] for words, command in COMMANDS.items() if command.hidden}

    assert hidden == {*ALIASES, "recalculate:total-downloads"}
    assert "add:user  " not in calls("--help").out


def test_the_verbs_of_the_php_product_do_the_same(packistry: Packistry) -> None:
    packistry("add:repository", "Acme", "--path", "acme", code=0)
    packistry("add:deploy-token", "ci", "--repository", "acme", code=0)
    packistry("add:user", "--name", "Ada", "--email", "ada@example.test", "--no-password", code=0)
    packistry("reset:password", "ada@example.test", "--password-stdin", typed="correct horse battery\n", code=0)
    packistry("delete:user", "ada@example.test", "--yes", code=0)
    packistry("delete:deploy-token", "ci", "--yes", code=0)
    packistry("delete:repository", "acme", "--yes", code=0)

    nothing = packistry("recalculate:total-downloads", code=0)
    refused = packistry("delete:package", "acme/none", "--yes", code=1)

    assert "Nothing to do" in nothing.err
    assert "acme/none" in refused.err


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """A data folder for the program in a process of its own, made and migrated."""
    made = Installation(tmp_path / "data")
    made.run("repository", "add", "Acme", "--path", "acme")
    return made


def test_the_first_command_logs_nothing_on_standard_output(tmp_path: Path) -> None:
    called = Installation(tmp_path / "data").run("repository", "list", "--json")

    assert called.stdout.startswith("[")
    assert called.stderr == ""


def test_a_reader_that_goes_away_is_no_failure_to_complain_about(installation: Installation) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    called = subprocess.run(
        [installation.program, "repository", "list"],
        check=False,
        env=installation.environment,
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=60,
    )
    os.close(writing)

    assert (called.returncode, called.stderr) == (141, b"")


def test_what_the_terminal_has_no_letter_for_is_escaped(installation: Installation) -> None:
    environment = installation.environment | {"PYTHONIOENCODING": "ascii"}
    command = [installation.program, "repository", "update", "acme", "--description", "schöne Pakete"]

    called = subprocess.run(command, check=True, env=environment, capture_output=True, timeout=60)

    assert rb"sch\xf6ne Pakete" in called.stdout


def test_ctrl_c_ends_a_command_cleanly(installation: Installation) -> None:
    command = [installation.program, "user", "add", "--name", "A", "--email", "a@b", "--password-stdin"]
    with subprocess.Popen(
        command, env=installation.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        _wait_until_it_has_open(process.pid, installation.data_dir / "packistry.sqlite3")
        _wait_until_it_reads(process.pid)

        process.send_signal(signal.SIGINT)
        # Its input stays open until it has ended: at the end of it, the command would answer that, not the signal.
        process.wait(timeout=60)
        out, err = process.communicate()

    assert (process.returncode, out, err) == (130, b"", b"Stopped.\n")


def _wait_until_it_reads(pid: int) -> None:
    """Until it waits for the password, which nobody types. Earlier, the signal could meet what may not be disturbed."""
    deadline = time.monotonic() + 60
    while "pipe_read" not in Path(f"/proc/{pid}/wchan").read_text(encoding="ascii"):
        assert time.monotonic() < deadline, "it never reads"
        time.sleep(0.05)


def _wait_until_it_has_open(pid: int, path: Path) -> None:
    deadline = time.monotonic() + 60
    while str(path) not in open_files(pid):
        assert time.monotonic() < deadline, f"{path} is never opened"
        time.sleep(0.05)


def test_a_person_at_the_terminal_is_asked_for_a_password_twice(installation: Installation) -> None:
    command = [installation.program, "user", "add", "--name", "Ada", "--email", "ada@example.test"]
    with Terminal(command, installation.data_dir.parent, installation.environment) as terminal:
        for prompt in ("Password:", "Repeat for confirmation:"):
            terminal.wait_for(prompt)
            terminal.type("correct horse battery", hidden=True)
        result = terminal.finish()

    assert result.code == 0
    assert "ada@example.test" in result.stdout
    assert "correct horse" not in result.stdout


@pytest.mark.parametrize(("typed", "code"), [("y", 0), ("n", 1)], ids=["yes", "no"])
def test_a_person_at_the_terminal_is_asked_before_something_goes(
    installation: Installation, typed: str, code: int
) -> None:
    command = [installation.program, "repository", "delete", "acme"]
    with Terminal(command, installation.data_dir.parent, installation.environment) as terminal:
        terminal.wait_for("Delete repository acme with its 0 packages? [y/N]:")
        terminal.type(typed)
        result = terminal.finish()

    assert result.code == code
    assert ("Nothing was changed." in result.stdout) == (typed == "n")


def test_python_m_packistry_is_the_program_too() -> None:
    called = subprocess.run(
        [sys.executable, "-m", "packistry", "--version"], check=True, capture_output=True, text=True, timeout=60
    )

    assert called.stdout.startswith("packistry 0.")


def test_commands_work_beside_each_other_on_a_database_nobody_made(settings: Settings, tmp_path: Path) -> None:
    fresh = Installation(tmp_path / "fresh")
    if settings.database_url is not None:
        fresh.database_url = settings.database_url
    names = [f"path-{number}" for number in range(4)]
    running = [
        subprocess.Popen(
            [fresh.program, "repository", "add", name, "--path", name],
            env=fresh.environment,
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
        )
        for name in names
    ]

    codes = [process.wait(60) for process in running]

    assert codes == [0, 0, 0, 0]
    assert [each["path"] for each in fresh.json("repository", "list")] == ["/", *names]
