"""Tar files, plain or compressed, read from front to back within bounds.

A tar is repacked before it is served, so no client reads what we read here; what is refused is what would cost memory
or time without end, or what no package holds. Why not tarfile: docs/decisions/0030-own-archive-readers.md.
Source: POSIX pax (ustar and its extended headers), and GNU tar's long names.
"""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol

from packistry.archives.entries import PATH_BYTES, Entry, broken, decoded, shown
from packistry.archives.limits import MIB, Limits

CHUNK_BYTES = 64 * 1024
BLOCK = 512

# Parallel compressors write one stream per block: 2 GiB in blocks of 64 KiB are 32,768. Empty ones are nearly free to
# send and dear to read.
_STREAMS = 65_536
# xz -9 needs 65 MiB to unpack; a header may ask for gigabytes.
_XZ_MEMORY_BYTES = 72 * MIB
# Extended headers before one entry: a global and a local pax header, a long name and a long link, and some to spare.
_HEADERS_PER_ENTRY = 8
_HEADER_BYTES = MIB
# All extended headers of an archive: 50,000 with a kilobyte of attributes each.
_HEADERS_BYTES = 64 * MIB

_FILES = b"0\x007"


class _Decompressor(Protocol):
    """What bz2 and lzma share."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Gunzip:
    """zlib in the form of the others; 16 more window bits mean a gzip header, whose checksum zlib compares."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        chunk = self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)
        # A full chunk may leave bytes inside zlib although it has taken all of its input.
        self.needs_input = len(chunk) < max_length
        return chunk


def _unxz() -> _Decompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY_BYTES)


DECOMPRESSORS: dict[bytes, Callable[[], _Decompressor]] = {
    b"\x1f\x8b": _Gunzip,
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\x00": _unxz,
}


def is_tar_header(block: bytes) -> bool:
    """Whether a block has the checksum of a tar header; the only mark that every kind of tar has."""
    return len(block) == BLOCK and any(block) and _has_checksum(block)


def read_tar(file: BinaryIO, size_bytes: int, limits: Limits) -> Iterator[Entry]:
    """The entries in the order of the archive; bytes that were not read when the next is asked for are passed over."""
    file.seek(0)
    start = file.read(6)
    file.seek(0)
    new = next((new for magic, new in DECOMPRESSORS.items() if start.startswith(magic)), None)
    chunks = _decompressed(file, new) if new else iter(lambda: file.read(CHUNK_BYTES), b"")
    return _Reader(_bounded(chunks, size_bytes, limits)).entries()


def _bounded(chunks: Iterator[bytes], size_bytes: int, limits: Limits) -> Iterator[bytes]:
    """Stops a bomb that unpacks to headers and padding instead of files."""
    unpacked = 0
    for chunk in chunks:
        unpacked += len(chunk)
        limits.check_unpacked(unpacked, size_bytes)
        yield chunk


def _decompressed(file: BinaryIO, new: Callable[[], _Decompressor]) -> Iterator[bytes]:
    """One chunk at a time of one stream after the other, as parallel compressors write them."""
    block = file.read(CHUNK_BYTES)
    for _ in range(_STREAMS):
        decompressor = new()
        yield from _stream(file, block, decompressor)
        block = _after_padding(file, decompressor.unused_data)
        if not block:
            return
    raise broken(f"The archive has more than {_STREAMS:,} compressed streams: pack it again with gzip.")


def _stream(file: BinaryIO, block: bytes, decompressor: _Decompressor) -> Iterator[bytes]:
    while not decompressor.eof:
        if decompressor.needs_input and not block:
            block = file.read(CHUNK_BYTES)
            if not block:
                raise broken("The archive is cut off: send it again, or pack it again.")
        try:
            chunk = decompressor.decompress(block, CHUNK_BYTES)
        except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as error:
            raise broken(
                "The compressed archive is damaged, or needs more memory than xz -9 does: send or pack it again."
            ) from error
        block = b""
        if chunk:
            yield chunk


def _after_padding(file: BinaryIO, block: bytes) -> bytes:
    """The next bytes that are not zero, b"" at the end: tapes and xz pad with zeros."""
    block = block.lstrip(b"\0")
    while not block:
        read = file.read(CHUNK_BYTES)
        if not read:
            return b""
        block = read.lstrip(b"\0")
    return block


