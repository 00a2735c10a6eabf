"""What a person types in a project so that Composer uses our repositories with a token."""

import json
import shlex
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from packistry.packages.documents import repository_base

ROOT_ALIAS: Final = "packistry"


def composer_commands(public_url: str, secret: str, paths: Sequence[str], *, share_vendors: bool) -> list[str]:
    """The commands, in their order: the token for this host, then each repository by path ("" is the root).

    Where two of the repositories host the same vendor, none of them may be taken for the only source of it.
    """
    parts = urlsplit(public_url)
    commands = [f"composer config --global bearer.{parts.netloc} {shlex.quote(secret)}"]
    if parts.scheme == "http":
        commands.append("composer config secure-http false")
    for path in paths:
        alias, url = path or ROOT_ALIAS, repository_base(public_url, path)
        if share_vendors:
            described = json.dumps({"type": "composer", "url": url, "canonical": False})
            commands.append(f"composer config repositories.{alias} {shlex.quote(described)}")
        else:
            commands.append(f"composer config repositories.{alias} composer {shlex.quote(url)}")
    return commands
