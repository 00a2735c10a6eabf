"""Composer's own code as a judge: questions go to a PHP script in one process, answers come back in order."""

import json
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tests.composer.client import FOLDER
from tests.tools import program, require_tool

NEWEST = "composer-latest"
_SCRIPT = Path(__file__).with_name("oracle.php")

Question = Mapping[str, Any]


def ask(questions: Sequence[Question], client: str = NEWEST, script: Path = _SCRIPT) -> list[Any]:
    """Composer's answer to each question, None where it refuses. Thousands cost one process."""
    lines = "".join(json.dumps(question) + "\n" for question in questions)
    done = subprocess.run([*_php(client), script], input=lines, capture_output=True, text=True, check=False)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, len(answers)) == (0, len(questions)), done.stderr or done.stdout[-2000:]
    return answers


@cache
def _php(client: str) -> list[str]:
    """The words that start PHP with the libraries of a client, taken from the script that starts the client."""
    wrapper = FOLDER / client
    script = require_tool(wrapper.read_text() if wrapper.exists() else None, f"the Composer client {client}")
    words = shlex.split(script.splitlines()[-1])
    options = [word for word in words if word.startswith(("include_path=", "auto_prepend_file="))]
    # What PHP has to say about old libraries must not get between the answers.
    return [str(program("php")), *(f"-d{option}" for option in options), "-ddisplay_errors=stderr"]
