"""Filling a registry quickly: rows in bulk, and documents rendered by the functions that publishing uses.

What is seeded differs from what is uploaded in one thing: digests of archives are made up, because a hundred thousand
real zips would only fill the disk. Nothing seeded is downloaded; the cases that download upload for themselves.
"""

import hashlib
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import func, insert, select, text

from packistry.composer.manifest import read_manifest
from packistry.composer.metadata import BASE_MARK, PublishedVersion, pack, write_document
from packistry.db.engine import WriteSession
from packistry.db.models import Archive, Base, Document, Package, Version
from packistry.house import House
from packistry.packages.documents import DEV_SUFFIX, dist_path

BEGINNING: Final = datetime(2024, 1, 1, tzinfo=UTC)
# Rows go in by so many packages at once: memory stays small at 100,000.
BATCH: Final = 500
VENDOR: Final = "acme"


@dataclass(frozen=True)
class Seed:
    """What to fill a repository with: this many packages of this many versions each, numbered from `first`."""

    repository_id: int
    packages: int
    versions: int
    first: int = 0

    @property
    def names(self) -> list[str]:
        """The packages' names."""
        return [package_name(number) for number in range(self.first, self.first + self.packages)]


def package_name(number: int) -> str:
    """The name of the seeded package with this number."""
    return f"{VENDOR}/package-{number:06}"


def manifest(name: str, requires: dict[str, str] | None = None, **keys: Any) -> dict[str, Any]:
    """A composer.json of ordinary size: about a kilobyte, as the middle one of real projects has."""
    return {
        "name": name,
        "description": "Everything that a shop needs to know of its orders, kept where others can read it",
        "type": "library",
        "license": "MIT",
        "keywords": ["orders", "shop", "events", "symfony"],
        "homepage": "https://shop.example.test/orders",
        "authors": [
            {"name": "Ada Example", "email": "ada@example.test", "role": "Developer"},
            {"name": "Grace Example", "email": "grace@example.test"},
        ],
        "support": {"issues": "https://shop.example.test/issues", "source": "https://shop.example.test/source"},
        "require": requires or {"php": ">=8.1", "ext-json": "*", "psr/log": "^3.0", "symfony/console": "^6.4 || ^7.0"},
        "require-dev": {"phpunit/phpunit": "^10.5", "phpstan/phpstan": "^1.10", "friendsofphp/php-cs-fixer": "^3.40"},
        "autoload": {"psr-4": {"Shop\\Orders\\": "src/"}},
        "autoload-dev": {"psr-4": {"Shop\\Orders\\Tests\\": "tests/"}},
        "extra": {"branch-alias": {"dev-main": "2.x-dev"}},
        **keys,
    }


def fill(house: House, seed: Seed) -> None:
    """Packages, versions, archives and documents, as publishing leaves them where no public address is set."""
    tables = (Package, Version, Archive)
    with house.database.read() as session:
        last = [session.execute(select(func.max(table.id))).scalar_one() or 0 for table in tables]
    ids = [itertools.count(number + 1) for number in last]
    for start in range(seed.first, seed.first + seed.packages, BATCH):
        rows = _Rows(seed.repository_id, *ids)
        for number in range(start, min(start + BATCH, seed.first + seed.packages)):
            rows.add_package(number, seed.versions)
        with house.database.write() as session:
            rows.insert(session)
    if not house.database.is_sqlite:
        with house.database.write() as session:
            for table in tables:
                _skip_taken_ids(session, table.__tablename__)


class _Rows:
    """Rows of some packages. Ids are given here, so that rows can name each other before they are inserted."""

    def __init__(
        self, repository_id: int, package_ids: Iterator[int], version_ids: Iterator[int], archive_ids: Iterator[int]
    ) -> None:
        self._repository_id = repository_id
        self._package_ids, self._version_ids, self._archive_ids = package_ids, version_ids, archive_ids
        self._rows: dict[type[Base], list[dict[str, Any]]] = {
            table: [] for table in (Package, Version, Archive, Document)
        }

    def insert(self, session: WriteSession) -> None:
        for table, rows in self._rows.items():
            session.execute(insert(table), rows)

    def add_package(self, number: int, versions: int) -> None:
        package_id, name = next(self._package_ids), package_name(number)
        row = {"id": package_id, "repository_id": self._repository_id, "name": name, "vendor": VENDOR}
        about = {"type": "library", "description": "Everything that a shop needs", "latest_version": "1.0.0"}
        updated = BEGINNING + timedelta(minutes=number)
        self._rows[Package].append({**row, **about, "created_at": BEGINNING, "updated_at": updated})
        entries = [self._add_version(package_id, name, which) for which in range(versions)]
        for document, published in ((name, entries), (name + DEV_SUFFIX, [])):
            row = {"repository_id": self._repository_id, "name": document, "package_id": package_id}
            modified = int(BEGINNING.timestamp()) + number
            written = write_document(name, published)
            content = {"template": written.document, "places": [tuple(place) for place in written.places]}
            self._rows[Document].append({**row, **content, "last_modified": modified})

    def _add_version(self, package_id: int, name: str, number: int) -> PublishedVersion:
        version_id, archive_id = next(self._version_ids), next(self._archive_ids)
        spelled, released = f"{number // 10}.{number % 10}.0", BEGINNING + timedelta(days=number)
        sha1, sha256 = (hashlib.new(kind, f"{name} {spelled}".encode()).hexdigest() for kind in ("sha1", "sha256"))
        published = _published(number // 4)
        row = {"id": version_id, "package_id": package_id, "archive_id": archive_id, "published": published}
        spelling = {"version": spelled, "normalised": f"{spelled}.0", "is_dev": False, "default_branch": False}
        dates = dict.fromkeys(("released_at", "first_published_at", "updated_at"), released)
        self._rows[Version].append({**row, **spelling, **dates, "warnings": []})
        row = {"id": archive_id, "version_id": version_id, "reference": sha256, "sha1": sha1, "sha256": sha256}
        self._rows[Archive].append({**row, "content_digest": sha256, "size_bytes": 100_000, "made_at": released})
        url = BASE_MARK + dist_path(name, version_id, sha256)
        return PublishedVersion(
            name=name,
            version=spelled,
            version_normalized=f"{spelled}.0",
            published=published,
            dist={"type": "zip", "url": url, "reference": sha256, "shasum": sha1},
            published_time=released,
            time=released,
        )


def _skip_taken_ids(session: WriteSession, table: str) -> None:
    """PostgreSQL counts ids itself and does not see those that were given."""
    taken = f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"  # noqa: S608 our own names
    session.execute(text(taken))


@cache
def _published(era: int) -> bytes:
    """The composer.json of a few neighbouring versions: what they require changes now and then."""
    requires = {"php": ">=8.1", "ext-json": "*", "psr/log": "^3.0", "symfony/console": f"^6.{era} || ^7.0"}
    read = read_manifest(json.dumps(manifest("acme/any", requires)).encode())
    return pack(read.published)
