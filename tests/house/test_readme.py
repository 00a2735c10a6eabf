"""The README's first five minutes, typed as they stand there against a server, with a real Composer."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.composer.client import Client, composer
from tests.server import PROGRAM, Installation, needs_command_line
from tests.tools import ROOT, program


def blocks(heading: str) -> list[str]:
    """The shell commands of a section."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def type_in(block: str, folder: Path, port: int, **environment: str) -> str:
    """What a block prints when a careful person types it: the first failure stops."""
    text = block.replace(".venv/bin/packistry", str(PROGRAM)).replace("127.0.0.1:8000", f"127.0.0.1:{port}")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        check=False,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
    return done.stdout


@needs_command_line
@pytest.mark.client
def test_the_first_five_minutes(tmp_path: Path) -> None:
    for name in ("curl", "zip"):
        program(name)
    client = composer("composer-latest")
    packistry = Installation(tmp_path / "data")
    environment = packistry.environment | _with_composer(client, tmp_path / "bin")

    with packistry.serve() as server:
        first, *others = blocks("The first five minutes")
        token = re.search(r"pkdt-\w+", type_in(first, tmp_path, server.port, **environment))
        assert token, "no token was shown"
        for block in others:
            type_in(block, tmp_path, server.port, TOKEN=token[0], **environment)

    assert (tmp_path / "project" / "vendor" / "acme" / "widgets" / "composer.json").is_file()


def _with_composer(client: Client, folder: Path) -> dict[str, str]:
    """The variables that put the client on the PATH as `composer`."""
    folder.mkdir()
    (folder / "composer").symlink_to(client.path)
    home = {"COMPOSER_HOME": str(folder / "home"), "COMPOSER_ALLOW_SUPERUSER": "1"}
    return home | {"PATH": f"{folder}:{os.environ.get('PATH', os.defpath)}"}
