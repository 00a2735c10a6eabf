"""Zip files, read as strictly as the formats allows two readers to agree.

We serve a zip byte for byte, so what we check must be what unzip and ext-zip unpack. They find entries by the central
directory and read the data behind the local headers, and they differ where the two disagree; Python's zipfile is
silent there. So this file accepts one shape only: local headers and data from the first byte on without a gap, then
the central directory that says exactly the same, then the end record, then nothing.
Why not zipfile: docs/decisions/0030-own-archive-readers.md. Source: PKWARE APPNOTE 6.3.
"""

import stat
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from packistry.archives.entries import PATH_BYTES, Entry, Kind, broken, check_paths_bytes, decoded, shown
from packistry.archives.limits import Limits

CHUNK_BYTES = 64 * 1024

LOCAL = struct.Struct("<4s5H3I2H")
CENTRAL = struct.Struct("<4s6H3I5H2I")
END = struct.Struct("<4s4H2IH")
DESCRIPTOR = struct.Struct("<3I")

LOCAL_SIGNATURE = b"PK\x03\x04"
CENTRAL_SIGNATURE = b"PK\x01\x02"
END_SIGNATURE = b"PK\x05\x06"
_DESCRIPTOR_SIGNATURE = b"PK\x07\x08"
_ZIP64_SIGNATURE = b"PK\x06\x07"

STORED = 0
DEFLATED = 8
_OTHER_METHODS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "zstd", 95: "xz", 98: "PPMd"}

FLAG_DESCRIPTOR = 0x0008
FLAG_UTF8 = 0x0800
# The level of deflate (bits 1 and 2) says nothing about the content.
_FLAGS_KNOWN = 0x0006 | FLAG_DESCRIPTOR | FLAG_UTF8
# Encrypted, strongly encrypted, masked headers.
_FLAGS_ENCRYPTED = 0x0001 | 0x0040 | 0x2000

UNIX = 3
# DOS, Unix, HPFS, Macintosh, NTFS by PKWARE and by Info-ZIP, VFAT, macOS: unzip takes modes and names from these as
# `_kind` and `_check_name` say. Of VMS, BeOS and others it takes them in ways of its own.
_SYSTEMS = {0, UNIX, 6, 7, 10, 11, 14, 19}
# unzip 6.0 passes over entries that need more; nothing up to deflate and zip64 does.
_VERSION_MOST = 45
MSDOS_FOLDER = 0x10

_EXTRA_ZIP64 = 0x0001
_EXTRA_UNICODE_PATH = 0x7075
# AES, strong encryption.
_EXTRA_ENCRYPTED = {0x9901, 0x0017}
# ASi Unix: unzip takes mode and link target from it, ext-zip does not know it.
_EXTRA_ASI = 0x756E


@dataclass(frozen=True, slots=True)
class _Record:
    """An entry as the central directory tells it."""

    name: bytes
    made_by: int
    kind: Kind
    needed: int
    flags: int
    method: int
    modified: tuple[int, int]
    crc: int
    packed_bytes: int
    size_bytes: int
    offset: int


@dataclass(frozen=True, slots=True)
class _End:
    """Where the central directory lies and how many entries it has."""

    entries: int
    directory: int
    position: int


def read_zip(file: BinaryIO, size_bytes: int, limits: Limits) -> "Zip":
    """The zip, every header checked against its twin; what the entries hold is checked while it is read."""
    end = _find_end(file, size_bytes, limits)
    records = sorted(_directory(file, end), key=lambda record: record.offset)
    # Stops the honest bomb before a byte is unpacked; the one that lies about its sizes is stopped by _counted.
    limits.check_unpacked(sum(record.size_bytes for record in records), size_bytes)
    starts: list[int] = []
    position = 0
    for record in records:
        # Stops two entries that share data (a bomb of any ratio) and data that no entry names (bytes that a program
        # which reads from the front would unpack).
        if record.offset != position:
            raise _damaged(f"around {shown(record.name)}")
        starts.append(_check_local(file, record))
        position = starts[-1] + record.packed_bytes
        position += _descriptor_bytes(file, record, position)
    if position != end.directory:
        raise _damaged("before its directory")
    return Zip(file, records, starts)


