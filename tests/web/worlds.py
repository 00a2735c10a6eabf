"""Whole registries with every kind of caller, for the table of cases: made once, because nothing in it changes them."""

import base64
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select, update
from starlette.testclient import TestClient

from packistry.access.grants import Grant
from packistry.access.permissions import Role
from packistry.access.secrets import TokenKind, mint
from packistry.accounts.actions import update_user
from packistry.app import Worker
from packistry.db.models import Repository, Token, TokenSecret, User
from packistry.house import House, open_house
from packistry.packages.documents import dist_path
from packistry.settings import Settings
from packistry.tokens.actions import revoke_token, rotate_token
from tests import factories
from tests.factories import OPERATOR, PASSWORD

ROOT, SUB = "", "acme"
LIB = factories.package_zip("acme/lib", version="1.0.0")
# What a private repository and a public one are called here, and one that leaves unknown names to the next repository.
KINDS: dict[str, dict[str, bool]] = {
    "private": {"public": False},
    "public": {"public": True},
    "unclaimed": {"public": False, "claims_vendors": False},
}

Headers = dict[str, str]


@dataclass
class World:
    """The root and /r/acme, both of one kind and with the same packages, and a private /r/elsewhere."""

    house: House
    client: TestClient
    # Addresses of the archives by (repository, package), below the repository's base.
    dists: dict[tuple[str, str], str]
    _callers: dict[tuple[str, str], Headers] = field(default_factory=dict[tuple[str, str], Headers])

    def caller(self, name: str, path: str) -> Headers:
        """The Authorization header of this kind of caller, as seen from the repository at `path`."""
        if (name, path) not in self._callers:
            self._callers[name, path] = CALLERS[name](self.house, path)
        return self._callers[name, path]

    def ask(self, method: str, path: str, rest: str, caller: Headers, **options: Any) -> Any:
        """The answer of the repository at `path`."""
        return self.client.request(method, base(path) + rest, headers=caller, **options)


def base(path: str) -> str:
    """A repository's address without a trailing slash."""
    return f"/r/{path}" if path else ""


@contextmanager
def world(settings: Settings, kind: str) -> Generator[World]:
    """A world of this kind on these settings."""
    with open_house(settings) as house, TestClient(Worker(settings), base_url="http://packistry.test") as client:
        factories.repository(house, SUB, **KINDS[kind])
        factories.repository(house, "elsewhere")
        with house.database.write() as session:
            session.execute(update(Repository).where(Repository.path == ROOT).values(**KINDS[kind]))
        dists: dict[tuple[str, str], str] = {}
        for path in (ROOT, SUB):
            for name in ("acme/lib", "acme/other", "beta/tool"):
                archive = LIB if name == "acme/lib" else None
                made = factories.publish(house, name, "1.0.0", repository=path, archive=archive)
                dists[path, name] = dist_path(name, made.version.id, made.archive.reference)
        yield World(house, client, dists)


def settings_in(folder: Path, migrated: Path) -> Settings:
    """Settings with a data folder of their own, and a copy of this migrated SQLite database."""
    folder.mkdir()
    shutil.copy(migrated, folder / "packistry.sqlite3")
    return Settings(data_dir=folder)


def bearer(token: str) -> Headers:
    return {"Authorization": f"Bearer {token}"}


