"""The README's first five minutes, typed as they stand there against a server, with a real Composer."""

import os
import re
from pathlib import Path

import pytest

from tests.composer.client import Client, composer
from tests.readme import blocks, type_in
from tests.server import Installation
from tests.tools import program


@pytest.mark.client
def test_the_first_five_minutes(tmp_path: Path) -> None:
    for name in ("curl", "zip"):
        program(name)
    client = composer("composer-latest")
    packistry = Installation(tmp_path / "data")
    environment = packistry.environment | _with_composer(client, tmp_path / "bin")

    with packistry.serve() as server:
        first, *others = blocks("The first five minutes")
        token = re.search(r"pkdt-\w+", type_in(first, tmp_path, environment, port=server.port))
        assert token, "no token was shown"
        for block in others:
            type_in(block, tmp_path, environment | {"TOKEN": token[0]}, port=server.port)

    assert (tmp_path / "project" / "vendor" / "acme" / "widgets" / "composer.json").is_file()


def _with_composer(client: Client, folder: Path) -> dict[str, str]:
    """The variables that put the client on the PATH as `composer`."""
    folder.mkdir()
    (folder / "composer").symlink_to(client.path)
    home = {"COMPOSER_HOME": str(folder / "home"), "COMPOSER_ALLOW_SUPERUSER": "1"}
    return home | {"PATH": f"{folder}:{os.environ.get('PATH', os.defpath)}"}
