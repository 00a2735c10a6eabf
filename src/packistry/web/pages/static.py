"""The files that pages bring with them: styles, script, icons. Named after their contents, so browsers keep them."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

PLACE: Final = "/-/static/"
KINDS: Final = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
# Of the digest, as much as keeps two contents of one file apart.
DIGEST_CHARACTERS: Final = 10


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file and its compressed form. `address` is below the public address of the installation."""

    address: str
    content_type: str
    plain: bytes
    packed: bytes


@cache
def static_files() -> Mapping[str, StaticFile]:
    """All of them by their plain names: "app.css"."""
    folder = files("packistry.web") / "static"
    return {each.name: _read(each.name, each.read_bytes()) for each in folder.iterdir() if "." in each.name}


@cache
def by_address() -> Mapping[str, StaticFile]:
    """All of them by the last part of their addresses."""
    return {each.address.removeprefix(PLACE): each for each in static_files().values()}


def _read(name: str, content: bytes) -> StaticFile:
    stem, _, ending = name.rpartition(".")
    digest = hashlib.sha256(content).hexdigest()[:DIGEST_CHARACTERS]
    return StaticFile(f"{PLACE}{stem}.{digest}.{ending}", KINDS[ending], content, gzip.compress(content, 9, mtime=0))
