"""Zips that only look right: each is refused with a sentence that says what to do."""

import zipfile
from pathlib import Path

import pytest

from packistry.archives.limits import Limits
from packistry.archives.reader import read_archive
from packistry.errors import ArchiveTooLarge, InvalidArchive
from tests.archives.hostile import (
    COMPOSER_JSON,
    DEFLATED,
    UNIX_EXECUTABLE,
    UNIX_FILE,
    UNIX_FOLDER,
    UNIX_LINK,
    Member,
    deflated,
    descriptor,
    end_record,
    extra,
    package,
    zip64_end,
    zip_of,
)

ROOT = Member(b"composer.json", COMPOSER_JSON)
A = b"a" * 100
TIMES = extra(0x5455, b"\x01abcd")
NESTED = zip_of(Member(b"inner.txt", b"inner"))


def _lying(field: str, value: int | bytes) -> Member:
    """A file whose local header says something else than the directory."""
    return Member(b"a.txt", A, local={field: value})


def _overlapping() -> bytes:
    """Two entries of the directory over one piece of data: any number of files from nothing."""
    one = Member(b"a.txt", A)
    return zip_of(ROOT, one, Member(b"b.txt", A, central={"name": b"a.txt", "offset": len(ROOT.headers(0)[0])}))


def rival(kind: str) -> bytes:
    """A zip with a second directory in the data of its last file, and an end record that points to it. The right
    directory is made a little wrong, so that ext-zip prefers the other one.
    """
    shown = Member(b"composer.json", COMPOSER_JSON, central={"needed": 10})
    start = len(shown.headers(0)[0]) + 30 + len(b"data.bin")
    local, central = Member(b"evil.php", A).headers(start)
    ends = {
        "plain": end_record(1, len(central), start + len(local)),
        "empty": end_record(0, 0, 0),
        "zip64": zip64_end(1, len(central), start + len(local), start + len(local) + len(central)),
    }
    return zip_of(shown, Member(b"data.bin", local + central + ends[kind]))


RIGHT = {
    "stored and deflated": package(Member(b"a.txt", A), Member(b"b.txt", A, method=DEFLATED)),
    "an empty file, stored and deflated": package(Member(b"a", b""), Member(b"b", b"", method=DEFLATED)),
    "a data descriptor with its signature": package(
        Member(b"a", A, flags=8, local={"crc": 0, "packed": 0, "size": 0}, behind=descriptor(A, 100))
    ),
    "a data descriptor without": package(
        Member(b"a", A, flags=8, local={"crc": 0, "packed": 0, "size": 0}, behind=descriptor(A, 100, signed=False))
    ),
    "a data descriptor besides a full local header": package(Member(b"a", A, flags=8, behind=descriptor(A, 100))),
    "a comment, as git writes it": zip_of(ROOT, comment=b"f814e4776e91aa098963038537010333d9cca5da"),
    "a file marked as text": package(Member(b"a", A, central={"internal": 1})),
    "a comment of an entry": zip_of(ROOT, Member(b"a", A, central={"comment": b"hello"})),
    "times in extra fields": package(Member(b"a", A, local={"extra": extra(0x5455, b"\x01abcd")})),
    "the same name once more in an extra field": package(
        Member("é".encode(), A, central={"extra": extra(0x7075, b"\x01abcd" + "é".encode())})
    ),
    "UTF-8 from Unix without the flag, as Info-ZIP writes it": package(Member("é".encode(), A)),
    "UTF-8 with the flag and times, from DOS, as git writes it": package(
        Member("é".encode(), A, flags=0x800, made_by=0, local={"extra": TIMES}, central={"extra": TIMES})
    ),
    "no modes at all": zip_of(Member(b"composer.json", COMPOSER_JSON, mode=0, made_by=0)),
    "a directory in another order than the data": zip_of(Member(b"b", A), ROOT, Member(b"a", A)),
    "a folder that was deflated to two bytes": package(Member(b"d/", b"", mode=UNIX_FOLDER, method=DEFLATED)),
    "a stored zip among the files": package(Member(b"fixtures/inner.zip", NESTED)),
    "an empty stored zip among the files": package(Member(b"fixtures/empty.zip", zip_of())),
    "an older local version": package(Member(b"a", A, local={"needed": 10})),
    "a link within": package(Member(b"bin/run", b"../a", mode=UNIX_LINK), Member(b"a", A)),
}