@dataclass(frozen=True, slots=True)
class Zip:
    """A zip whose headers are right: of each entry, where its data starts."""

    file: BinaryIO
    records: Sequence[_Record]
    starts: Sequence[int]

    def entries(self) -> Iterator[Entry]:
        """In the order of their data; again from the first one on with each call."""
        for record, start in zip(self.records, self.starts, strict=True):
            yield _entry(self.file, record, start)


def _damaged(where: str) -> Exception:
    return broken(f"The zip is damaged or holds something hidden {where}: pack it again.")


def _find_end(file: BinaryIO, size_bytes: int, limits: Limits) -> _End:
    """The end record. Only its comment may follow it (git writes the commit there)."""
    tail_at = max(0, size_bytes - END.size - 0xFFFF)
    file.seek(tail_at)
    tail = file.read()
    found = tail.rfind(END_SIGNATURE)
    if found < 0 or len(tail) - found < END.size:
        raise broken("The zip is cut off, its end is missing: send it again, or pack it again.")
    _, disk, directory_disk, here, total, size, directory, comment = END.unpack_from(tail, found)
    position = tail_at + found
    # Stops bytes behind the end, where other programs look for a second directory.
    if found + END.size + comment != len(tail):
        raise broken("The zip has other bytes behind its end: pack it again.")
    if disk or directory_disk or here != total:
        raise broken("The zip is one part of several: pack it again as one file.")
    # Stops a hundred thousand entries before the first is read.
    limits.check_entries(total)
    # Stops zip64, for which readers disagree on which of two sizes counts; below 4 GiB nobody needs it.
    if 0xFFFF in (here, total) or 0xFFFFFFFF in (size, directory) or _has_zip64(tail[:found]):
        raise _zip64()
    # Stops a program or another archive glued before the zip, and a directory that other programs find elsewhere.
    if directory + size != position:
        raise broken("The zip has other bytes before it or before its end: pack it again.")
    _check_rivals(file, tail, found)
    return _End(total, directory, position)


def _has_zip64(before_end: bytes) -> bool:
    """Whether an end record has the 20 bytes before it that point to its zip64 twin."""
    return before_end[-20:].startswith(_ZIP64_SIGNATURE)


def _zip64() -> Exception:
    return broken(
        "The zip uses zip64, which not every Composer client reads alike: pack it again without it "
        "(write the zip to a file, not to a pipe), or send a tar.gz."
    )


def _check_rivals(file: BinaryIO, tail: bytes, found: int) -> None:
    """Stops a second end record, hidden in the data of an entry, that ext-zip might prefer to the last one.

    A stored zip among the files has end records too, but those point to a directory in their own file: read from the
    start of ours, there is none. The end of an empty one passes, for ext-zip takes the directory that spans more.
    """
    at = tail.find(END_SIGNATURE)
    while at < found:
        file.seek(END.unpack_from(tail, at)[6])
        if file.read(4) == CENTRAL_SIGNATURE or _has_zip64(tail[:at]):
            raise _damaged("near its end")
        at = tail.find(END_SIGNATURE, at + 1)


def _directory(file: BinaryIO, end: _End) -> Iterator[_Record]:
    file.seek(end.directory)
    names_bytes = 0
    for _ in range(end.entries):
        record = _record(file)
        names_bytes += len(record.name)
        check_paths_bytes(names_bytes)
        yield record
    # Stops entries behind the counted ones, and a directory that runs into the end record.
    if file.tell() != end.position:
        raise _damaged("in its directory")


def _record(file: BinaryIO) -> _Record:
    data = file.read(CENTRAL.size)
    if len(data) < CENTRAL.size or not data.startswith(CENTRAL_SIGNATURE):
        raise _damaged("in its directory")
    fields = CENTRAL.unpack(data)
    _, made_by, needed, flags, method, time, date, crc, packed, size, name_bytes, extra_bytes, comment_bytes = fields[
        :13
    ]
    disk, internal, attributes, offset = fields[13:]
    # One byte more than a path may have: a folder ends in a slash.
    if name_bytes > PATH_BYTES + 1:
        raise broken(f"The zip has a path longer than {PATH_BYTES:,} bytes: shorten it and pack again.")
    name = file.read(name_bytes)
    _check_readable(name, flags, method)
    system = made_by >> 8
    # Internally a file is text or not; at any other bit unzip drops modes and links.
    if disk or needed > _VERSION_MOST or system not in _SYSTEMS or internal > 1:
        raise broken(f"{shown(name)} needs another unzip than Composer clients have: pack it again with plain zip.")
    _check_name(name, flags, system, extra_bytes)
    _check_extra(file.read(extra_bytes), name)
    file.read(comment_bytes)
    kind = _kind(name, system, attributes)
    return _Record(name, system, kind, needed, flags, method, (time, date), crc, packed, size, offset)