class _Reader:
    """The blocks of one tar, forward only."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")
        self._headers_bytes = 0
        self._has_begun = False

    def entries(self) -> Iterator[Entry]:
        while header := self._header():
            entry = self._entry(*header)
            if entry:
                yield entry
                for _ in entry.chunks:
                    pass
        self._check_end()

    def _header(self) -> tuple[bytes, dict[str, bytes]] | None:
        """The header of an entry with what extended headers say about it; None at the end mark."""
        extended: dict[str, bytes] = {}
        for _ in range(_HEADERS_PER_ENTRY):
            block = self._take(BLOCK)
            if not any(block):
                return None
            if not is_tar_header(block):
                raise broken(
                    "The tar is damaged, a header has a wrong checksum: send it again, or pack it again."
                    if self._has_begun
                    else "What is compressed in the file is no tar: pack the folder as a zip or a tar.gz."
                )
            self._has_begun = True
            if block[156:157] not in b"xgLK":
                return block, extended
            self._extend(extended, block)
        raise broken("The tar has too many extended headers before one file: pack it again.")

    def _extend(self, extended: dict[str, bytes], block: bytes) -> None:
        size = _number(block[124:136])
        self._headers_bytes += size
        # Stops a header of gigabytes, and thousands of large ones, which would be held in memory or take minutes.
        if size > _HEADER_BYTES or self._headers_bytes > _HEADERS_BYTES:
            raise broken("The tar has too large extended headers: pack it again without extended attributes.")
        data = self._take(size)
        self._skip_padding(size)
        match block[156:157]:
            case b"L":
                extended.setdefault("path", _text(data))
            case b"K":
                extended.setdefault("linkpath", _text(data))
            case b"x":
                extended.update(_pax(data))
            case _:
                # git writes the commit in a global header, and names or sizes for all files at once are no use to it.
                if not _pax(data).keys().isdisjoint({"path", "linkpath", "size"}):
                    raise broken("The tar names all of its files at once: pack it again.")

    def _entry(self, block: bytes, extended: dict[str, bytes]) -> Entry | None:
        """None for the "./" that stands for the packed folder itself."""
        raw = extended.get("path") or _name(block)
        name = _relative(raw)
        kind = block[156:157]
        size = _decimal(extended["size"]) if "size" in extended else _number(block[124:136])
        if "sparse" in extended or kind not in b"0\x007125":
            raise broken(f"{shown(raw)} is a device, a pipe, a sparse file or unknown: leave it out.")
        is_folder = kind == b"5" or (kind in _FILES and raw.endswith(b"/"))
        # Stops bytes behind a folder or link, which some programs skip and others read as the next header.
        if size and (is_folder or kind not in _FILES):
            raise broken(f"{shown(raw)} is no file and has bytes: pack the tar again.")
        if is_folder:
            return Entry(name, "folder") if name else None
        target = extended.get("linkpath") or _text(block[157:257])
        if kind == b"2":
            return Entry(name, "link", target=decoded(target))
        if kind == b"1":
            return Entry(name, "hardlink", target=_relative(target))
        return Entry(name, "executable" if _number(block[100:108]) & 0o100 else "file", chunks=self._file(size))

    def _file(self, size: int) -> Iterator[bytes]:
        left = size
        while left:
            chunk = self._some(left)
            left -= len(chunk)
            yield chunk
        self._skip_padding(size)

    def _check_end(self) -> None:
        """Reads on to the end, so that the checksum of the compressed stream is compared too."""
        rest = bytes(self._rest)
        while rest:
            # Stops a second archive behind the first, whose files some programs would unpack and we would not check.
            if any(rest):
                raise broken("The tar goes on behind its end mark: pack everything into one tar.")
            rest = next(self._chunks, b"")

    def _skip_padding(self, size: int) -> None:
        self._take(-size % BLOCK)

    def _take(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size:
            part = self._some(size)
            size -= len(part)
            parts.append(part)
        return b"".join(parts)

    def _some(self, size: int) -> bytes:
        """At least one byte and at most `size`."""
        if not self._rest:
            self._rest = memoryview(next(self._chunks, b""))
        # Also when the end mark is missing: a download that stopped between two files looks complete otherwise.
        if not self._rest:
            raise broken("The tar is cut off: send it again, or pack it again.")
        some, self._rest = self._rest[:size], self._rest[size:]
        return bytes(some)


def _has_checksum(block: bytes) -> bool:
    """Whether six octal digits tell the sum of all bytes, those of the checksum itself counted as spaces."""
    digits = _text(block[148:156]).strip(b" ")
    return not digits.strip(b"01234567") and int(digits or b"0", 8) == sum(block) - sum(block[148:156]) + 8 * 0x20


def _number(data: bytes) -> int:
    """Octal digits, or GNU's binary form for large numbers; an empty field is 0."""
    if data.startswith(b"\x80"):
        return int.from_bytes(data[1:])
    text = _text(data).strip(b" ")
    # Stops negative sizes, on which readers run backwards, and whatever int() takes besides digits.
    if text.strip(b"01234567"):
        raise _no_number()
    return int(text or b"0", 8)


def _decimal(data: bytes) -> int:
    """A number as pax writes it; 2**63 has 19 digits."""
    if not data.isdigit() or len(data) > 19:
        raise _no_number()
    return int(data)


def _no_number() -> Exception:
    return broken("The tar is damaged, a header has no readable number: send it again, or pack it again.")


def _text(data: bytes) -> bytes:
    return data.partition(b"\0")[0]


def _name(block: bytes) -> bytes:
    name = _text(block[:100])
    # Only POSIX has a prefix there; GNU tar keeps times in the same bytes.
    prefix = _text(block[345:500]) if block[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _relative(raw: bytes) -> str:
    """Without the "./" that `tar -c .` writes before every path, and without the slash behind a folder."""
    if len(raw) > PATH_BYTES + 2:
        raise broken(f"The tar has a path longer than {PATH_BYTES:,} bytes: shorten it and pack again.")
    name = decoded(raw).rstrip("/") if raw.strip(b"/") else decoded(raw)
    while name.startswith("./"):
        name = name[2:].lstrip("/")
    return "" if name == "." else name


def _pax(data: bytes) -> dict[str, bytes]:
    """Path, link path and size from the records "LENGTH KEY=VALUE\\n", and "sparse" when there is any word of it."""
    found: dict[str, bytes] = {}
    at = 0
    while at < len(data):
        space = data.find(b" ", at, at + 8)
        digits = data[at:space]
        end = at + int(digits) if space > 0 and digits.isdigit() else 0
        # Stops records of no length, on which a reader turns in circles, and records longer than their header.
        if not space + 1 < end <= len(data) or data[end - 1 : end] != b"\n":
            raise broken("The tar is damaged, an extended header cannot be read: send it again, or pack it again.")
        key, equals, value = data[space + 1 : end - 1].partition(b"=")
        if equals and key in {b"path", b"linkpath", b"size"}:
            found[key.decode()] = value
        if key.startswith(b"GNU.sparse."):
            found["sparse"] = value
        at = end
    return found
