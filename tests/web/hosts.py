"""Deliveries of every code host, and the rows that they are about: no host is asked for anything."""

import hmac
import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from starlette.testclient import TestClient

from packistry.db.models import Hook, ImportRef, ImportRun, Repository, Source
from packistry.house import House
from packistry.providers.base import Project as HostProject
from packistry.sealing import Sealer
from packistry.settings import secret_key
from packistry.sources.actions import add_project, add_source
from packistry.sources.hooks import HookSecrets, seal_secrets
from tests.factories import OPERATOR
from tests.fakes.host import Delivery

SECRET = "secret-of-the-hook"


@dataclass
class Hooked:
    """A project of a host, added to the repository acme with a hook that has a secret."""

    house: House
    client: TestClient
    source_id: int
    project_id: int
    provider: str

    @property
    def address(self) -> str:
        """The project's own."""
        return f"{self.shared_address}/{self.project_id}"

    @property
    def shared_address(self) -> str:
        """The one of all projects of the source."""
        return f"/r/acme/incoming/{self.provider}/{self.source_id}"

    def post(self, delivery: Delivery, address: str | None = None) -> Any:
        return self.client.post(address or self.address, content=delivery.body, headers=dict(delivery.headers))

    def refs(self) -> dict[str, tuple[str, str]]:
        """Of every ref that a run waits for, its kind and its commit, which is not known yet."""
        with self.house.database.read() as session:
            return {row.name: (row.kind, row.commit) for row in session.scalars(select(ImportRef))}

    def runs(self) -> list[ImportRun]:
        with self.house.database.read() as session:
            return list(session.scalars(select(ImportRun).order_by(ImportRun.id)))

    def source(self) -> Source:
        with self.house.database.read() as session:
            return session.get_one(Source, self.source_id)


def hook(
    house: House, client: TestClient, provider: str, remote_id: str = "acme/widgets.git", **options: Any
) -> Hooked:
    """The project with this id at the host, added as a person adds it."""
    with house.database.write() as session:
        source = add_source(
            session,
            OPERATOR,
            name=provider,
            provider=provider,
            address="https://code.example.test",
            credential=b"",
            settings={},
        )
    return add(house, client, source, remote_id, **options)


def add(
    house: House,
    client: TestClient,
    source: Source,
    remote_id: str,
    *,
    repository: str = "acme",
    secret: str = SECRET,
    **options: Any,
) -> Hooked:
    """One more project of the source."""
    sealer = Sealer([secret_key(house.settings)])
    found = HostProject(remote_id, "acme/widgets", "https://code.example.test", "https://code.example.test", "main")
    with house.database.write() as session:
        target = session.scalars(select(Repository).where(Repository.path == repository)).one()
        project = add_project(session, OPERATOR, source, target, found, **options)
        row = session.scalars(select(Hook).filter_by(remote_id=remote_id, repository_id=target.id)).one()
        row.secret = seal_secrets(sealer, HookSecrets(secret))
        return Hooked(house, client, source.id, project.id, source.provider)


def git_delivery(secret: str = SECRET, body: bytes | None = None, **fields: str) -> Delivery:
    """As the script of docs/guides/plain-git.md posts it."""
    sent = body if body is not None else json.dumps({"project": "acme/widgets.git", **fields}).encode()
    signature = hmac.new(secret.encode(), sent, "sha256").hexdigest()
    return Delivery({"content-type": "application/json", "x-hub-signature-256": f"sha256={signature}"}, sent)


def unsigned(delivery: Delivery) -> Delivery:
    """The delivery, its signature taken away."""
    kept = {name: value for name, value in delivery.headers.items() if "signature" not in name and "token" not in name}
    return Delivery(kept, delivery.body)


def altered(delivery: Delivery) -> Delivery:
    """Another body under the same signature; where a token stands for one, another token."""
    headers = {name: value + "x" if "token" in name else value for name, value in delivery.headers.items()}
    return Delivery(headers, delivery.body + b" ")
