"""One package out of the archive of a whole project: a folder of it, without what composer.json excludes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from packistry.archives.entries import Entry
from packistry.archives.excludes import Excludes
from packistry.archives.limits import Limits
from packistry.archives.linked import Linked, beginning


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """`top_folder` is the name of the one folder in the zip that is made. `excludes` is what the composer.json of the
    package has in `archive.exclude`.
    """

    top_folder: str
    excludes: Sequence[object] = ()


@dataclass(frozen=True, slots=True)
class Root:
    """Where the package is in the archive, "acme-widgets-1a2b3c/packages/core", and the bytes of its composer.json."""

    path: str
    composer_json: bytes


def find_root(entries: Iterator[Entry], folder: str, limits: Limits) -> Root | None:
    """Where the package in `folder` of the project is ("" is the project itself); None without a composer.json there.

    Code hosts put one folder around the project, git by itself none. An archive of one folder is taken for the first:
    Gitea calls that folder like the project, and a package in it may be called so again. Of a composer.json that is
    larger than allowed, one byte more than that is kept.
    """
    wanted = f"{folder}/composer.json".lstrip("/")
    top: str | None = None
    is_around = True
    below: bytes | None = None
    at_root: bytes | None = None
    for count, entry in enumerate(entries, 1):
        # Stops millions of entries, of which a tar may have as many as the bytes allow.
        limits.check_entries(count)
        name, _, rest = entry.path.partition("/")
        top = name if top is None else top
        is_around = is_around and name == top
        # Of the first folder only: a thousand of them with a composer.json each must not fill the memory.
        if rest == wanted and name == top:
            below = beginning(entry.chunks, limits.composer_json_bytes + 1)
        if entry.path == wanted:
            at_root = beginning(entry.chunks, limits.composer_json_bytes + 1)
    if is_around and below is not None:
        return Root(f"{top}/{folder}".rstrip("/"), below)
    return None if at_root is None else Root(folder, at_root)


def select(
    entries: Iterator[Entry], root: str, selection: Selection, linked: Mapping[str, Linked], empty_folders: list[str]
) -> Iterator[Entry]:
    """The files and links below `root`, below the top folder instead. What is not selected is not checked either.

    Folders are left out: those with files in them need no entry, and git knows no empty ones; in its archives they are
    submodules, or what export-ignore emptied. They are put into `empty_folders`, as far as the archive goes through its
    folders one after the other, as git's do. composer.json stays, whatever it says of itself. A link that is `linked`
    to a file elsewhere in the project becomes that file.
    """
    excludes = Excludes(selection.excludes)
    folder = ""
    for entry in entries:
        path = _below(root, entry.path)
        if folder and not path.startswith(f"{folder}/"):
            empty_folders.append(folder)
        folder = ""
        if not path or (path != "composer.json" and excludes.covers(path)):
            continue
        if entry.kind == "folder":
            folder = path
            continue
        if entry.kind == "link" and entry.path in linked:
            file = linked[entry.path]
            entry = Entry(entry.path, file.kind, chunks=iter([file.content]))  # noqa: PLW2901
        target = entry.target
        if entry.kind == "hardlink":
            target = _inside(selection.top_folder, _below(root, target)) or target
        yield replace(entry, path=_inside(selection.top_folder, path), target=target)
    if folder:
        empty_folders.append(folder)


def _below(root: str, path: str) -> str:
    """What is left of a path below `root`; "" for others."""
    if not root:
        return path
    return path.removeprefix(f"{root}/") if path.startswith(f"{root}/") else ""


def _inside(folder: str, path: str) -> str:
    return f"{folder}/{path}" if path else ""
