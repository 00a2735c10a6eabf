"""Real Composer programs, each in a project and a home of its own, with or without a person at a terminal."""

import json
import os
import pty
import re
import select
import subprocess
import termios
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.tools import ROOT, require_tool

FOLDER = ROOT / ".cache" / "composer-clients"
NAMES = ("composer-2.5", "composer-2.8", "composer-latest")
# A command on loopback takes half a second; a minute means that it hangs.
PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Client:
    """A Composer program and its version, as in (2, 5, 5)."""

    path: Path
    version: tuple[int, ...]

    def __str__(self) -> str:
        return f"Composer {'.'.join(map(str, self.version))}"


@cache
def composer(name: str) -> Client:
    """The client called `name` (one of NAMES). Missing ones are made by `make test`."""
    path = FOLDER / name
    return require_tool(_client(path) if path.exists() else None, f"the Composer client {name}")


def _client(path: Path) -> Client | None:
    command = [path, "--version", "--no-ansi"]
    shown = subprocess.run(command, check=False, env=_environment(), capture_output=True, text=True)
    match = re.search(r"Composer version (\d+)\.(\d+)\.(\d+)", shown.stdout)
    return Client(path, tuple(map(int, match.groups()))) if match else None


@dataclass(frozen=True)
class Result:
    """What a command left: exit code and what it wrote. At a terminal everything is in `stdout`."""

    code: int
    stdout: str
    stderr: str = ""

    @property
    def output(self) -> str:
        """Both streams, as a person sees them; lines that Composer wrapped stay wrapped."""
        return self.stdout + self.stderr

    def check(self) -> "Result":
        """The result itself, or the failure with all that was written."""
        assert self.code == 0, f"exit code {self.code}\n{self.output}"
        return self


