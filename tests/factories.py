"""The smallest valid things: archives, versions, tokens and users, made through the same actions as anybody's."""

import io
import itertools
import json
import zipfile
from datetime import datetime
from typing import Any

from packistry.access.actors import System
from packistry.access.grants import Grant
from packistry.access.permissions import Ability, Role
from packistry.access.secrets import hash_password
from packistry.accounts.actions import create_user
from packistry.app import House
from packistry.packages.publishing import Publication
from packistry.packages.upload import Upload
from packistry.repositories.actions import create_repository
from packistry.tokens.actions import create_deploy_token, create_personal_token

OPERATOR = System()
PASSWORD = "correct horse battery"
# argon2 takes 0.2 s: once is enough for all users of a test run.
_password_hash: list[str] = []
_numbers = itertools.count(1)


def zip_of(files: dict[str, str | bytes], *, top: str = "package") -> bytes:
    """A zip of these files in one top folder, or at the root with top=""."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(f"{top}/{name}" if top else name, text)
    return target.getvalue()


def package_zip(name: str = "acme/lib", *, files: dict[str, str | bytes] | None = None, **manifest: Any) -> bytes:
    """A zip with this composer.json and perhaps more files."""
    return zip_of({"composer.json": json.dumps({"name": name, **manifest}), **(files or {})})


def repository(house: House, path: str = "acme", **options: Any) -> int:
    """A new repository; its id."""
    with house.database.write() as session:
        return create_repository(session, OPERATOR, name=path, path=path, **options).id


def publish(
    house: House,
    name: str = "acme/lib",
    version: str | None = "1.0.0",
    *,
    repository: str = "acme",
    archive: bytes | None = None,
    default_branch: bool = False,
    **manifest: Any,
) -> Publication:
    """Publishes a version as an upload by the operator does."""
    upload = Upload(repository=repository, name=name, version=version, default_branch=default_branch)
    with house.storage.receive() as incoming:
        incoming.write(archive or package_zip(name, **manifest))
        return house.uploads.publish(OPERATOR, upload, incoming)


def deploy_token(
    house: House,
    *grants: Grant | str,
    abilities: str = "read",
    name: str | None = None,
    expires_at: datetime | None = None,
) -> str:
    """The secret of a new deploy token tied to these grants, or to the repositories at these paths."""
    with house.database.write() as session:
        _, secret = create_deploy_token(
            session,
            OPERATOR,
            name=name or f"token-{next(_numbers)}",
            grants=[Grant(grant) if isinstance(grant, str) else grant for grant in grants],
            abilities=_abilities(abilities),
            expires_at=expires_at,
        )
    return secret.plain


def user(house: House, email: str = "ada@example.test", *grants: Grant, role: Role = Role.USER) -> int:
    """A new user with the password PASSWORD; the id."""
    if not _password_hash:
        _password_hash.append(hash_password(PASSWORD))
    with house.database.write() as session:
        made = create_user(
            session, OPERATOR, name="Ada", email=email, password_hash=_password_hash[0], role=role, grants=grants
        )
        return made.id


def personal_token(house: House, user_id: int, *, abilities: str = "read", name: str | None = None) -> str:
    """The secret of a new personal token of the user."""
    from packistry.db.models import User

    with house.database.write() as session:
        _, secret = create_personal_token(
            session,
            OPERATOR,
            session.get_one(User, user_id),
            name=name or f"token-{next(_numbers)}",
            abilities=_abilities(abilities),
        )
    return secret.plain


def _abilities(words: str) -> frozenset[Ability]:
    return frozenset(Ability(f"repository:{word}") for word in words.split())
