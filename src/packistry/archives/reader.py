"""Reads an archive that a stranger sent: what is in it, or why it is refused. One pass, constant memory.

Nothing is unpacked to disk. Time is bounded by the limits: at worst `unpacked_bytes` are inflated and hashed once.
"""

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Literal

from packistry.archives import layout
from packistry.archives.entries import Entry, broken
from packistry.archives.limits import MIB, Limits
from packistry.archives.tars import BLOCK, DECOMPRESSORS, is_tar_header, read_tar
from packistry.archives.tree import Tree
from packistry.archives.zips import END_SIGNATURE, LOCAL_SIGNATURE, read_zip

Format = Literal["zip", "tar"]

# Nine of ten archives of real libraries are smaller.
SMALL_BYTES = MIB

# What people send by mistake, so that the answer can name it.
_STRANGERS = {
    b"Rar!": "a rar",
    b"7z\xbc\xaf\x27\x1c": "a 7z",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"<": "a web page",
    b"{": "a JSON file",
}


@dataclass(frozen=True, slots=True)
class ArchiveContents:
    """An archive that passed. `content_digest` is equal for the same files with the same executable bits, whatever
    the container, its top folder, dates, order and compression; `readme` is a name and the bytes of the file.

    `lfs_pointers` are files of which Git LFS has the content, `empty_folders` those of a project of which one package
    was packed: folders where git has a submodule, or nothing that it exports. Both without the top folder.
    """

    format: Format
    composer_json: bytes
    top_folder: str | None
    content_digest: str
    entries: int
    unpacked_bytes: int
    readme: tuple[str, bytes] | None
    lfs_pointers: Sequence[str]
    empty_folders: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class OpenArchive:
    """A file whose format and size were looked at. `entries` are in the order of the archive, every header checked, and
    from the first one on with each call.
    """

    format: Format
    size_bytes: int
    limits: Limits
    entries: Callable[[], Iterator[Entry]]

    def tree(self) -> Tree:
        """An empty tree with the limits of this archive."""
        return Tree(self.limits, self.size_bytes)


def read_archive(path: Path, limits: Limits) -> ArchiveContents:
    """What is in the zip or tar (plain, gz, bz2, xz) at `path`; by its bytes, never by its name.

    Refuses with InvalidArchive or ArchiveTooLarge: field "file" for a file that is no package, "archive" for one that
    is damaged or hostile.
    """
    with open_archive(path, limits) as archive:
        tree = gather(archive.entries(), archive.tree())
    return contents_of(tree, archive.format)


@contextmanager
def open_archive(path: Path, limits: Limits) -> Generator[OpenArchive]:
    """The archive, readable within the block. Refuses a file that is too large or no archive, before anything else in
    it is read.
    """
    with path.open("rb") as file:
        size_bytes = os.fstat(file.fileno()).st_size
        limits.check_file(size_bytes)
        # In memory, reading costs no call into the system, each of which gives the others a turn.
        source = BytesIO(file.read()) if size_bytes <= SMALL_BYTES else file
        archive_format = sniff(source)
        entries = (
            read_zip(source, size_bytes, limits).entries
            if archive_format == "zip"
            else partial(read_tar, source, size_bytes, limits)
        )
        yield OpenArchive(archive_format, size_bytes, limits, entries)


def contents_of(tree: Tree, archive_format: Format) -> ArchiveContents:
    """What a full tree holds. Refuses one that is no package."""
    top_folder = layout.find_top_folder(tree)
    return ArchiveContents(
        format=archive_format,
        composer_json=layout.composer_json(tree, top_folder),
        top_folder=top_folder,
        content_digest=tree.content_digest(top_folder),
        entries=len(tree),
        unpacked_bytes=tree.unpacked_bytes,
        readme=layout.find_readme(tree, top_folder),
        lfs_pointers=tuple(path.removeprefix(f"{top_folder}/") for path in tree.lfs_pointers),
    )


def gather(entries: Iterator[Entry], tree: Tree) -> Tree:
    """The tree, with all entries in it."""
    for entry in entries:
        tree.take(entry)
    return tree


def sniff(file: BinaryIO) -> Format:
    """Which of the two formats a file starts like. Refuses everything else."""
    start = file.read(BLOCK)
    if not start.strip(b"\0"):
        raise broken("The archive is empty: pack the folder that holds composer.json.")
    if start.startswith((LOCAL_SIGNATURE, END_SIGNATURE)):
        return "zip"
    if start.startswith(tuple(DECOMPRESSORS)) or is_tar_header(start):
        return "tar"
    what = next((what for magic, what in _STRANGERS.items() if start.startswith(magic)), "no archive we know")
    raise broken(f"The file is {what}: send a zip, or a tar (plain, gz, bz2 or xz).")
