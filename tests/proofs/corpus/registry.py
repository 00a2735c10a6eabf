"""A registry to publish the corpus in: uploads as the door makes them, and documents as the worker answers them."""

import hashlib
import io
import json
import time
import zipfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import select, text
from starlette.testclient import TestClient

from packistry import clock
from packistry.app import House, Worker, open_house
from packistry.composer.metadata import expand
from packistry.db.models import Package, Version
from packistry.packages.upload import Upload
from packistry.settings import Settings
from tests import factories
from tests.proofs.corpus.expectation import Published
from tests.proofs.corpus.projects import Offer

REPOSITORY = "corpus"
SOURCE = b"<?php // the one file of this package\n"


@dataclass
class Registry:
    """One installation, with a caller of a worker on it. `publishing` are the seconds that each upload took."""

    house: House
    client: TestClient
    headers: dict[str, str]
    publishing: list[float] = field(default_factory=list[float])

    def publish(self, name: str, offer: Offer) -> Published:
        """Uploads an archive with the offer's manifest and one file; refusals go through."""
        archive = archive_of(offer)
        upload = Upload(repository=REPOSITORY, name=name, version=offer.version, default_branch=offer.default_branch)
        began = clock.now().replace(microsecond=0)
        started = time.perf_counter()
        with self.house.uploads.receive() as incoming:
            incoming.write(archive)
            publication = self.house.uploads.publish(factories.OPERATOR, upload, incoming)
        self.publishing.append(time.perf_counter() - started)
        warnings = tuple(publication.version.warnings)
        return Published(offer, warnings, hashlib.sha1(archive).hexdigest(), began, clock.now())  # noqa: S324

    def documents(self, name: str) -> tuple[list[dict[str, Any]], ...]:
        """The two p2 documents, still minified, as the worker answers them."""
        return tuple(self._document(name, suffix) for suffix in ("", "~dev"))

    def versions(self, documents: Sequence[list[dict[str, Any]]]) -> dict[str, dict[str, Any]]:
        """What a client makes of them."""
        return {one["version_normalized"]: one for document in documents for one in expand(document)}

    def archive_at(self, url: str) -> bytes:
        """The bytes behind a dist's address."""
        answer = self.client.get(url, headers=self.headers)
        assert answer.status_code == 200, f"{url}: {answer.status_code}"
        return answer.content

    def latest_version(self, name: str) -> str | None:
        """The version that lists of packages show; None for a package that is not there."""
        with self.house.database.read() as session:
            return session.scalars(select(Package.latest_version).where(Package.name == name)).one_or_none()

    def counts(self) -> tuple[int, int]:
        """How many packages and versions there are."""
        with self.house.database.read() as session:
            return len(session.scalars(select(Package.id)).all()), len(session.scalars(select(Version.id)).all())

    def database_bytes(self) -> int:
        """The size of the database on the disk."""
        path = self.house.settings.sqlite_path
        if path is not None:
            return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))
        with self.house.database.read() as session:
            return session.execute(text("SELECT pg_database_size(current_database())")).scalar_one()

    def storage_bytes(self) -> int:
        """The sizes of all archives."""
        return sum(self.house.storage.size(key) for key in self.house.storage.keys())  # noqa: SIM118 no dictionary

    def _document(self, name: str, suffix: str) -> list[dict[str, Any]]:
        answer = self.client.get(f"/r/{REPOSITORY}/p2/{name}{suffix}.json", headers=self.headers)
        assert answer.status_code == 200, f"{name}{suffix}: {answer.status_code}"
        return orjson.loads(answer.content)["packages"][name]


@contextmanager
def opened(settings: Settings) -> Generator[Registry]:
    """A registry on these settings, with a repository for the corpus and a token that reads it."""
    with open_house(settings) as house, TestClient(Worker(settings), base_url="http://packistry.test") as client:
        factories.repository(house, REPOSITORY)
        token = factories.deploy_token(house, REPOSITORY)
        yield Registry(house, client, {"Authorization": f"Bearer {token}"})


def archive_of(offer: Offer) -> bytes:
    """A zip of the manifest and one file; stored, as what is measured is not how fast Python compresses."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("package/composer.json", json.dumps(offer.manifest, ensure_ascii=False))
        archive.writestr("package/src.php", SOURCE)
    return target.getvalue()
