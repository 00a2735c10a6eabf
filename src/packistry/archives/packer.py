"""Packs the files of an archive as a zip that every Composer client reads: the same files always give the same bytes.

Sorted, without dates, owners and any mode but 0644 and 0755. A folder is named only when nothing is in it.
"""

import tempfile
import zlib
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from packistry.archives import zips
from packistry.archives.digests import CHUNK_BYTES
from packistry.archives.entries import Entry, Kind
from packistry.archives.limits import Limits
from packistry.archives.linked import Linked, linked_files
from packistry.archives.reader import SMALL_BYTES, ArchiveContents, OpenArchive, contents_of, open_archive
from packistry.archives.selection import Root, Selection, find_root, select
from packistry.archives.tree import Tree
from packistry.errors import ArchiveTooLarge, refusing_full_disk

_MODES: dict[Kind, int] = {"file": 0o100644, "executable": 0o100755, "folder": 0o040755, "link": 0o120777}
# The first day a zip can name: 1 January 1980, midnight.
_DATE = (1 << 5) | 1
# 2.0, the version that brought Deflate and folders.
_VERSION = 20
# zlib's own middle: level 9 takes three times as long for 1 % less.
_LEVEL = 6
_ZIP_BYTES = 0xFFFFFFFF


class Target(Protocol):
    """Where the zip goes: bytes from front to back."""

    def write(self, data: bytes, /) -> object: ...


@dataclass(frozen=True, slots=True)
class _Member:
    """A file, compressed, somewhere in the scratch file."""

    name: bytes
    kind: Kind
    method: int
    crc: int
    packed_bytes: int
    size_bytes: int
    scratch_at: int


def pack_zip(path: Path, target: Target, limits: Limits) -> None:
    """Writes the files of the zip or tar at `path` to `target`, top folder and all.

    Call it for what `read_archive` accepted; everything is checked once more. Refuses with InvalidArchive,
    ArchiveTooLarge or StorageFull; then what was written is nothing yet.
    """
    with refusing_full_disk(), open_archive(path, limits) as archive:
        _pack(archive.entries(), archive.tree(), path.parent, target)


@dataclass(frozen=True, slots=True)
class ProjectArchive:
    """The zip or tar of a whole project, of which one package is taken."""

    archive: OpenArchive
    folder: str
    root: Root
    limits: Limits
    scratch_folder: Path

    @property
    def composer_json(self) -> bytes:
        """Of the package; one byte more than allowed where it is larger."""
        return self.root.composer_json

    def pack(self, target: Target, selection: Selection) -> ArchiveContents:
        """Writes the package to `target`; what `read_archive` would say of it. Refuses as that and `pack_zip` do."""
        # A link out of a whole project leads nowhere: that pass is spared.
        linked: Mapping[str, Linked] = linked_files(self.archive.entries, self.root.path) if self.folder else {}
        empty_folders: list[str] = []
        entries = select(self.archive.entries(), self.root.path, selection, linked, empty_folders)
        tree = Tree(self.limits, self.archive.size_bytes)
        _pack(entries, tree, self.scratch_folder, target)
        return replace(contents_of(tree, "zip"), empty_folders=tuple(empty_folders))


@contextmanager
def open_project(path: Path, limits: Limits, folder: str = "") -> Generator[ProjectArchive | None]:
    """The project whose archive is at `path`, readable within the block; None when `folder` has no composer.json.

    `folder` holds the package in the project, as in "packages/core"; "" is the project itself. Refuses what
    `read_archive` refuses.
    """
    with refusing_full_disk(), open_archive(path, limits.of_project()) as archive:
        root = find_root(archive.entries(), folder, archive.limits)
        yield root and ProjectArchive(archive, folder, root, limits, path.parent)


def _pack(entries: Iterator[Entry], tree: Tree, scratch_folder: Path, target: Target) -> None:
    """The compressed files wait in a nameless file, because an archive need not be sorted and our zips are."""
    with tempfile.SpooledTemporaryFile(SMALL_BYTES, dir=str(scratch_folder)) as spooled:
        scratch = cast("BinaryIO", spooled)
        members = _compress(entries, tree, scratch)
        _check_size(members, tree.limits)
        for piece in _gathered(_pieces(members, scratch)):
            target.write(piece)


