"""What every storage promises; each test runs over all of them."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from packistry.errors import NotFound
from packistry.storage.base import BlobDamaged, BlobStorage
from packistry.storage.keys import BlobKey, archive_key
from packistry.storage.local import LocalStorage
from packistry.storage.memory import MemoryStorage

HELLO = archive_key(hashlib.sha256(b"hello").hexdigest())


def _memory(_: Path) -> BlobStorage:
    return MemoryStorage()


@pytest.fixture(params=[LocalStorage, _memory], ids=["local", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStorage:
    make: Callable[[Path], BlobStorage] = request.param
    return make(tmp_path / "storage")


def keep(storage: BlobStorage, data: bytes, key: BlobKey = HELLO) -> None:
    with storage.receive() as incoming:
        incoming.write(data)
        incoming.keep(key)


def test_kept_file_is_read_back(storage: BlobStorage) -> None:
    keep(storage, b"hello")

    with storage.open(HELLO) as file:
        assert file.read() == b"hello"
    assert (storage.exists(HELLO), storage.size(HELLO), list(storage.keys())) == (True, 5, [HELLO])


def test_opened_file_can_be_read_in_parts(storage: BlobStorage) -> None:
    keep(storage, b"hello")

    with storage.open(HELLO) as file:
        file.seek(1)
        assert (file.read(2), file.tell()) == (b"el", 3)


def test_pieces_are_appended_and_readable_before_they_are_kept(storage: BlobStorage) -> None:
    with storage.receive() as incoming:
        lengths = [incoming.write(b"hel"), incoming.write(b""), incoming.write(b"lo")]

        assert (lengths, incoming.path.read_bytes()) == ([3, 0, 2], b"hello")


def test_incoming_file_is_invisible_and_gone_without_keep(storage: BlobStorage) -> None:
    with storage.receive() as incoming:
        incoming.write(b"hello")
        path = incoming.path

        assert (storage.exists(HELLO), list(storage.keys())) == (False, [])

    assert (path.exists(), list(storage.keys())) == (False, [])


def test_incoming_file_is_gone_after_a_failure(storage: BlobStorage) -> None:
    paths: list[Path] = []

    def fail() -> None:
        with storage.receive() as incoming:
            paths.append(incoming.path)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert [path.exists() for path in paths] == [False]


def test_incoming_file_is_gone_after_keep(storage: BlobStorage) -> None:
    with storage.receive() as incoming:
        incoming.write(b"hello")
        incoming.keep(HELLO)
        path = incoming.path

    assert (path.exists(), storage.exists(HELLO)) == (False, True)


def test_two_files_are_received_at_once(storage: BlobStorage) -> None:
    with storage.receive() as one, storage.receive() as other:
        one.write(b"one")
        other.write(b"other")

        assert (one.path.read_bytes(), other.path.read_bytes()) == (b"one", b"other")


def test_same_bytes_again_are_kept_once(storage: BlobStorage) -> None:
    keep(storage, b"hello")
    keep(storage, b"hello")

    assert (list(storage.keys()), storage.size(HELLO)) == ([HELLO], 5)


@pytest.mark.parametrize("other", [b"hell", b"hellO"])
def test_other_bytes_under_a_key_are_a_fault_and_change_nothing(other: bytes, storage: BlobStorage) -> None:
    keep(storage, b"hello")

    with pytest.raises(BlobDamaged):
        keep(storage, other)

    with storage.open(HELLO) as file:
        assert file.read() == b"hello"


def test_time_of_keeping_is_the_last_one(storage: BlobStorage) -> None:
    before = datetime.now(UTC)
    keep(storage, b"hello")
    first = storage.kept_at(HELLO)
    keep(storage, b"hello")

    # File systems cut times to some milliseconds.
    assert before - timedelta(seconds=1) < first <= storage.kept_at(HELLO) < datetime.now(UTC) + timedelta(seconds=1)


def test_deleted_file_is_gone_and_may_be_deleted_again(storage: BlobStorage) -> None:
    keep(storage, b"hello")

    storage.delete(HELLO)
    storage.delete(HELLO)

    assert (storage.exists(HELLO), list(storage.keys())) == (False, [])


def test_deleted_file_can_be_kept_again(storage: BlobStorage) -> None:
    keep(storage, b"hello")
    storage.delete(HELLO)

    keep(storage, b"hello")

    assert storage.size(HELLO) == 5


def test_missing_file_is_not_found(storage: BlobStorage) -> None:
    for read in (storage.open, storage.size, storage.kept_at):
        with pytest.raises(NotFound, match="restore it from a backup"):
            read(HELLO)


def test_sweep_takes_nothing_that_lives(storage: BlobStorage) -> None:
    keep(storage, b"hello")

    with storage.receive() as incoming:
        incoming.write(b"hello")
        swept = storage.sweep()

        assert (swept, incoming.path.read_bytes(), storage.exists(HELLO)) == (0, b"hello", True)


def test_forged_key_reaches_no_file(storage: BlobStorage) -> None:
    forged = BlobKey("../outside")

    for use in (storage.open, storage.size, storage.exists, storage.kept_at, storage.delete, storage.local_path):
        with pytest.raises(ValueError, match="not a key"):
            use(forged)
    with pytest.raises(ValueError, match="not a key"):
        keep(storage, b"", forged)


def test_local_path_leads_to_the_bytes_where_there_is_one(storage: BlobStorage) -> None:
    keep(storage, b"hello")

    path = storage.local_path(HELLO)

    assert path is None or path.read_bytes() == b"hello"
