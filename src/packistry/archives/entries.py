"""One entry of an archive as both formats give it, and which paths and links it may name.

Everything here is written by a stranger. A path that passes means the same file to Info-ZIP's unzip, to PHP's
ext-zip and to every file system a client may unpack it on; whatever one of them reads in its own way is refused.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from packistry.archives.limits import MIB
from packistry.errors import ArchiveTooLarge, InvalidArchive

Kind = Literal["file", "executable", "folder", "link", "hardlink"]

# Linux takes 4,096 bytes below the folder of the project and 255 in one name. 1,024 bytes and 100 levels are far
# beyond any package and keep the work per entry small.
PATH_BYTES = 1024
NAME_BYTES = 255
DEPTH = 100
# All paths of an archive together, folders named only by the files in them included: 50,000 of 160 bytes each.
PATHS_BYTES = 8 * MIB

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DRIVE = re.compile(r"[A-Za-z]:")
_VMS_VERSION = re.compile(r";[0-9]*\Z")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, folder or link. `chunks` are the bytes of a file, which can be read until the next entry is asked for;
    `target` is what a link points at, or the path of the file that a hard link (tar only) repeats.
    """

    path: str
    kind: Kind
    target: str = ""
    chunks: Iterator[bytes] = field(default_factory=lambda: iter(()))


def broken(sentence: str) -> InvalidArchive:
    """The refusal of an archive that is damaged or hostile; `sentence` says what to do."""
    return InvalidArchive(sentence, field="archive")


def shown(path: str | bytes) -> str:
    """A hostile path as it may stand in a sentence: short, and without anything a terminal would obey."""
    text = path.decode("utf-8", "backslashreplace") if isinstance(path, bytes) else path
    if not text.isprintable():
        text = text.encode("unicode_escape").decode("ascii")
    return f'"{text[:57]}..."' if len(text) > 60 else f'"{text}"'


def decoded(raw: bytes) -> str:
    """A path as text. Archives carry no reliable name of their encoding, so it is UTF-8 or it is refused."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise broken(
            f"The name {shown(raw)} is not UTF-8, so every program would unpack it under another name: "
            "rename the file, or pack again with a program that writes UTF-8 names."
        ) from error


def check_path(path: str) -> None:
    """Refuses a path that leaves the folder it is unpacked in, or that not every program writes to the same place."""
    problem = _path_problem(path)
    if problem:
        raise broken(f"The path {shown(path)} {problem}: rename it and pack again.")


def check_paths_bytes(paths_bytes: int) -> None:
    """Stops 50,000 paths of a kilobyte each, which are allowed one by one and would together fill the memory."""
    if paths_bytes > PATHS_BYTES:
        raise ArchiveTooLarge(
            "The paths in the archive are too long to be kept: shorten the names of its folders and pack it again.",
            field="archive",
        )


def check_target(path: str, target: str) -> None:
    """Refuses what a link may not point at, whatever stands there; whether it stays inside is `levels_up`'s part."""
    # Stops links to /etc/passwd and to drives, and targets that a file system cuts short at a NUL.
    problem = _text_problem(target)
    # Stops the walk through another link: "x/../.." leaves the folder when x is itself a link into the depth.
    if not problem and ".." in _named_part(target):
        problem = "goes up after it went down"
    if problem:
        raise broken(f"The link {shown(path)} points at {shown(target)}, which {problem}: remove it and pack again.")


def levels_up(target: str) -> int:
    """How many folders a link's target climbs before it names one."""
    return [part for part in target.split("/") if part not in {"", "."}].count("..")


def _named_part(target: str) -> list[str]:
    parts = [part for part in target.split("/") if part not in {"", "."}]
    while parts and parts[0] == "..":
        parts.pop(0)
    return parts


def _path_problem(path: str) -> str:
    problem = _text_problem(path)
    if problem:
        return problem
    parts = path.split("/")
    # Stops "../" out of the folder, and "a//b" and "a/./b", second spellings under which a duplicate would hide.
    if any(part in {"", ".", ".."} for part in parts):
        return 'has "..", "." or nothing between two slashes'
    # Stops names no file system can hold, on which unzip stops half way.
    if len(parts) > DEPTH or any(len(part.encode()) > NAME_BYTES for part in parts):
        return f"is nested more than {DEPTH} deep or has a name longer than {NAME_BYTES} bytes"
    # Stops "x./composer.json", of which ext-zip takes all up to the dot for a drive and writes composer.json, and
    # "composer.json.", which Windows finds as composer.json.
    if any(part.endswith((".", ":", " ")) for part in parts):
        return "has a name that ends in a dot, colon or space, which PHP and Windows cut off"
    # Stops "composer.json;1", which unzip takes for a VMS version number and writes over composer.json.
    if any(_VMS_VERSION.search(part) for part in parts):
        return 'has a name that ends in ";" and a number, which unzip cuts off'
    return ""


def _text_problem(path: str) -> str:
    if not path:
        return "is empty"
    if len(path.encode()) > PATH_BYTES:
        return f"is longer than {PATH_BYTES:,} bytes"
    # Stops names that C programs end at the NUL, and names that drive the terminal of whoever lists them.
    if _CONTROL.search(path):
        return "has a NUL or control character"
    # Stops "..\\..\\evil", harmless on Linux, a way out of the folder on Windows.
    if "\\" in path:
        return "has a backslash"
    # Stops absolute paths and "C:evil".
    if path.startswith("/") or _DRIVE.match(path):
        return "is absolute"
    return ""