@pytest.mark.parametrize("data", RIGHT.values(), ids=RIGHT)
def test_right_zip_is_read(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(data)

    contents = read_archive(tmp_path / "a.zip", Limits())

    assert (contents.format, contents.composer_json) == ("zip", COMPOSER_JSON)


# name of the attack or accident: the zip, and words of the answer
WRONG: dict[str, tuple[bytes, str]] = {
    "cut off in its directory": (package(Member(b"a.txt", A))[:-30], "cut off, its end is missing"),
    "cut off in the end record": (package()[:-1], "cut off, its end is missing"),
    "nothing but its first bytes": (b"PK\x03\x04", "cut off, its end is missing"),
    "a program before it": (zip_of(ROOT, before=b"PK\x03\x04"), "hidden around"),
    "a program before it, offsets not corrected": (b"PK\x03\x04 run me" + package(), "other bytes before it"),
    "bytes behind its end": (zip_of(ROOT, behind=b"more"), "behind its end"),
    "a comment longer than it says": (zip_of(ROOT, comment=b"abc", end={"comment_bytes": 2}), "behind its end"),
    "a comment shorter than it says": (zip_of(ROOT, comment=b"abc", end={"comment_bytes": 4}), "behind its end"),
    "a second end in the comment": (zip_of(ROOT, comment=zip_of()), "other bytes before it or before its end"),
    "an entry between data and directory": (
        zip_of(ROOT, hidden=Member(b"evil.php", A).headers(0)[0]),
        "hidden before its directory",
    ),
    "bytes between two entries": (zip_of(Member(b"a", A, behind=b"hidden"), ROOT), "hidden around"),
    "bytes between directory and end": (zip_of(ROOT, behind_directory=b"more"), "before its end"),
    "entries that share their data": (_overlapping(), "hidden around"),
    "more entries than counted": (zip_of(ROOT, Member(b"a", A), end={"here": 1, "total": 1}), "in its directory"),
    "fewer entries than counted": (zip_of(ROOT, end={"here": 2, "total": 2}), "in its directory"),
    "a directory that is none": (
        zip_of(ROOT, end={"directory": 0, "size": len(zip_of(ROOT)) - 22}),
        "in its directory",
    ),
    "one part of several": (zip_of(ROOT, end={"disk": 1}), "one part of several"),
    "a directory on another disk": (zip_of(ROOT, end={"directory_disk": 1}), "one part of several"),
    "another count on this disk": (zip_of(ROOT, end={"here": 0}), "one part of several"),
    "an entry on another disk": (zip_of(Member(b"composer.json", A, central={"disk": 1})), "needs another unzip"),
    "zip64 by its count, which is too much anyway": (
        zip_of(ROOT, end={"here": 0xFFFF, "total": 0xFFFF}),
        "more than the 50,000 files and folders",
    ),
    "zip64 by its offset": (zip_of(ROOT, end={"directory": 0xFFFFFFFF}), "zip64"),
    "zip64 by its locator": (zip_of(ROOT, behind_directory=b"PK\x06\x07" + b"\0" * 16), "zip64"),
    "zip64 by an extra field": (package(Member(b"a", A, central={"extra": extra(1, b"\0" * 8)})), "zip64"),
    "zip64 by a local extra field": (package(Member(b"a", A, local={"extra": extra(1, b"\0" * 8)})), "zip64"),
    "a rival end record in the data": (rival("plain"), "near its end"),
    "a rival zip64 end record in the data": (rival("zip64"), "near its end"),
    "a rival empty end record in the data": (rival("empty"), "in two ways"),
    "a version nobody has": (package(Member(b"a", A, central={"needed": 63})), "needs another unzip"),
    "a password": (package(Member(b"a", A, flags=1)), "is encrypted"),
    "masked headers": (package(Member(b"a", A, flags=0x2000)), "is encrypted"),
    "AES": (package(Member(b"a", A, central={"extra": extra(0x9901, b"\0" * 7)})), "is encrypted"),
    "a patch": (package(Member(b"a", A, flags=0x20)), "uses a feature"),
    "bzip2": (package(Member(b"a", A, method=12)), "compressed with bzip2"),
    "a method nobody knows": (package(Member(b"a", A, method=77)), "compressed with method 77"),
    "a mode in an ASi extra field": (package(Member(b"a", A, central={"extra": extra(0x756E, b"\0" * 14)})), "extra"),
    "another name in an extra field": (
        package(Member(b"a", A, central={"extra": extra(0x7075, b"\x01abcdevil")})),
        "in the extra fields",
    ),
    "another name in a local extra field": (
        package(Member(b"a", A, local={"extra": extra(0x7075, b"\x01abcdevil")})),
        "in the extra fields",
    ),
    "an extra field longer than its record": (package(Member(b"a", A, central={"extra": b"UT\xff\0"})), "extra"),
    "an extra field of three bytes": (package(Member(b"a", A, central={"extra": b"UT\0"})), "in the extra fields"),
    "another local name": (package(_lying("name", b"b.txt")), "in two ways"),
    "another local method": (package(_lying("method", DEFLATED)), "in two ways"),
    "other local flags": (package(_lying("flags", 2)), "in two ways"),
    "a newer local version": (package(_lying("needed", 21)), "in two ways"),
    "another local time": (package(_lying("time", 1)), "in two ways"),
    "another local date": (package(_lying("date", 34)), "in two ways"),
    "another local checksum": (package(_lying("crc", 1)), "in two ways"),
    "another local size": (package(_lying("size", 1)), "in two ways"),
    "another local packed size": (package(_lying("packed", 99)), "in two ways"),
    "an empty local header without a descriptor": (
        package(Member(b"a.txt", A, local={"crc": 0, "packed": 0, "size": 0})),
        "in two ways",
    ),
    "a descriptor that is missing": (package(Member(b"a", A, flags=8)), "in two ways"),
    "a descriptor that lies": (package(Member(b"a", A, flags=8, behind=descriptor(A, 99))), "in two ways"),
    "no local header": (zip_of(Member(b"composer.json", A, central={"offset": 7})), "hidden around"),
    "something else than a local header": (
        zip_of(ROOT).replace(b"PK\x03\x04", b"PK\x05\x06", 1),
        "before",
    ),
    "a wrong checksum": (package(Member(b"a", A, local={"crc": 1}, central={"crc": 1})), "checksum is wrong"),
    "less data than it says": (
        package(Member(b"a", A, local={"size": 101}, central={"size": 101})),
        "checksum is wrong",
    ),
    "more data than it says": (
        package(Member(b"a", A, method=DEFLATED, local={"size": 9}, central={"size": 9})),
        "unpacks to more than",
    ),
    "more data than the file has": (
        package(Member(b"a", A, local={"size": 9999, "packed": 9999}, central={"size": 9999, "packed": 9999})),
        "damaged",
    ),
    "data that cannot be inflated": (package(Member(b"a", A, method=DEFLATED, packed=b"\xff" * 9)), "is damaged"),
    "data that ends too early": (
        package(Member(b"a", A, method=DEFLATED, packed=deflated(A)[:-1])),
        "is damaged",
    ),
    "data that goes on behind its end": (
        package(Member(b"a", A, method=DEFLATED, packed=deflated(A) + b"more")),
        "is damaged",
    ),
    "blocks of data behind its end": (
        package(Member(b"a", A, method=DEFLATED, packed=deflated(A) + b"\0" * 200_000)),
        "is damaged",
    ),
    "bytes in a folder": (package(Member(b"d/", A, mode=UNIX_FOLDER)), "in the folder"),
    "a folder by its mode alone": (package(Member(b"d", b"", mode=UNIX_FOLDER)), "not by both"),
    "a folder by its DOS attribute alone": (package(Member(b"d", b"", central={"attributes": 0x10})), "not by both"),
    "a link by its mode and a folder by its name": (package(Member(b"d/", b"x", mode=UNIX_LINK)), "not by both"),
    "a device": (package(Member(b"d", b"", mode=0o020644)), "is no file, folder or link"),
    "a pipe": (package(Member(b"d", b"", mode=0o010644)), "is no file, folder or link"),
    "a link that was not made on Unix": (package(Member(b"d", b"a", mode=UNIX_LINK, made_by=0)), "is no file"),
    "a link target of two kilobytes": (package(Member(b"d", b"a" * 2000, mode=UNIX_LINK)), "longer than 1,024"),
    "a link target that is not UTF-8": (package(Member(b"d", b"\xff", mode=UNIX_LINK)), "not UTF-8"),
    "a name in a DOS code page": (package(Member("é".encode(), A, made_by=0)), "unzip and PHP read differently"),
    "a UTF-8 name from DOS without extra fields": (
        package(Member("é".encode(), A, flags=0x800, made_by=0)),
        "unzip and PHP",
    ),
    "a UTF-8 name from DOS without a local extra field": (
        package(Member("é".encode(), A, flags=0x800, made_by=0, central={"extra": TIMES})),
        "unzip and PHP",
    ),
    "a file from BeOS": (package(Member(b"a", A, made_by=16)), "needs another unzip"),
    "a name in Latin-1": (package(Member(b"\xe9", A)), "is not UTF-8"),
    "a name in Latin-1 marked as UTF-8": (package(Member(b"\xe9", A, flags=0x800)), "is not UTF-8"),
    "a name of two kilobytes": (package(Member(b"a" * 2000, A)), "longer than 1,024"),
    "a name without letters": (package(Member(b"", A)), "is empty"),
    "a folder without a name": (package(Member(b"/", b"", mode=UNIX_FOLDER)), "is empty"),
    "a path from the current folder": (package(Member(b"./a", A)), "between two slashes"),
}


@pytest.mark.parametrize(("data", "words"), WRONG.values(), ids=WRONG)
def test_wrong_zip_is_refused_with_the_reason(data: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(data)

    with pytest.raises(InvalidArchive) as refusal:
        read_archive(tmp_path / "a.zip", Limits())

    assert words in refusal.value.sentence
    assert refusal.value.field == "archive"


def test_entry_that_declares_less_than_it_holds_is_stopped_at_the_first_byte_too_many(tmp_path: Path) -> None:
    bomb = deflated(b"\0" * 60_000_000, level=9)
    member = Member(b"a", b"", method=DEFLATED, packed=bomb)
    (tmp_path / "a.zip").write_bytes(package(member))

    with pytest.raises(InvalidArchive, match="unpacks to more than the zip says"):
        read_archive(tmp_path / "a.zip", Limits())


def test_bomb_is_refused_by_what_its_headers_say(tmp_path: Path) -> None:
    zeros = Member(b"a", b"\0" * 60_000_000, method=DEFLATED)
    (tmp_path / "a.zip").write_bytes(package(zeros))

    with pytest.raises(ArchiveTooLarge, match="more than 100 times its size"):
        read_archive(tmp_path / "a.zip", Limits())


def test_more_than_the_allowed_bytes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(package(Member(b"a", A)))

    with pytest.raises(ArchiveTooLarge, match="unpacks to more than the 100 bytes allowed"):
        read_archive(tmp_path / "a.zip", Limits(unpacked_bytes=100))


def test_hundred_thousand_entries_are_refused_by_their_count(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zip_of(ROOT, end={"here": 50_001, "total": 50_001}))

    with pytest.raises(ArchiveTooLarge, match="more than the 50,000 files and folders"):
        read_archive(tmp_path / "a.zip", Limits())


def test_zip64_that_python_writes_ahead_is_refused_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive, archive.open("composer.json", "w", force_zip64=True) as entry:
        entry.write(b"{}")

    with pytest.raises(InvalidArchive, match="uses zip64"):
        read_archive(path, Limits())


def test_zip64_by_its_count_is_refused_where_so_many_entries_are_allowed(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zip_of(ROOT, end={"here": 0xFFFF, "total": 0xFFFF}))

    with pytest.raises(InvalidArchive, match="uses zip64"):
        read_archive(tmp_path / "a.zip", Limits(entries=1_000_000))


@pytest.mark.parametrize(
    ("member", "is_executable", "why"),
    [
        (Member(b"a", A, mode=UNIX_EXECUTABLE), True, "made on Unix with the bit"),
        (Member(b"a", A, mode=UNIX_FILE), False, "made on Unix without it"),
        (Member(b"a", A, mode=0o100654), False, "only the owner's bit counts, as in git"),
        (Member(b"a", A, mode=UNIX_EXECUTABLE, made_by=0), False, "unzip takes no mode from a zip made on DOS"),
        (Member(b"a", A, mode=0, made_by=10), False, "no mode at all"),
    ],
)
def test_executable_bit_is_read_as_unzip_reads_it(
    member: Member, *, is_executable: bool, why: str, tmp_path: Path
) -> None:
    (tmp_path / "given.zip").write_bytes(package(member))
    (tmp_path / "plain.zip").write_bytes(package(Member(b"a", A)))

    given = read_archive(tmp_path / "given.zip", Limits()).content_digest
    plain = read_archive(tmp_path / "plain.zip", Limits()).content_digest

    assert (given != plain) == is_executable, why
