"""Files that a package in a folder of a project has by links out of that folder: the one LICENSE at the top, mostly."""

import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from packistry.archives.entries import Entry, Kind
from packistry.archives.limits import MIB

# What is repeated in packages is text. Kept in memory, because a tar gives the file before or after the link.
LINKED_BYTES = MIB


@dataclass(frozen=True, slots=True)
class Linked:
    """The file at which a link points."""

    kind: Kind
    content: bytes


def linked_files(read: Callable[[], Iterator[Entry]], root: str) -> Mapping[str, Linked]:
    """By the path of each link below `root` that points at a file of the project elsewhere: that file.

    All of them together are at most LINKED_BYTES; a link to what is more, to a folder or to nothing is left out. `read`
    begins at the first entry each time. Links are resolved by their letters: one through another link finds nothing.
    """
    targets = {entry.path: _target(entry) for entry in read() if entry.kind == "link" and _is_below(entry.path, root)}
    out = {path: target for path, target in targets.items() if target and not _is_below(target, root)}
    if not out:
        return {}
    found = _read(read(), set(out.values()))
    return {path: found[target] for path, target in out.items() if target in found}


def _read(entries: Iterator[Entry], wanted: set[str]) -> Mapping[str, Linked]:
    found: dict[str, Linked] = {}
    left = LINKED_BYTES
    for entry in entries:
        if entry.path not in wanted or entry.kind not in {"file", "executable"}:
            continue
        content = beginning(entry.chunks, left + 1)
        if len(content) <= left:
            found[entry.path] = Linked(entry.kind, content)
            left -= len(content)
    return found


def beginning(chunks: Iterator[bytes], most_bytes: int) -> bytes:
    """The first bytes of a file, at most so many; what follows is not unpacked."""
    content = bytearray()
    for chunk in chunks:
        content += chunk[: most_bytes - len(content)]
        if len(content) >= most_bytes:
            break
    return bytes(content)


def _target(link: Entry) -> str | None:
    """Where it points in the archive; None when that is outside."""
    if link.target.startswith("/"):
        return None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(link.path), link.target))
    return None if path == ".." or path.startswith("../") else path


def _is_below(path: str, root: str) -> bool:
    return path.startswith(f"{root}/")
