"""`make chaos`: the server is killed in the middle of uploads again and again; every answered upload must be there.
Then the same in the middle of an import, which is in `chaos_imports`.

Run as `python -m tests.proofs.chaos [--only imports] [--database sqlite] [--rounds 20] [--uploads 200] [--refs 400]
[--seed 1]`; ends with 1 when anything was lost.
"""

import argparse
import hashlib
import json
import random
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from packistry.app import House
from packistry.db.models import Archive, Document, Version
from packistry.storage.keys import archive_key
from packistry.storage.local import LocalStorage
from tests import factories
from tests.postgresql import Cluster, running_cluster
from tests.proofs.chaos_imports import Plan, killed_while_importing
from tests.proofs.killing import kill_everything, opened
from tests.proofs.uploading import Promise, Uploader
from tests.server import Installation

DATABASES = ("sqlite", "postgresql")


@dataclass(frozen=True)
class Round:
    """What one kill cost."""

    promised: int
    lost: list[str]
    rows_without_file: int
    versions_without_document: int
    left_behind: int

    @property
    def is_good(self) -> bool:
        return not (self.lost or self.rows_without_file or self.versions_without_document or self.left_behind)


def killed_while_uploading(
    installation: Installation, token: str, uploads: int, after_promises: int, *, repository: str = "acme"
) -> Round:
    """One round: upload, kill once so many were answered, start again; is everything that was promised there?"""
    with installation.serve(workers=2) as server:
        uploader = Uploader(server.port, token, repository)
        worker = threading.Thread(target=uploader.run, args=(uploads,))
        worker.start()
        while len(uploader.promises) < after_promises and worker.is_alive():
            time.sleep(0.001)
        kill_everything(server)
        worker.join()
    with installation.serve(workers=1) as server:
        checker = Uploader(server.port, token, repository)
        lost = [reason for promise in uploader.promises if (reason := broken_promise(checker, promise))]
        lost += [f"refused: {refusal}" for refusal in uploader.refused]
        with opened(installation) as house:
            return Round(len(uploader.promises), lost, *inconsistencies(house))


def broken_promise(checker: Uploader, promise: Promise) -> str | None:
    """Why an answered upload is not as it was promised; None when it is."""
    status, body = checker.get(f"/r/{checker.repository}/p2/{promise.package}.json")
    listed = [entry["version"] for entry in json.loads(body)["packages"][promise.package]] if status == 200 else []
    if promise.version not in listed:
        return f"{promise.package} {promise.version} is not in the metadata"
    status, body = checker.get(promise.dist)
    if hashlib.sha1(body).hexdigest() != promise.sha1:  # noqa: S324
        return f"{promise.package} {promise.version}: {status}, other bytes"
    return None


def inconsistencies(house: House) -> tuple[int, int, int]:
    """Rows without their file, live versions that no document names, temporary files left behind."""
    storage = house.storage
    assert isinstance(storage, LocalStorage)
    with house.database.read() as session:
        digests = session.scalars(select(Archive.sha256)).all()
        documents = b"".join(session.scalars(select(Document.template)).all())
        versions = session.scalars(select(Version.version)).all()
        assert session.execute(select(func.count()).select_from(Version)).scalar_one() == len(versions)
    without_file = sum(not storage.exists(archive_key(digest)) for digest in digests)
    unnamed = sum(b'"version":"%b"' % version.encode() not in documents for version in versions)
    return without_file, unnamed, len(list(storage.incoming.iterdir()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("uploads", "imports"))
    parser.add_argument("--database", choices=DATABASES)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--uploads", type=int, default=200)
    parser.add_argument("--refs", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with running_cluster() as cluster, tempfile.TemporaryDirectory() as folder:
        good = True
        for name in [options.database] if options.database else DATABASES:
            if options.only != "imports":
                installation = _fresh(Path(folder, name, "uploads"), name, cluster)
                good &= prove(name, installation, options.rounds, options.uploads, chance)
            if options.only != "uploads":
                installation = _fresh(Path(folder, name, "imports"), name, cluster)
                story = killed_while_importing(installation, Plan(options.refs, options.rounds, 2, chance))
                good &= not story.faults
                print(f"{name} import of {options.refs} refs, {story}", flush=True)
    return 0 if good else 1


def _fresh(folder: Path, name: str, cluster: Cluster) -> Installation:
    """An installation with nothing in it."""
    installation = Installation(folder / "data", None if name == "sqlite" else cluster.url(cluster.create()))
    installation.data_dir.mkdir(parents=True)
    return installation


def prove(name: str, installation: Installation, rounds: int, uploads: int, chance: random.Random) -> bool:
    """All rounds on one database, one after the other on the same data; prints a line per round."""
    good = True
    for number in range(rounds):
        with opened(installation) as house:
            # Each round publishes the same names anew in a repository of its own.
            path = f"round-{number}"
            factories.repository(house, path)
            token = factories.deploy_token(house, path, abilities="read write")
        result = killed_while_uploading(installation, token, uploads, chance.randrange(1, uploads), repository=path)
        good &= result.is_good
        print(f"{name} round {number + 1}: {result.promised} promised, {'all there' if result.is_good else result}")
    return good


if __name__ == "__main__":
    sys.exit(main())
