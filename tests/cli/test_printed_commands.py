"""What a new token prints is typed as it stands, and a real Composer installs."""

import os
import subprocess
from pathlib import Path

from tests import factories
from tests.composer.client import Client
from tests.server import Installation
from tests.tools import free_port


# One repository alone is the README's case; tests/house types that.
def test_two_repositories_that_share_a_vendor_are_used_as_printed(composer_client: Client, tmp_path: Path) -> None:
    port = free_port()
    installation = Installation(tmp_path / "data", settings={"public_url": f"http://127.0.0.1:{port}"})
    names = {"one": "acme/one", "two": "acme/two"}
    for path, name in names.items():
        archive = tmp_path / f"{path}.zip"
        archive.write_bytes(factories.package_zip(name))
        installation.run("repository", "add", path, "--path", path)
        installation.run("package", "upload", str(archive), "--repository", path, "--version", "1.0.0")
    made = installation.json("deploy-token", "add", "ci", "--repository", "one", "--repository", "two")

    with installation.serve(port=port):
        _type(
            composer_client, tmp_path / "project", [*made["commands"], f"composer require {' '.join(names.values())}"]
        )

    assert [name for name in names.values() if not (tmp_path / "project" / "vendor" / name).is_dir()] == []


def _type(client: Client, project: Path, commands: list[str]) -> None:
    """The commands in a new project, in a shell that finds the client as `composer`."""
    programs = project.with_name("bin")
    programs.mkdir()
    (programs / "composer").symlink_to(client.path)
    project.mkdir()
    (project / "composer.json").write_text('{"name": "me/project", "repositories": {"packagist.org": false}}')
    done = subprocess.run(
        ["bash", "-eu", "-c", "\n".join(commands)],
        check=False,
        cwd=project,
        env={
            "PATH": f"{programs}:{os.environ.get('PATH', os.defpath)}",
            "HOME": str(programs),
            "COMPOSER_HOME": str(programs / "home"),
            "COMPOSER_ALLOW_SUPERUSER": "1",
            "COMPOSER_NO_INTERACTION": "1",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}"