def _check_readable(name: bytes, flags: int, method: int) -> None:
    """Only what every unzip and ext-zip can unpack without a password."""
    if flags & _FLAGS_ENCRYPTED:
        raise broken(f"{shown(name)} is encrypted and no Composer client has the password: pack it again without one.")
    if flags & ~_FLAGS_KNOWN:
        raise broken(f"{shown(name)} uses a feature of zip that Composer clients lack: pack it again with plain zip.")
    if method not in {STORED, DEFLATED}:
        raise broken(
            f"{shown(name)} is compressed with {_OTHER_METHODS.get(method, f'method {method}')}, which not every "
            "Composer client can unpack: pack it again with Deflate."
        )


def _check_name(name: bytes, flags: int, made_by: int, extra_bytes: int) -> None:
    # Stops names that unzip converts from a DOS code page and ext-zip takes as they are. Of Unix, where Info-ZIP writes
    # UTF-8 without the flag, both take the bytes; of other systems unzip 6.0 sees the flag only where it finds an extra
    # field, in the directory and before the data.
    if not name.isascii() and made_by != UNIX and not (flags & FLAG_UTF8 and extra_bytes):
        raise broken(
            f"The name {shown(name)} is stored in a way that unzip and PHP read differently: "
            "rename the file, or pack again on Linux or macOS, or send a tar.gz."
        )


def _check_extra(extra: bytes, name: bytes) -> None:
    """Stops extra fields that one program obeys and another does not know."""
    at = 0
    while at < len(extra):
        # Also stops fields that run out of their record, on which readers resynchronise differently.
        if at + 4 > len(extra):
            raise _damaged(f"in the extra fields of {shown(name)}")
        tag, length = struct.unpack_from("<2H", extra, at)
        data = extra[at + 4 : at + 4 + length]
        at += 4 + length
        if len(data) != length:
            raise _damaged(f"in the extra fields of {shown(name)}")
        if tag == _EXTRA_ZIP64:
            raise _zip64()
        if tag in _EXTRA_ENCRYPTED:
            raise broken(f"{shown(name)} is encrypted: pack it again without a password.")
        # Version, CRC of the plain name, and the name that unzip and ext-zip take instead of the plain one.
        if tag == _EXTRA_ASI or (tag == _EXTRA_UNICODE_PATH and data[5:] != name):
            raise _damaged(f"in the extra fields of {shown(name)}")


def _kind(name: bytes, made_by: int, attributes: int) -> Kind:
    """By the final slash, and by the Unix mode when the zip was made on Unix: unzip takes no other system's modes."""
    mode = attributes >> 16
    file_type = stat.S_IFMT(mode)
    is_folder = name.endswith(b"/")
    # Stops devices, pipes and sockets, and links of other systems, which only some programs would make.
    if file_type not in {0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK} or (stat.S_ISLNK(mode) and made_by != UNIX):
        raise broken(f"{shown(name)} is no file, folder or link: leave it out.")
    # Stops entries that are a folder to one program and a file or a link to another.
    says_folder = stat.S_ISDIR(mode) or bool(attributes & MSDOS_FOLDER)
    if (says_folder and not is_folder) or (stat.S_ISLNK(mode) and is_folder):
        raise broken(f"{shown(name)} is a folder by its name or by its mode, not by both: pack it again.")
    if is_folder:
        return "folder"
    if stat.S_ISLNK(mode):
        return "link"
    return "executable" if made_by == UNIX and mode & stat.S_IXUSR else "file"


