"""Packages as rows alone: access asks for nothing else of them, and publishing costs archives and files."""

from datetime import UTC, datetime

from sqlalchemy import select

from packistry.db.models import Package, Repository
from packistry.house import House

THEN = datetime(2026, 1, 1, tzinfo=UTC)


def package(house: House, path: str, name: str) -> int:
    """A new package without versions in the repository at this path; its id."""
    with house.database.write() as session:
        found = session.scalars(select(Repository.id).where(Repository.path == path, Repository.deleted_at.is_(None)))
        row = Package(
            repository_id=found.one(),
            name=name,
            vendor=name.partition("/")[0],
            created_at=THEN,
            updated_at=THEN,
        )
        session.add(row)
        session.flush()
        return row.id
