"""An example of each document. They are documents, so that they have every key and no other."""

from datetime import UTC, datetime
from typing import Any, Final

from packistry.documents.subjects import (
    GrantDocument,
    NewTokenDocument,
    PackageDocument,
    PurgedDocument,
    RepositoryDocument,
    TokenDocument,
    UploadDocument,
    UserDocument,
    VersionDocument,
)

_MADE: Final = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
_SEEN: Final = datetime(2026, 11, 20, 16, 5, tzinfo=UTC)
_SHA1: Final = "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12"
_SHA256: Final = "d7a8fbb307d7809469ca9abcb0082e4f8d5651e46d3cdb762d02d0bf37c9e592"
_SECRET: Final = "pkdt-5fK2mQ9…"
_GRANT: Final = GrantDocument("acme", None, write=True)
_TOKEN: Final[dict[str, Any]] = {
    "id": 3,
    "name": "ci",
    "user": None,
    "hints": ["pkdt-5fK2mQ9"],
    "abilities": ["read"],
    "created_at": _MADE,
    "expires_at": None,
    "last_used_at": _SEEN,
    "last_used_address": "192.0.2.7",
    "last_used_client": "Composer/2.9.2",
    "grants": [_GRANT],
}

EXAMPLES: Final[dict[type, Any]] = {
    GrantDocument: _GRANT,
    RepositoryDocument: RepositoryDocument(
        id=2,
        path="acme",
        name="Acme",
        description="Ours",
        public=False,
        claims_vendors=True,
        packages=12,
        url="https://packages.example.com/r/acme",
    ),
    PackageDocument: PackageDocument(
        id=7,
        repository="acme",
        name="acme/lib",
        type="library",
        description="A library",
        latest_version="1.4.0",
        abandoned=None,
        downloads=512,
    ),
    VersionDocument: VersionDocument(
        id=31,
        version="1.4.0",
        normalised="1.4.0.0",
        reference=_SHA256,
        sha1=_SHA1,
        sha256=_SHA256,
        size_bytes=20_480,
        released_at=_MADE,
        first_published_at=_MADE,
        default_branch=False,
        deleted=False,
        downloads=40,
        installs=35,
        warnings=[],
    ),
    UploadDocument: UploadDocument(
        file="lib.zip",
        outcome="published",
        repository="acme",
        package="acme/lib",
        version="1.4.0",
        version_id=31,
        reference=_SHA256,
        sha256=_SHA256,
        warnings=[],
        error=None,
    ),
    PurgedDocument: PurgedDocument("acme/lib 1.4.0", 1),
    TokenDocument: TokenDocument(**_TOKEN),
    NewTokenDocument: NewTokenDocument(
        **_TOKEN,
        token=_SECRET,
        old_valid_until=None,
        commands=["composer config --global bearer.packages.example.com pkdt-5fK2mQ9…"],
    ),
    UserDocument: UserDocument(
        id=5,
        name="Ada",
        email="ada@example.com",
        role="user",
        active=True,
        created_at=_MADE,
        last_seen_at=_SEEN,
        grants=[_GRANT],
    ),
}