def _compress(entries: Iterator[Entry], tree: Tree, scratch: BinaryIO) -> list[_Member]:
    """Every file, deflated into `scratch` in the order of the archive and put in the tree; told in that of the zip."""
    members: dict[str, _Member] = {}
    for entry in entries:
        if entry.kind == "hardlink":
            tree.take(entry)
            members[entry.path] = replace(members[entry.target], name=entry.path.encode())
        else:
            members[entry.path] = _deflate(entry, tree, scratch)
    leaves = (member for path, member in members.items() if tree.is_leaf(path))
    return sorted(leaves, key=lambda member: member.name)


def _deflate(entry: Entry, tree: Tree, scratch: BinaryIO) -> _Member:
    name = entry.path.encode() + (b"/" if entry.kind == "folder" else b"")
    start = scratch.tell()
    if entry.kind in {"folder", "link"}:
        tree.take(entry)
        data = entry.target.encode()
        scratch.write(data)
        return _Member(name, entry.kind, zips.STORED, zlib.crc32(data), len(data), len(data), start)
    deflating = _Deflating(scratch)
    tree.take(replace(entry, chunks=deflating.passing(entry.chunks)))
    # An empty file is stored: a few old programs stumble over deflated nothing.
    if deflating.size_bytes == 0:
        return _Member(name, entry.kind, zips.STORED, 0, 0, 0, start)
    deflating.finish()
    return _Member(name, entry.kind, zips.DEFLATED, deflating.crc, scratch.tell() - start, deflating.size_bytes, start)


class _Deflating:
    """Compresses the bytes of one file while somebody else reads them."""

    def __init__(self, scratch: BinaryIO) -> None:
        self._scratch = scratch
        self._deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        self.crc = 0
        self.size_bytes = 0

    def passing(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            yield chunk
            # Only now, when the reader has found nothing wrong with it.
            self.size_bytes += len(chunk)
            self.crc = zlib.crc32(chunk, self.crc)
            self._scratch.write(self._deflate.compress(chunk))

    def finish(self) -> None:
        self._scratch.write(self._deflate.flush())


def _check_size(members: list[_Member], limits: Limits) -> None:
    """Refuses what is right as a tar and not as a zip: a plain tar of zeros is a zip bomb once it is a zip."""
    packed = sum(member.packed_bytes for member in members)
    limits.check_file(packed)
    limits.check_unpacked(sum(member.size_bytes for member in members), packed)
    # Without zip64, which not every Composer reads alike, a zip counts entries in 16 bits and bytes in 32.
    if len(members) >= 0xFFFF or packed >= _ZIP_BYTES or any(member.size_bytes >= _ZIP_BYTES for member in members):
        raise ArchiveTooLarge("The archive is larger than a zip can be: leave out what is not needed.", field="archive")


def _pieces(members: list[_Member], scratch: BinaryIO) -> Iterator[bytes]:
    """The zip, from front to back."""
    offsets: list[int] = []
    position = 0
    for member in members:
        offsets.append(position)
        header = zips.LOCAL.pack(zips.LOCAL_SIGNATURE, *_common(member), len(member.name), 0) + member.name
        yield header
        yield from _copy(scratch, member)
        position += len(header) + member.packed_bytes
    directory = b"".join(map(_central, members, offsets))
    yield directory
    count = len(members)
    yield zips.END.pack(zips.END_SIGNATURE, 0, 0, count, count, len(directory), position, 0)


def _gathered(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces that are worth a call into the system: most files of a package are small."""
    waiting: list[bytes] = []
    size_bytes = 0
    for piece in pieces:
        waiting.append(piece)
        size_bytes += len(piece)
        if size_bytes >= CHUNK_BYTES:
            yield b"".join(waiting)
            waiting, size_bytes = [], 0
    yield b"".join(waiting)


def _common(member: _Member) -> tuple[int, ...]:
    """The fields that the local header and the central directory share."""
    flags = 0 if member.name.isascii() else zips.FLAG_UTF8
    return _VERSION, flags, member.method, 0, _DATE, member.crc, member.packed_bytes, member.size_bytes


def _central(member: _Member, offset: int) -> bytes:
    attributes = _MODES[member.kind] << 16 | (zips.MSDOS_FOLDER if member.kind == "folder" else 0)
    made_by = zips.UNIX << 8 | _VERSION
    rest = (len(member.name), 0, 0, 0, 0, attributes, offset)
    return zips.CENTRAL.pack(zips.CENTRAL_SIGNATURE, made_by, *_common(member), *rest) + member.name


def _copy(scratch: BinaryIO, member: _Member) -> Iterator[bytes]:
    scratch.seek(member.scratch_at)
    left = member.packed_bytes
    while left:
        chunk = scratch.read(min(CHUNK_BYTES, left))
        left -= len(chunk)
        yield chunk
