"""Removing files that no row names any more. Mixes files and rows, under the hold that an upload takes too."""

from collections.abc import Iterable

from sqlalchemy import select

from packistry.db.engine import Database
from packistry.db.models import Archive
from packistry.db.statements import hold
from packistry.storage.base import BlobStorage
from packistry.storage.keys import archive_key


def remove_unnamed_files(database: Database, storage: BlobStorage, digests: Iterable[str]) -> int:
    """Deletes those of these files (by sha256) that no archive names; returns how many. Run after the rows are gone."""
    removed = 0
    for sha256 in sorted(set(digests)):
        key = archive_key(sha256)
        with database.write() as session:
            hold(session, key)
            if session.execute(select(Archive.id).where(Archive.sha256 == sha256).limit(1)).first() is None:
                storage.delete(key)
                removed += 1
    return removed
