"""Looking whether every archive that the database names is in the storage. Reads files and rows, changes nothing."""

from sqlalchemy import select

from packistry.archives.digests import digest_file
from packistry.db.engine import Database
from packistry.db.models import Archive
from packistry.errors import NotFound
from packistry.storage.base import BlobStorage
from packistry.storage.keys import archive_key


def archive_problems(database: Database, storage: BlobStorage, *, digests: bool = False) -> tuple[int, list[str]]:
    """How many archives were looked for, and a sentence for each that is missing or has the wrong size.

    With `digests` every byte is read and compared too: minutes for a large storage.
    """
    with database.read() as session:
        rows = session.execute(select(Archive.sha256, Archive.size_bytes).distinct().order_by(Archive.sha256)).all()
    problems = [_problem(storage, sha256, size_bytes, digests=digests) for sha256, size_bytes in rows]
    return len(rows), [problem for problem in problems if problem is not None]


def _problem(storage: BlobStorage, sha256: str, size_bytes: int, *, digests: bool) -> str | None:
    key = archive_key(sha256)
    try:
        size = storage.size(key)
    except NotFound:
        return f"The archive {key} is missing; restore it from a backup."
    if size != size_bytes:
        return f"The archive {key} has {size} bytes instead of {size_bytes}; restore it from a backup."
    path = storage.local_path(key) if digests else None
    if path is not None and digest_file(path).sha256 != sha256:
        return f"The archive {key} has other bytes than its name says; restore it from a backup."
    return None
