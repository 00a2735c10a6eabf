"""The shell commands of the README and of docs/, typed as they stand there."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.server import PROGRAM
from tests.tools import ROOT


def blocks(heading: str, page: str = "README.md") -> list[str]:
    """The blocks of shell commands in a section."""
    section = (ROOT / page).read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def type_in(block: str, folder: Path, environment: Mapping[str, str], *, port: int = 8000) -> str:
    """What a block prints when a careful person types it: the first failure stops."""
    text = block.replace(".venv/bin/packistry", str(PROGRAM)).replace("127.0.0.1:8000", f"127.0.0.1:{port}")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        check=False,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
    return done.stdout
