"""The third act: a person with a real Composer pastes what the page shows into a shell, in a project of their own."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.composer.client import Client

# Of all commands together; on loopback they take two seconds.
PATIENCE_SECONDS: Final = 120


def paste(client: Client, folder: Path, commands: Sequence[str]) -> str:
    """Makes a project in `folder` and runs the commands there, word for word; returns what was written.

    packagist.org is switched off in this person's own configuration, for the machine of a test has no way there.
    """
    home, project, programs = folder / "home", folder / "demo", folder / "bin"
    for each in (home / ".composer", project, programs):
        each.mkdir(parents=True)
    (programs / "composer").symlink_to(client.path.absolute())
    (home / ".composer" / "config.json").write_text('{"repositories": [{"packagist.org": false}]}')
    script = "\n".join(("set -e", "composer init --no-interaction --name me/demo", *commands))
    done = subprocess.run(
        ["sh", "-c", script],
        check=False,
        cwd=project,
        env={
            "PATH": f"{programs}:{os.environ.get('PATH', os.defpath)}",
            "HOME": str(home),
            "COMPOSER_HOME": str(home / ".composer"),
            "COMPOSER_NO_INTERACTION": "1",
            "COMPOSER_ALLOW_SUPERUSER": "1",
            "NO_COLOR": "1",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr
