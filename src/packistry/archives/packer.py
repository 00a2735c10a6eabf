"""Packs the files of a tar as a zip that every Composer client reads: the same files always give the same bytes.

Sorted, without dates, owners and any mode but 0644 and 0755. A folder is named only when nothing is in it.
"""

import os
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Protocol

from packistry.archives import zips
from packistry.archives.digests import CHUNK_BYTES
from packistry.archives.entries import Entry, Kind
from packistry.archives.limits import Limits
from packistry.archives.tars import read_tar
from packistry.archives.tree import Node, Tree
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


def pack_zip(tar_path: Path, target: Target, limits: Limits) -> None:
    """Writes the zip to `target`. Call it for what `read_archive` accepted; everything is checked once more.

    The compressed files wait in a nameless file beside the tar, because a tar is not sorted and a zip is. Refuses with
    InvalidArchive, ArchiveTooLarge or StorageFull; then what was written is nothing yet.
    """
    with refusing_full_disk(), tar_path.open("rb") as file, tempfile.TemporaryFile(dir=tar_path.parent) as scratch:
        members = _compress(file, scratch, limits)
        _check_size(members, limits)
        _write(members, scratch, target)


def _compress(file: BinaryIO, scratch: BinaryIO, limits: Limits) -> list[_Member]:
    """Every file of the tar, deflated into `scratch` in the order of the tar; told in the order of the zip."""
    size_bytes = os.fstat(file.fileno()).st_size
    tree = Tree(limits, size_bytes)
    members: dict[str, _Member] = {}
    for entry in read_tar(file, size_bytes, limits):
        node = tree.place(entry)
        if entry.kind == "hardlink":
            members[entry.path] = replace(members[entry.target], name=entry.path.encode())
        else:
            members[entry.path] = _deflate(entry, tree, node, scratch)
    leaves = (member for path, member in members.items() if tree.is_leaf(path))
    return sorted(leaves, key=lambda member: member.name)


def _deflate(entry: Entry, tree: Tree, node: Node, scratch: BinaryIO) -> _Member:
    name = entry.path.encode() + (b"/" if entry.kind == "folder" else b"")
    start = scratch.tell()
    if entry.kind in {"folder", "link"}:
        data = entry.target.encode()
        scratch.write(data)
        return _Member(name, entry.kind, zips.STORED, zlib.crc32(data), len(data), len(data), start)
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    crc = 0
    for chunk in entry.chunks:
        tree.spend(node, len(chunk))
        crc = zlib.crc32(chunk, crc)
        scratch.write(deflate.compress(chunk))
    # An empty file is stored: a few old programs stumble over deflated nothing.
    if node.size_bytes == 0:
        return _Member(name, entry.kind, zips.STORED, 0, 0, 0, start)
    scratch.write(deflate.flush())
    return _Member(name, entry.kind, zips.DEFLATED, crc, scratch.tell() - start, node.size_bytes, start)


def _check_size(members: list[_Member], limits: Limits) -> None:
    """Refuses what is right as a tar and not as a zip: a plain tar of zeros is a zip bomb once it is a zip."""
    packed = sum(member.packed_bytes for member in members)
    limits.check_file(packed)
    limits.check_unpacked(sum(member.size_bytes for member in members), packed)
    # Without zip64, which not every Composer reads alike, a zip counts entries in 16 bits and bytes in 32.
    if len(members) >= 0xFFFF or packed >= _ZIP_BYTES or any(member.size_bytes >= _ZIP_BYTES for member in members):
        raise ArchiveTooLarge("The tar is larger than a zip can be: leave out what is not needed.", field="archive")


def _write(members: list[_Member], scratch: BinaryIO, target: Target) -> None:
    offsets: list[int] = []
    position = 0
    for member in members:
        offsets.append(position)
        header = zips.LOCAL.pack(zips.LOCAL_SIGNATURE, *_common(member), len(member.name), 0) + member.name
        target.write(header)
        for chunk in _copy(scratch, member):
            target.write(chunk)
        position += len(header) + member.packed_bytes
    directory = b"".join(map(_central, members, offsets))
    target.write(directory)
    count = len(members)
    target.write(zips.END.pack(zips.END_SIGNATURE, 0, 0, count, count, len(directory), position, 0))


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