def basic(username: str, password: str) -> Headers:
    return {"Authorization": "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()}


def _deploy(*packages: str, abilities: str) -> Callable[[House, str], Headers]:
    """A deploy token tied to the repository, or to these packages of it."""

    def make(house: House, path: str) -> Headers:
        grants = [Grant(path, package) for package in packages] or [Grant(path)]
        return bearer(factories.deploy_token(house, *grants, abilities=abilities))

    return make


def _tied_elsewhere(path: str | None, abilities: str = "read write") -> Callable[[House, str], Headers]:
    """A deploy token tied to the repository at `path`; None is the other one of the two."""

    def make(house: House, here: str) -> Headers:
        neighbour = SUB if here == ROOT else ROOT
        return bearer(factories.deploy_token(house, neighbour if path is None else path, abilities=abilities))

    return make


def _personal(
    *, role: Role = Role.USER, write: bool | None = None, abilities: str = "read write", active: bool = True
) -> Callable[[House, str], Headers]:
    """A personal token of a new user who was given the repository; write=None gives nothing."""

    def make(house: House, path: str) -> Headers:
        user_id = _user(house, path, role=role, write=write)
        token = factories.personal_token(house, user_id, abilities=abilities)
        if not active:
            with house.database.write() as session:
                update_user(session, OPERATOR, session.get_one(User, user_id), active=False)
        return bearer(token)

    return make


def _password(*, role: Role = Role.USER) -> Callable[[House, str], Headers]:
    """E-mail and password of a new user who may write here."""

    def make(house: House, path: str) -> Headers:
        user_id = _user(house, path, role=role, write=True)
        return basic(_email(house, user_id), PASSWORD)

    return make


def _user(house: House, path: str, *, role: Role, write: bool | None) -> int:
    with house.database.read() as session:
        email = f"user-{len(session.scalars(select(User.id)).all())}@example.test"
    return factories.user(house, email, *([] if write is None else [Grant(path, write=write)]), role=role)


def _email(house: House, user_id: int) -> str:
    with house.database.read() as session:
        return session.get_one(User, user_id).email


def _expired(house: House, path: str) -> Headers:
    token = factories.deploy_token(house, path, name=f"expired-{path}")
    with house.database.write() as session:
        row = session.scalars(select(Token).where(Token.name == f"expired-{path}")).one()
        row.expires_at = datetime(2026, 3, 5, tzinfo=UTC)
    return bearer(token)


def _revoked(house: House, path: str) -> Headers:
    token = factories.deploy_token(house, path, name=f"revoked-{path}")
    with house.database.write() as session:
        row = session.scalars(select(Token).where(Token.name == f"revoked-{path}")).one()
        revoke_token(session, OPERATOR, row)
    return bearer(token)


def _rotated(house: House, path: str) -> Headers:
    token = factories.deploy_token(house, path, name=f"rotated-{path}")
    with house.database.write() as session:
        row = session.scalars(select(Token).where(Token.name == f"rotated-{path}")).one()
        rotate_token(session, OPERATOR, row, overlap=timedelta())
    return bearer(token)


def _wrong_prefix(house: House, path: str) -> Headers:
    """The secret of a deploy token, shown as if it were a person's."""
    token = factories.deploy_token(house, path, abilities="read write")
    return bearer(token.replace("pkdt-", "pkpat-"))


def _php_product(house: House, path: str) -> Headers:
    """A token taken over from the PHP product by its digest alone; see tests/access/test_secrets.py."""
    from tests.access.test_secrets import PHP_TOKEN

    name = f"php-{path}"
    factories.deploy_token(house, path, name=name)
    body = PHP_TOKEN if path == ROOT else _php_token("Z9y8X7w6V5u4T3s2R1q0" * 2)
    with house.database.write() as session:
        row = session.scalars(select(Token).where(Token.name == name)).one()
        secret = session.scalars(select(TokenSecret).where(TokenSecret.token_id == row.id)).one()
        secret.digest = _digest(body)
    return bearer(body)


def _php_token(body: str) -> str:
    import zlib

    return f"pkdt-{body}{zlib.crc32(body.encode()):08x}"


def _digest(token: str) -> str:
    import hashlib

    return hashlib.sha256(token.partition("-")[2].encode()).hexdigest()


CALLERS: dict[str, Callable[[House, str], Headers]] = {
    "nobody": lambda _house, _path: {},
    "nonsense": lambda _house, _path: bearer("nonsense"),
    "unknown token": lambda _house, _path: bearer(mint(TokenKind.DEPLOY).plain),
    "expired": _expired,
    "revoked": _revoked,
    "rotated": _rotated,
    "wrong prefix": _wrong_prefix,
    "PHP product": _php_product,
    "reader": _deploy(abilities="read"),
    "writer": _deploy(abilities="read write"),
    "only writes": _deploy(abilities="write"),
    "one package": _deploy("acme/lib", abilities="read write"),
    "reads one package": _deploy("acme/lib", abilities="read"),
    "tied elsewhere": _tied_elsewhere("elsewhere"),
    "tied next door": _tied_elsewhere(None),
    "only writes elsewhere": _tied_elsewhere("elsewhere", "write"),
    "user without grants": _personal(),
    "user who may read": _personal(write=False),
    "user who may write": _personal(write=True),
    "may write, reads": _personal(write=True, abilities="read"),
    "administrator": _personal(role=Role.ADMINISTRATOR),
    "admin, reads": _personal(role=Role.ADMINISTRATOR, abilities="read"),
    "user switched off": _personal(write=True, active=False),
    "password": _password(),
    "admin's password": _password(role=Role.ADMINISTRATOR),
}
