"""A registry that runs, the repositories in it that tests publish to, and what a client asked of it."""

import itertools
import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
from sqlalchemy import select

from packistry.access.grants import Grant
from packistry.access.secrets import digest_of
from packistry.app import House, open_house
from packistry.db.changes import token_key
from packistry.db.engine import ReadSession, WriteSession
from packistry.db.models import Package, Token, TokenSecret
from packistry.packages.actions import delete_version, update_package
from packistry.packages.documents import Address, repository_base
from packistry.packages.publishing import Publication
from packistry.packages.queries import VersionSummary, find_package_named, find_version, list_versions
from packistry.settings import Settings
from packistry.tokens.actions import revoke_token
from tests import factories
from tests.composer.client import Client, ComposerProject, Result
from tests.factories import OPERATOR
from tests.server import Installation

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Registry:
    """A server that answers at `url`, and the house behind it as tests fill it."""

    house: House
    url: str

    def shelf(self, path: str | None = None, **options: Any) -> "Shelf":
        """A repository of its own, or the one at this path; the options are those of create_repository."""
        number = next(_numbers)
        if path is None:
            path = f"shelf-{number}"
            factories.repository(self.house, path, **options)
        return Shelf(self.house, self.url, path, f"acme{number}-co")


@contextmanager
def running_registry(settings: Settings, *, port: int | None = None) -> Generator[Registry]:
    """A registry with these settings; one worker is enough for one client."""
    with open_house(settings) as house:
        variables = {"download_flush_seconds": "0.1"} | (
            {"public_url": settings.public_url} if settings.public_url else {}
        )
        with Installation(settings.data_dir, settings.database_url, variables).serve(port=port) as server:
            yield Registry(house, server.url if settings.public_url is None else settings.public_url)


@dataclass(frozen=True)
class Shelf:
    """One repository of a running registry, with a vendor nobody else has: the root is shared by all tests."""

    house: House
    server_url: str
    path: str
    vendor: str

    @property
    def url(self) -> str:
        """What a client is pointed at."""
        return repository_base(self.server_url, self.path)

    @property
    def host(self) -> str:
        """What a client keeps credentials under."""
        return urlsplit(self.url).netloc

    def sharing(self, other: "Shelf") -> "Shelf":
        """The same repository with the vendor of another one."""
        return Shelf(self.house, self.server_url, self.path, other.vendor)

    def elsewhere(self) -> "Shelf":
        """A public repository with another vendor, in the place of Packagist."""
        number = next(_numbers)
        factories.repository(self.house, f"elsewhere-{number}", public=True)
        return Shelf(self.house, self.server_url, f"elsewhere-{number}", f"symfony{number}-co")

    def name(self, short: str = "lib") -> str:
        """The full name of a package of this vendor."""
        return f"{self.vendor}/{short}"

    def publish(self, short: str = "lib", version: str = "1.0.0", **options: Any) -> Publication:
        """Publishes a version of a package of this vendor; the options are those of factories.publish."""
        return factories.publish(self.house, self.name(short), version, repository=self.path, **options)

    def upload(self, archive: bytes, short: str = "lib", version: str | None = "1.0.0", *, token: str) -> int:
        """Sends an archive as a CI job does; the status."""
        fields = {} if version is None else {"version": version}
        address, headers = f"{self.url}/{self.name(short)}", {"Authorization": f"Bearer {token}"}
        return httpx2.post(address, headers=headers, data=fields, files={"file": archive}).status_code

    def token(self, *packages: str, **options: Any) -> str:
        """A new deploy token for the repository, or only for these packages of it."""
        grants = [Grant(self.path, self.name(short)) for short in packages] or [Grant(self.path)]
        return factories.deploy_token(self.house, *grants, **options)

    def delete(self, short: str, version: str) -> None:
        """Takes a version out of the metadata."""
        with self.house.database.write() as session:
            package = self._package(session, short)
            found = find_version(session, package, version)
            delete_version(session, OPERATOR, package, found, Address(None, self.path))

    def abandon(self, short: str, replacement: str = "") -> None:
        """Marks a package abandoned."""
        with self.house.database.write() as session:
            address = Address(None, self.path)
            update_package(session, OPERATOR, self._package(session, short), abandoned=replacement, address=address)

    def versions(self, short: str = "lib") -> dict[str, VersionSummary]:
        """The versions of a package with their counts, as written so far."""
        with self.house.database.read() as session:
            package = self._package(session, short)
            return {version.version: version for version in list_versions(session, package)}

    def _package(self, session: ReadSession, short: str) -> Package:
        return find_package_named(session, OPERATOR, self.name(short), path=self.path)[0]


def expire(house: House, secret: str, at: datetime) -> None:
    """Lets a token have run out at `at`: a new one cannot be made that way."""
    with house.database.write() as session:
        token = _token(session, secret)
        token.expires_at = at
        session.changed(token_key(token.id))


def revoke(house: House, secret: str) -> None:
    """Revokes the token."""
    with house.database.write() as session:
        revoke_token(session, OPERATOR, _token(session, secret))


def _token(session: WriteSession, secret: str) -> Token:
    held = select(Token).join(TokenSecret, TokenSecret.token_id == Token.id)
    return session.execute(held.where(TokenSecret.digest == digest_of(secret))).scalar_one()


@dataclass
class Projects:
    """Makes projects of one client, each with a home of its own unless one is given."""

    client: Client
    folder: Path

    def __call__(
        self,
        *repositories: "Shelf | str | Mapping[str, Any]",
        token: str | None = None,
        home: Path = Path(),
        require: Mapping[str, str] | None = None,
        minimum_stability: str = "stable",
    ) -> ComposerProject:
        """A project that knows these repositories, with a bearer token for them."""
        entries = [entry.url if isinstance(entry, Shelf) else entry for entry in repositories]
        project = self._project(entries, home)
        if token is not None:
            project.bearer(token)
        project.write(require, **{"minimum-stability": minimum_stability})
        return project

    def of_colleague(self, other: ComposerProject) -> ComposerProject:
        """Another checkout of the project with its lock: same credentials, cold cache, nothing installed."""
        copied = self._project(other.repositories)
        for name in ("composer.json", "composer.lock"):
            (copied.folder / name).write_bytes((other.folder / name).read_bytes())
        if (other.home / "auth.json").exists():
            (copied.home / "auth.json").write_bytes((other.home / "auth.json").read_bytes())
        return copied

    def _project(self, repositories: Sequence[str | Mapping[str, Any]], home: Path = Path()) -> ComposerProject:
        folder = self.folder / f"project-{next(_numbers)}"
        # Without a version of its own the project is looked for in git, hg, fossil and svn, at every command.
        return ComposerProject(self.client, folder, repositories, home, {"COMPOSER_ROOT_VERSION": "1.0.0"})


def asked(result: Result, *, below: str = "") -> list[tuple[int, str]]:
    """What a command run with -vvv asked: status and address, of all hosts or only below an address, which is cut off.

    In the order of the answers.
    """
    found = re.findall(r"\[(\d{3})\] (http\S+)", result.output)
    return [(int(status), address.removeprefix(below)) for status, address in found if address.startswith(below)]