@dataclass
class ComposerProject:
    """A folder with a composer.json that knows only `repositories`, and a COMPOSER_HOME beside it.

    Each repository is an address or what Composer takes as an entry of "repositories". The cache and auth.json lie
    in `home`: give two projects the same one to share them.
    """

    client: Client
    folder: Path
    repositories: Sequence[str | Mapping[str, Any]]
    home: Path = field(default_factory=Path)
    environment: dict[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.home == Path():
            self.home = self.folder.with_name(f"{self.folder.name}-home")
        self.home.mkdir(parents=True, exist_ok=True)
        if not (self.folder / "composer.json").exists():
            self.write()

    def write(self, require: Mapping[str, str] | None = None, **keys: Any) -> None:
        """Writes composer.json anew, with `require` and any other top-level `keys`."""
        entries: list[Mapping[str, Any]] = [
            {"type": "composer", "url": entry} if isinstance(entry, str) else entry for entry in self.repositories
        ]
        config = {"secure-http": False} | keys.pop("config", {})
        content = {"repositories": [*entries, {"packagist.org": False}], "require": dict(require or {}), **keys}
        # an empty object must not become a list: Composer refuses "require": []
        (self.folder / "composer.json").write_text(json.dumps(content | {"config": config}, indent=4))

    def bearer(self, token: str) -> None:
        """Keeps a bearer token for the hosts of the repositories, as `composer config bearer.HOST` does."""
        self._authenticate("bearer", token)

    def basic(self, username: str, password: str) -> None:
        """Keeps a user name and password for the hosts of the repositories, as the prompt does when asked to."""
        self._authenticate("http-basic", {"username": username, "password": password})

    def run(self, *arguments: str, check: bool = True, **environment: str) -> Result:
        """A command without a person, as `project.run("require", "acme/lib")`; `check` says that it must succeed."""
        done = subprocess.run(
            [self.client.path, *arguments, "--no-interaction", "--no-ansi", *_quiet(arguments)],
            check=False,
            cwd=self.folder,
            env=self._variables() | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )
        result = Result(done.returncode, done.stdout, done.stderr)
        return result.check() if check else result

    def talk(self, arguments: Sequence[str], answers: Iterable[tuple[str, str]], *, check: bool = True) -> Result:
        """A command at a terminal: for each (prompt, answer) in order waits for the prompt and types the answer."""
        with Terminal(
            [self.client.path, *arguments, "--no-ansi", *_quiet(arguments)], self.folder, self._variables()
        ) as terminal:
            for prompt, answer in answers:
                terminal.wait_for(prompt)
                terminal.type(answer, hidden="password" in prompt.lower())
            result = terminal.finish()
        return result.check() if check else result

    @property
    def lock(self) -> dict[str, Any]:
        """composer.lock."""
        return json.loads((self.folder / "composer.lock").read_text())

    @property
    def locked(self) -> dict[str, dict[str, Any]]:
        """The locked packages by name, those for development included."""
        lock = self.lock
        return {package["name"]: package for package in [*lock["packages"], *lock["packages-dev"]]}

    def installed(self, name: str) -> Path:
        """The folder of an installed package; fails when it is not there."""
        path = self.folder / "vendor" / name
        assert path.is_dir(), f"{name} is not installed"
        return path

    def _authenticate(self, kind: str, credential: object) -> None:
        path = self.home / "auth.json"
        known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        addresses = [entry if isinstance(entry, str) else str(entry.get("url", "")) for entry in self.repositories]
        for host in {urlsplit(address).netloc for address in addresses} - {""}:
            known.setdefault(kind, {})[host] = credential
        path.write_text(json.dumps(known))

    def _variables(self) -> dict[str, str]:
        return _environment() | {"HOME": str(self.home), "COMPOSER_HOME": str(self.home)} | self.environment


class Terminal:
    """A program that believes a person sits before it. What it writes is kept; ends with the block."""

    def __init__(self, command: Sequence[str | Path], folder: Path, environment: Mapping[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        self._shown = b""
        self._answered = 0
        self._deadline = time.monotonic() + PATIENCE_SECONDS

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._ours)

    def wait_for(self, prompt: str) -> None:
        """Waits until `prompt` is shown after the last one that was answered."""
        while (found := self._shown.find(prompt.encode(), self._answered)) < 0:
            assert self._read(), f"ended without asking {prompt!r}:\n{self._text()}"
        self._answered = found + len(prompt.encode())

    def type(self, answer: str, *, hidden: bool = False) -> None:
        """Types a line; a `hidden` one once the program has turned the echo off, which takes it a moment."""
        while hidden and termios.tcgetattr(self._ours)[3] & termios.ECHO:
            assert time.monotonic() < self._deadline, f"the echo stays on after:\n{self._text()}"
            time.sleep(0.01)
        os.write(self._ours, f"{answer}\n".encode())

    def finish(self) -> Result:
        """Reads on until the program ends."""
        while self._read():
            pass
        return Result(self._process.wait(PATIENCE_SECONDS), self._text())

    def _read(self) -> bool:
        """One more piece of what the program writes; False at its end."""
        ready, _, _ = select.select([self._ours], [], [], max(0.0, self._deadline - time.monotonic()))
        assert ready, f"hangs after:\n{self._text()}"
        try:
            piece = os.read(self._ours, 65536)
        except OSError:  # Linux says EIO when the last holder of the other side is gone
            return False
        self._shown += piece
        return bool(piece)

    def _text(self) -> str:
        return self._shown.decode(errors="replace").replace("\r\n", "\n")


def _quiet(arguments: Sequence[str]) -> list[str]:
    """--no-progress, for the commands that know it."""
    return ["--no-progress"] if arguments[:1] and arguments[0] in _WITH_PROGRESS else []


_WITH_PROGRESS = {"install", "update", "require", "remove", "reinstall", "create-project"}


def _environment() -> dict[str, str]:
    """Nothing of the person's own: no tokens, no proxies, no cache."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
        "COMPOSER_ALLOW_SUPERUSER": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
    }
