"""Archives that were right until something happened to a few of their bytes."""

import bz2
import gzip
import lzma
import random
from collections.abc import Callable

from tests.archives.hostile import (
    COMPOSER_JSON,
    DEFLATED,
    UNIX_EXECUTABLE,
    UNIX_FOLDER,
    UNIX_LINK,
    Member,
    descriptor,
    end_record,
    extra,
    pax,
    tar_file,
    tar_header,
    tar_link,
    tar_of,
    zip64_end,
    zip_of,
)

TEXT = b"<?php echo 'hello';\n" * 20
TIMES = extra(0x5455, b"\x01abcd")
NUMBERS = (0, 1, 2, 3, 7, 8, 10, 19, 20, 45, 63, 0x7F, 0x80, 0xFF, 0x800, 0x7075, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)

ZIPS = [
    zip_of(
        Member(b"composer.json", COMPOSER_JSON, method=DEFLATED),
        Member(b"src/A.php", TEXT, method=DEFLATED),
        Member(b"bin/run", TEXT, mode=UNIX_EXECUTABLE),
        Member(b"empty/", b"", mode=UNIX_FOLDER),
        Member(b"link", b"src", mode=UNIX_LINK),
    ),
    zip_of(
        Member(b"top/", b"", mode=0, made_by=0, central={"attributes": 0x10}),
        Member(b"top/composer.json", COMPOSER_JSON, mode=0, made_by=0),
        Member("top/é.txt".encode(), TEXT, flags=0x800, made_by=0, mode=0, method=DEFLATED),
        comment=b"f814e4776e91aa098963038537010333d9cca5da",
    ),
    zip_of(
        Member(b"composer.json", COMPOSER_JSON, flags=8, behind=descriptor(COMPOSER_JSON, len(COMPOSER_JSON))),
        Member(
            b"a",
            TEXT,
            local={"extra": extra(0x5455, b"\x03aaaabbbb")},
            central={"extra": TIMES + extra(0x7075, b"\x01cccca"), "comment": b"hi"},
        ),
        Member(b"inner.zip", zip_of(Member(b"inner", TEXT))),
    ),
]

TARS = [
    tar_of(
        tar_file(b"src/A.php", TEXT),
        tar_file(b"bin/run", TEXT, mode=0o755),
        tar_header(b"empty/", kind=b"5"),
        tar_link(b"link", b"src"),
        tar_link(b"again", b"bin/run", kind=b"1"),
        tar_file(b"n", b"long/name\0", kind=b"L"),
        tar_file(b"cut", TEXT),
    ),
    pax((b"comment", b"f814e4776e91aa098963038537010333d9cca5da"), kind=b"g")
    + tar_file(b"composer.json", COMPOSER_JSON)
    + pax((b"path", "é.txt".encode()), (b"size", b"400"), (b"mtime", b"1.5"))
    + tar_file(b"e", TEXT)
    + bytes(1024),
]

COMPRESSIONS: list[Callable[[bytes], bytes]] = [bytes, gzip.compress, bz2.compress, lzma.compress]


def mutated_zip(numbers: random.Random) -> bytes:
    """A zip with one to three accidents, most of them in its headers."""
    data = bytearray(numbers.choice(ZIPS))
    for _ in range(numbers.randrange(1, 4)):
        numbers.choice((_in_a_zip_header, _in_a_zip_header, _anywhere))(data, numbers)
    return bytes(data)


def twice_mutated_zip(numbers: random.Random) -> bytes:
    """A zip in which the same accident happened to both descriptions of an entry, so that they agree."""
    data = bytearray(numbers.choice(ZIPS))
    local, central = (_places(data, signature) for signature in (b"PK\x03\x04", b"PK\x01\x02"))
    which = numbers.randrange(min(len(local), len(central)))
    # What both have, from the version needed to the length of the name, stands two bytes later in the directory.
    at, length = numbers.randrange(4, 28), numbers.choice((1, 2, 4))
    value = numbers.choice(NUMBERS) % 256**length if numbers.random() < 0.7 else numbers.randrange(256**length)
    for start in (local[which] + at, central[which] + at + 2):
        data[start : start + length] = value.to_bytes(length, "little")
    if numbers.random() < 0.3:
        _in_a_zip_header(data, numbers)
    return bytes(data)


