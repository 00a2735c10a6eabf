"""What the archive of a commit lacks, because git keeps it elsewhere: submodules, and files of Git LFS."""

import re
from collections.abc import Sequence
from typing import Final

# Source: gitmodules(5); the file is read as git's configuration is.
_PATH: Final = re.compile(rb'^[ \t]*path[ \t]*=[ \t]*"?(.*?)"?[ \t]*\r?$', re.MULTILINE)
_NAMED: Final = 3


def submodules(content: bytes, directory: str) -> Sequence[str]:
    """The paths that .gitmodules has inside the directory, seen from there."""
    paths = (path.decode("utf-8", "replace").strip("/") for path in _PATH.findall(content))
    if not directory:
        return list(paths)
    return [path.removeprefix(f"{directory}/") for path in paths if path.startswith(f"{directory}/")]


def lacking(modules: Sequence[str], pointers: Sequence[str]) -> str | None:
    """The sentence about the submodules and the pointers of Git LFS in an archive; None when there are none."""
    sentences: list[str] = []
    if modules:
        sentences.append(
            f"Its archive lacks what is in the git {_counted(modules, 'submodule')}: commit the files themselves, or "
            "require them as packages."
        )
    if pointers:
        sentences.append(
            f"Its archive has pointers of Git LFS in place of the {_counted(pointers, 'file')}: let the host put LFS "
            "objects into archives, or commit the files themselves."
        )
    return " ".join(sentences) or None


def _counted(paths: Sequence[str], noun: str) -> str:
    """\"file a.bin\", \"files a.bin, b.bin, c.bin and 4 more\"."""
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return f"{noun}{'s' if len(paths) > 1 else ''} {', '.join(paths[:_NAMED])}{more}"
