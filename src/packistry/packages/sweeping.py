"""Sweeping files that no row names: a crash between storing a file and writing its row leaves one, as does a kill
during a purge. Mixes files and rows, under the hold that an upload takes too.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select

from packistry.db.engine import Database
from packistry.db.models import Archive
from packistry.db.statements import hold
from packistry.errors import NotFound
from packistry.storage.base import BlobStorage
from packistry.storage.keys import BlobKey, digest_of

# Files whose rows one statement looks for; below what SQLite takes as parameters.
BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class UnnamedFile:
    """A stored file that no row of any repository names, deleted ones included."""

    key: BlobKey
    size_bytes: int
    kept_at: datetime


def unnamed_files(database: Database, storage: BlobStorage, before: datetime) -> Iterator[UnnamedFile]:
    """Those kept before that moment: of a younger one the row may not be written yet. Reads the names of all files."""
    batch: list[BlobKey] = []
    for key in storage.keys():  # noqa: SIM118 it is no dictionary
        batch.append(key)
        if len(batch) == BATCH:
            yield from _unnamed(database, storage, batch, before)
            batch = []
    yield from _unnamed(database, storage, batch, before)


def sweep_files(
    database: Database, storage: BlobStorage, files: Iterable[UnnamedFile], before: datetime
) -> list[UnnamedFile]:
    """Deletes them, and returns those that were: whatever was named or kept again since the look stays."""
    return [file for file in files if _delete(database, storage, file, before)]


def _unnamed(
    database: Database, storage: BlobStorage, keys: Sequence[BlobKey], before: datetime
) -> Iterator[UnnamedFile]:
    digests = {digest_of(key): key for key in keys}
    with database.read() as session:
        named = set(session.scalars(select(Archive.sha256).where(Archive.sha256.in_(digests))))
    for digest, key in digests.items():
        file = None if digest in named else _looked_at(storage, key)
        if file is not None and file.kept_at < before:
            yield file


def _delete(database: Database, storage: BlobStorage, file: UnnamedFile, before: datetime) -> bool:
    """Under the hold nobody writes a row for the file; who does so later looks whether it is there."""
    with database.write() as session:
        hold(session, file.key)
        named = select(Archive.id).where(Archive.sha256 == digest_of(file.key)).limit(1)
        now = _looked_at(storage, file.key)
        if now is None or now.kept_at >= before or session.execute(named).first() is not None:
            return False
        storage.delete(file.key)
    return True


def _looked_at(storage: BlobStorage, key: BlobKey) -> UnnamedFile | None:
    """None when it is gone by now."""
    try:
        return UnnamedFile(key, storage.size(key), storage.kept_at(key))
    except NotFound:
        return None