def renamed_zip(numbers: random.Random) -> bytes:
    """A zip whose names, modes and makers are drawn from what programs disagree about."""
    pieces = ["a", "A", "b", "é", "e\u0301", ";1", "..", "\u2028", "文", "ß", *": ./#%~*['"]
    members = [
        Member(
            "".join(numbers.choices(pieces, k=numbers.randrange(1, 6))).encode() + numbers.choice((b"", b"", b"/")),
            numbers.choice((b"", b"a", TEXT)),
            mode=numbers.choice((0, 0o100644, 0o100755, 0o40755, 0o120777, 0o644, 0o755, 0o107777, 0o100000)),
            made_by=numbers.randrange(32) if numbers.random() < 0.4 else 3,
            flags=numbers.choice((0, 0x800)),
            method=numbers.choice((0, DEFLATED)),
            local=numbers.choice(({}, {"extra": TIMES})),
            central=numbers.choice(({}, {"extra": TIMES})),
        )
        for _ in range(numbers.randrange(1, 5))
    ]
    return zip_of(Member(b"composer.json", COMPOSER_JSON), *members)


def mutated_tar(numbers: random.Random) -> bytes:
    """A tar with one to three accidents and mostly right checksums, then perhaps compressed, perhaps damaged again."""
    data = bytearray(numbers.choice(TARS))
    for _ in range(numbers.randrange(1, 4)):
        numbers.choice((_in_a_tar_header, _in_a_tar_header, _anywhere))(data, numbers)
    packed = bytearray(numbers.choice(COMPRESSIONS)(bytes(data)))
    if numbers.random() < 0.2:
        _anywhere(packed, numbers)
    return bytes(packed)


def _places(data: bytearray, signature: bytes) -> list[int]:
    places: list[int] = []
    at = data.find(signature)
    while at >= 0:
        places.append(at)
        at = data.find(signature, at + 1)
    return places


def _in_a_zip_header(data: bytearray, numbers: random.Random) -> None:
    signatures = (b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06")
    places = [place for signature in signatures for place in _places(data, signature)]
    if places:
        _number_at(data, numbers.choice(places) + numbers.randrange(4, 60), numbers)


def _in_a_tar_header(data: bytearray, numbers: random.Random) -> None:
    if len(data) < 512:
        return
    at = numbers.randrange(len(data) // 512) * 512
    field, length = numbers.choice(((0, 100), (100, 8), (124, 12), (156, 1), (157, 100), (257, 8), (345, 155)))
    kinds = [b"%c" % kind for kind in b"xgLK12570S"]
    new = numbers.choice([b"", b"\xff" * 12, b"7" * 12, b"../a", b"/a", b"a/b", numbers.choice(kinds)])
    data[at + field : at + field + length] = new[:length].ljust(length, b"\0")
    if numbers.random() < 0.9:
        block = data[at : at + 512]
        total = sum(block) - sum(block[148:156]) + 8 * 0x20
        data[at + 148 : at + 156] = b"%06o\0 " % total


def _anywhere(data: bytearray, numbers: random.Random) -> None:
    if not data:
        return
    at = numbers.randrange(len(data))
    length = numbers.randrange(1, 64)
    match numbers.randrange(6):
        case 0:
            data[at] ^= 1 << numbers.randrange(8)
        case 1:
            _number_at(data, at, numbers)
        case 2:
            del data[at : at + length]
        case 3:
            data[at:at] = numbers.randbytes(length)
        case 4:
            data[at:at] = data[at : at + length]
        case _:
            del data[at:]


def _number_at(data: bytearray, at: int, numbers: random.Random) -> None:
    length = numbers.choice((1, 2, 4))
    value = numbers.choice(NUMBERS) % 256**length
    if at + length <= len(data):
        data[at : at + length] = value.to_bytes(length, "little")


def rival_zip(numbers: random.Random) -> bytes:
    """A zip with something like a second directory and end in its last file, and a first one that may be amiss."""
    amiss = {numbers.choice(("needed", "time", "date", "internal")): numbers.choice((0, 1, 10, 20, 33))}
    shown = Member(b"composer.json", COMPOSER_JSON, central=numbers.choice(({}, dict(amiss))))
    start = len(shown.headers(0)[0]) + 30 + len(b"data.bin")
    local, central = Member(b"evil.php", TEXT).headers(start)
    at = start + len(local)
    entries, size = numbers.choice(((1, len(central)), (0, 0), (0, len(central)), (2, len(central))))
    directory = numbers.choice((0, at, at, start, at + len(central), numbers.randrange(500)))
    ends = (
        end_record(entries, size, directory, numbers.choice((0, 0, 1, 100, 190))),
        zip64_end(entries, size, directory, at + len(central)),
        zip_of(),
        zip_of(Member(b"inner", TEXT)),
    )
    behind = b"x" * numbers.choice((0, 0, 1, 100, 70_000))
    return zip_of(shown, Member(b"data.bin", local + central + numbers.choice(ends) + behind))