def _check_local(file: BinaryIO, record: _Record) -> int:
    """Where the data starts, after the local header was held against the central directory."""
    file.seek(record.offset)
    data = file.read(LOCAL.size)
    if len(data) < LOCAL.size or not data.startswith(LOCAL_SIGNATURE):
        raise _damaged(f"before {shown(record.name)}")
    _, needed, flags, method, time, date, crc, packed, size, name_bytes, extra_bytes = LOCAL.unpack(data)
    if 0xFFFFFFFF in (packed, size):
        # Python and others write this ahead when they do not know yet how large an entry becomes.
        raise _zip64()
    told = (crc, packed, size)
    meant = (record.crc, record.packed_bytes, record.size_bytes)
    # Stops a harmless directory over other files: unzip and programs that stream believe the local header. Version and
    # date are compared because ext-zip does: for it a directory that differs there may lose against a hidden one.
    is_twin = (
        (flags, method, (time, date)) == (record.flags, record.method, record.modified)
        and needed <= record.needed
        and file.read(name_bytes) == record.name
    )
    # With a data descriptor the three numbers may be left empty here and follow the data.
    if not is_twin or (told != meant and not (flags & FLAG_DESCRIPTOR and told == (0, 0, 0))):
        raise broken(f"{shown(record.name)} is described in two ways in the zip: pack it again.")
    _check_name(record.name, flags, record.made_by, extra_bytes)
    _check_extra(file.read(extra_bytes), record.name)
    return record.offset + LOCAL.size + name_bytes + extra_bytes


def _descriptor_bytes(file: BinaryIO, record: _Record, position: int) -> int:
    """The length of the data descriptor after the data, 0 without one. Refuses one that says something else."""
    if not record.flags & FLAG_DESCRIPTOR:
        return 0
    meant = DESCRIPTOR.pack(record.crc, record.packed_bytes, record.size_bytes)
    file.seek(position)
    data = file.read(4 + DESCRIPTOR.size)
    if data == _DESCRIPTOR_SIGNATURE + meant:
        return 4 + DESCRIPTOR.size
    # The signature is optional.
    if data.startswith(meant):
        return DESCRIPTOR.size
    raise broken(f"{shown(record.name)} is described in two ways in the zip: pack it again.")


def _entry(file: BinaryIO, record: _Record, start: int) -> Entry:
    name = decoded(record.name)
    chunks = _counted(_unpacked(file, record, start), record)
    if record.kind == "folder":
        # Stops bytes hidden in a folder.
        if any(chunks):
            raise _damaged(f"in the folder {shown(name)}")
        return Entry(name.removesuffix("/"), "folder")
    if record.kind == "link":
        # Stops a link target of gigabytes.
        if record.size_bytes > PATH_BYTES:
            raise broken(f"The link {shown(name)} points at a path longer than {PATH_BYTES:,} bytes: remove it.")
        return Entry(name, "link", target=decoded(b"".join(chunks)))
    return Entry(name, record.kind, chunks=chunks)


def _counted(chunks: Iterator[bytes], record: _Record) -> Iterator[bytes]:
    """The chunks, held against the size and checksum in the headers."""
    size = crc = 0
    for chunk in chunks:
        size += len(chunk)
        # Stops a bomb that declares a few bytes: it is refused at the first one too many.
        if size > record.size_bytes:
            raise broken(f"{shown(record.name)} unpacks to more than the zip says: pack it again.")
        crc = zlib.crc32(chunk, crc)
        yield chunk
    if (size, crc) != (record.size_bytes, record.crc):
        raise broken(f"{shown(record.name)} is damaged, its checksum is wrong: send or pack the zip again.")


def _unpacked(file: BinaryIO, record: _Record, start: int) -> Iterator[bytes]:
    blocks = _blocks(file, start, record.packed_bytes, record.name)
    return blocks if record.method == STORED else _inflated(blocks, record.name)


def _blocks(file: BinaryIO, position: int, size_bytes: int, name: bytes) -> Iterator[bytes]:
    end = position + size_bytes
    while position < end:
        file.seek(position)
        block = file.read(min(CHUNK_BYTES, end - position))
        if not block:
            raise broken(f"The zip is cut off in {shown(name)}: send it again.")
        position += len(block)
        yield block


def _inflated(blocks: Iterator[bytes], name: bytes) -> Iterator[bytes]:
    """Never more than a chunk at a time, however much one block unpacks to."""
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for block in blocks:
            # Stops a gigabyte behind the end of the data, which zlib would gather in memory.
            if inflate.eof:
                break
            while chunk := inflate.decompress(block, CHUNK_BYTES):
                yield chunk
                block = inflate.unconsumed_tail  # noqa: PLW2901  # what the limit left over is the next input
    except zlib.error as error:
        raise broken(f"{shown(name)} is damaged: send or pack the zip again.") from error
    # Stops data that goes on behind its end or has none: readers disagree on what that unpacks to.
    if not inflate.eof or inflate.unused_data:
        raise broken(f"{shown(name)} is damaged: send or pack the zip again.")
