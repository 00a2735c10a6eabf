"""Files that no row names are found and deleted; what has a row, or may get one still, is not."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from packistry import clock
from packistry.archives.digests import digest_file
from packistry.house import House
from packistry.packages import sweeping
from packistry.packages.actions import delete_package
from packistry.packages.documents import Address
from packistry.packages.sweeping import UnnamedFile, sweep_files, unnamed_files
from packistry.repositories.actions import delete_repository
from packistry.repositories.queries import find_repository
from packistry.storage.keys import BlobKey, archive_key
from tests import factories
from tests.factories import OPERATOR

DAY = timedelta(days=1)


def test_a_file_without_a_row_is_swept_and_one_with_a_row_is_not(house: House) -> None:
    factories.repository(house)
    kept = archive_key(factories.publish(house).archive.sha256)
    orphan = _stored(house, b"nobody's", age=2 * DAY)
    _age(house, kept, 2 * DAY)

    shown = [file.key for file in unnamed_files(house.database, house.storage, clock.now() - DAY)]
    swept = _sweep(house)

    assert shown == [file.key for file in swept] == [orphan]
    assert not house.storage.exists(orphan)
    assert house.storage.exists(kept)


def test_a_young_file_waits_for_its_row(house: House) -> None:
    young = _stored(house, b"uploaded just now", age=timedelta())

    assert _sweep(house) == []
    assert house.storage.exists(young)


def test_what_was_deleted_is_downloaded_by_locks_and_stays(house: House) -> None:
    factories.repository(house)
    published = factories.publish(house)
    key = archive_key(published.archive.sha256)
    with house.database.write() as session:
        delete_package(session, OPERATOR, published.package, Address(None, "acme"))
        delete_repository(session, OPERATOR, find_repository(session, OPERATOR, "acme"), with_packages=True)
    _age(house, key, 2 * DAY)

    assert _sweep(house) == []
    assert house.storage.exists(key)


def test_a_file_that_got_its_row_after_the_look_stays(house: House) -> None:
    factories.repository(house)
    archive = factories.package_zip()
    orphan = _stored(house, archive, age=2 * DAY)
    [found] = unnamed_files(house.database, house.storage, clock.now() - DAY)
    # The look is over: now somebody publishes the very file.
    assert archive_key(factories.publish(house, archive=archive).archive.sha256) == orphan
    _age(house, orphan, 2 * DAY)

    assert sweep_files(house.database, house.storage, [found], clock.now() - DAY) == []
    assert house.storage.exists(orphan)


def test_more_files_than_one_look_are_all_looked_at(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "BATCH", 2)
    orphans = {_stored(house, b"%d" % number, age=2 * DAY) for number in range(5)}

    assert {file.key for file in _sweep(house)} == orphans


def _sweep(house: House) -> list[UnnamedFile]:
    before = clock.now() - DAY
    return sweep_files(house.database, house.storage, unnamed_files(house.database, house.storage, before), before)


def _stored(house: House, content: bytes, *, age: timedelta) -> BlobKey:
    with house.storage.receive() as incoming:
        incoming.write(content)
        key = archive_key(digest_file(Path(incoming.path)).sha256)
        incoming.keep(key)
    _age(house, key, age)
    return key


def _age(house: House, key: BlobKey, age: timedelta) -> None:
    path = house.storage.local_path(key)
    assert path is not None
    moment = (clock.now() - age).timestamp()
    os.utime(path, (moment, moment))
