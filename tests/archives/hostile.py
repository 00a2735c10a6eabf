"""Archives byte by byte, right ones and wrong ones: every field can be made to lie."""

import struct
import zlib
from dataclasses import dataclass, field

Fields = dict[str, int | bytes]

COMPOSER_JSON = b'{"name": "acme/widgets"}'
UNIX_FILE = 0o100644
UNIX_EXECUTABLE = 0o100755
UNIX_FOLDER = 0o040755
UNIX_LINK = 0o120777

STORED = 0
DEFLATED = 8


@dataclass(frozen=True)
class Member:
    """A file of a zip. `local` and `central` replace fields of one header; `packed` the bytes between them."""

    name: bytes
    data: bytes = b""
    mode: int = UNIX_FILE
    method: int = STORED
    flags: int = 0
    made_by: int = 3
    packed: bytes | None = None
    local: Fields = field(default_factory=dict[str, int | bytes])
    central: Fields = field(default_factory=dict[str, int | bytes])
    behind: bytes = b""

    def headers(self, offset: int) -> tuple[bytes, bytes]:
        """The local header with the data and what is behind it, and the entry of the central directory."""
        packed = deflated(self.data) if self.method == DEFLATED else self.data
        packed = packed if self.packed is None else self.packed
        fields: Fields = {
            "made_by": self.made_by << 8 | 20,
            "needed": 20,
            "flags": self.flags,
            "method": self.method,
            "time": 0,
            "date": 33,
            "crc": zlib.crc32(self.data),
            "packed": len(packed),
            "size": len(self.data),
            "name": self.name,
            "extra": b"",
            "comment": b"",
            "disk": 0,
            "internal": 0,
            "attributes": self.mode << 16,
            "offset": offset,
        }
        return _local(fields | self.local) + packed + self.behind, _central(fields | self.central)


def deflated(data: bytes, level: int = 6) -> bytes:
    """Raw deflate, as it stands in a zip."""
    deflate = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    return deflate.compress(data) + deflate.flush()


# What both headers of an entry say, in their order.
_SHARED = ("needed", "flags", "method", "time", "date", "crc", "packed", "size")


def _local(f: Fields) -> bytes:
    name, extra = _bytes(f["name"]), _bytes(f["extra"])
    numbers = [f[key] for key in _SHARED]
    return struct.pack("<4s5H3I2H", b"PK\x03\x04", *numbers, len(name), len(extra)) + name + extra


def _central(f: Fields) -> bytes:
    name, extra, comment = _bytes(f["name"]), _bytes(f["extra"]), _bytes(f["comment"])
    numbers = (
        f["made_by"],
        f["needed"],
        f["flags"],
        f["method"],
        f["time"],
        f["date"],
        f["crc"],
        f["packed"],
        f["size"],
    )
    lengths = (len(name), len(extra), len(comment), f["disk"], f["internal"], f["attributes"], f["offset"])
    return struct.pack("<4s6H3I5H2I", b"PK\x01\x02", *numbers, *lengths) + name + extra + comment


def _bytes(value: int | bytes) -> bytes:
    assert isinstance(value, bytes)
    return value


def zip_of(
    *members: Member,
    before: bytes = b"",
    hidden: bytes = b"",
    behind_directory: bytes = b"",
    comment: bytes = b"",
    behind: bytes = b"",
    end: Fields | None = None,
) -> bytes:
    """A zip of the members; `hidden` stands between data and directory, `end` replaces fields of the end record."""
    data = bytearray(before)
    directory = bytearray()
    for member in members:
        local, central = member.headers(len(data))
        data += local
        directory += central
    data += hidden
    fields: Fields = {
        "disk": 0,
        "directory_disk": 0,
        "here": len(members),
        "total": len(members),
        "size": len(directory),
        "directory": len(data),
        "comment_bytes": len(comment),
    }
    record = struct.pack("<4s4H2IH", b"PK\x05\x06", *(fields | (end or {})).values())
    return bytes(data + directory) + behind_directory + record + comment + behind


def package(*members: Member) -> bytes:
    """A right zip with these members beside composer.json."""
    return zip_of(Member(b"composer.json", COMPOSER_JSON), *members)


def extra(tag: int, data: bytes) -> bytes:
    """One extra field."""
    return struct.pack("<2H", tag, len(data)) + data


def descriptor(data: bytes, packed_bytes: int, *, signed: bool = True) -> bytes:
    """What follows the data when the local header does not know its size."""
    return b"PK\x07\x08" * signed + struct.pack("<3I", zlib.crc32(data), packed_bytes, len(data))


def end_record(entries: int, size: int, directory: int, comment_bytes: int = 0) -> bytes:
    """The end of a zip, or what looks like one."""
    return struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, entries, entries, size, directory, comment_bytes)


def zip64_end(entries: int, size: int, directory: int, position: int) -> bytes:
    """The zip64 end record to stand at `position`, the locator that points to it, and the end that asks for both."""
    record = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, entries, entries, size, directory)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, position, 1)
    return record + locator + end_record(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)


def tar_header(
    name: bytes,
    *,
    size: int | bytes = 0,
    kind: bytes = b"0",
    mode: int | bytes = 0o644,
    target: bytes = b"",
    magic: bytes = b"ustar\x0000",
    prefix: bytes = b"",
) -> bytes:
    """One block with a right checksum, whatever it says."""
    size_field = size if isinstance(size, bytes) else b"%011o\0" % size
    mode_field = mode if isinstance(mode, bytes) else b"%07o\0" % mode
    block = name.ljust(100, b"\0") + mode_field + b"0000000\0" * 2 + size_field + b"%011o\0" % 0 + b" " * 8 + kind
    block += target.ljust(100, b"\0") + magic + b"\0" * 80 + prefix.ljust(155, b"\0")
    block = block.ljust(512, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def padded(data: bytes) -> bytes:
    """Filled up to whole blocks."""
    return data + b"\0" * (-len(data) % 512)


def tar_file(name: bytes, data: bytes = b"", *, mode: int = 0o644, kind: bytes = b"0") -> bytes:
    """A header and its data; a name that does not fit stands before it, as GNU tar writes it."""
    long = tar_file(b"long", name, kind=b"L") if len(name) > 100 else b""
    return long + tar_header(name[:100], size=len(data), mode=mode, kind=kind) + padded(data)


def tar_link(name: bytes, target: bytes, *, kind: bytes = b"2") -> bytes:
    """A symbolic link, or with kind 1 a hard one."""
    return tar_header(name, kind=kind, target=target)


def pax(*records: tuple[bytes, bytes], kind: bytes = b"x") -> bytes:
    """An extended header with these keys and values."""
    return tar_file(b"pax", b"".join(_pax_record(key, value) for key, value in records), kind=kind)


def _pax_record(key: bytes, value: bytes) -> bytes:
    length = len(key) + len(value) + 3
    while len(str(length)) + len(key) + len(value) + 3 != length:
        length = len(str(length)) + len(key) + len(value) + 3
    return b"%d %s=%s\n" % (length, key, value)


def tar_of(*parts: bytes, end: bytes = b"\0" * 1024) -> bytes:
    """A tar of these parts, with composer.json as its first file."""
    return tar_file(b"composer.json", COMPOSER_JSON) + b"".join(parts) + end
