"""A fake GitHub in a process of its own, so that its work is on nobody's account and waits for no other Python's lock.

`python -m tests.proofs.bench.host OPTIONS` (JSON, see Hosted) prints its address as a line. Each line of JSON that it
then gets, [number of a project, branch], is a push, and answered with the commit. It ends with its standard input.
"""

import base64
import json
import os
import random
import subprocess
import sys
import time
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from io import BytesIO
from typing import Final, Literal

from tests.fakes.github import FakeGitHub
from tests.fakes.host import FakeProject, FakeToken
from tests.fakes.loopback import Reply, Request
from tests.proofs.bench.seeding import manifest
from tests.tools import ROOT, dying_with_us

TOKEN: Final = "a-token"
# "text" compresses by a quarter, "noise" not at all.
Kind = Literal["code", "text", "noise"]
WORDS: Final = ("function", "return", "public", "string", "array", "null", "new", "foreach", "if", "throw", "const")


@dataclass(frozen=True)
class Hosted:
    """What the host has: projects acme/package-000001 ff., of so many tags and branches, and what is in an archive."""

    projects: int = 1
    tags: int = 0
    branches: int = 1
    latency_seconds: float = 0.02
    kind: Kind = "code"
    archive_bytes: int = 0


class PackedProject(FakeProject):
    """A project whose archives were packed before: each commit's is the same but for its composer.json."""

    packed = b""

    def archive(self, commit: str) -> bytes:
        return self.packed


class BusyGitHub(FakeGitHub):
    """Answers late, archives too."""

    def _archive(self, request: Request) -> Reply:
        time.sleep(self.latency_seconds)
        return super()._archive(request)


@dataclass(frozen=True)
class Host:
    """The running host, from outside."""

    address: str
    process: subprocess.Popen[str]

    def push(self, project: int, branch: str) -> str:
        """A new commit of the branch."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([project, branch]) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


@contextmanager
def running_host(hosted: Hosted) -> Generator[Host]:
    """The host, ended with the block."""
    command = [sys.executable, "-m", "tests.proofs.bench.host", json.dumps(asdict(hosted))]
    process = subprocess.Popen(
        [*dying_with_us("TERM"), *command], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            assert process.stdout is not None
            yield Host(process.stdout.readline().strip(), process)
        finally:
            process.terminate()


def main() -> None:
    hosted = Hosted(**json.loads(sys.argv[1]))
    host = BusyGitHub()
    host.tokens[TOKEN] = FakeToken(scopes=("repo",))
    host.latency_seconds = hosted.latency_seconds
    packed = pack(hosted.kind, hosted.archive_bytes)
    for number in range(1, hosted.projects + 1):
        _fill(host.add(PackedProject(number, f"acme/package-{number:06}")), hosted, packed)
    with host.running():
        print(host.address, flush=True)
        for line in sys.stdin:
            number, branch = json.loads(line)
            print(_push(host.projects[number], branch), flush=True)


def _fill(project: FakeProject, hosted: Hosted, packed: bytes) -> None:
    assert isinstance(project, PackedProject)
    project.packed = packed
    _push(project, "main")
    for number in range(1, hosted.branches):
        _push(project, f"feature/{number}")
    for number in range(hosted.tags):
        project.push_tag(f"1.{number}.0", project.commit({"composer.json": _composer_json(project, f"1.{number}")}))


def _push(project: FakeProject, branch: str) -> str:
    return project.push_branch(branch, {"composer.json": _composer_json(project, f"{branch} {len(project.commits)}")})


def _composer_json(project: FakeProject, note: str) -> bytes:
    return json.dumps(manifest(project.full_name, description=f"Everything of {note}")).encode()


def pack(kind: Kind, size_bytes: int) -> bytes:
    """The zip of a project. Without a size it is like the middle one of real libraries: 40 files, 60 KB packed."""
    chance = random.Random(1)
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("acme-package-1234567/composer.json", json.dumps(manifest("acme/package")))
        archive.writestr("acme-package-1234567/README.md", "# A library\n\n" + _code(chance, 300))
        number = 0
        while number < 40 if kind == "code" else buffer.tell() < size_bytes:
            archive.writestr(f"acme-package-1234567/src/Part{number % 7}/File{number}.php", _content(kind, chance))
            number += 1
    return buffer.getvalue()


def _content(kind: Kind, chance: random.Random) -> str | bytes:
    if kind == "code":
        return _code(chance, int(chance.lognormvariate(5, 1)))
    noise = os.urandom(1_000_000)
    return noise if kind == "noise" else base64.b64encode(noise)


def _code(chance: random.Random, words: int) -> str:
    """Lines that compress about as well as PHP does."""

    def word() -> str:
        return chance.choice(WORDS) + (f"${chance.randrange(2000)}" if chance.random() < 0.4 else "")

    return "<?php\n" + "\n".join(" ".join(word() for _ in range(8)) for _ in range(words // 4))


if __name__ == "__main__":
    main()
