"""Packages, their versions, the archives ever served, and the documents rendered from them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from packistry.db.models.base import NEVER_AGAIN, Base
from packistry.db.types import JSONBytes, UTCDateTime


class Package(Base):
    """One name in one repository. A deleted package keeps its row, so that its name, documents and archives go on."""

    __tablename__ = "packages"
    __table_args__ = (
        UniqueConstraint("repository_id", "name"),
        Index(None, "repository_id", "vendor"),
        # All that a search by name looks at, while it is typed: the rows themselves are ten times as much to read.
        Index(None, "name", "repository_id", "deleted_at"),
        # The same for lists that begin with the latest or the most wanted, and for the types there are.
        Index("ix_packages_by_update", "updated_at", "name", "repository_id", "deleted_at"),
        Index("ix_packages_by_downloads", "downloads", "name", "repository_id", "deleted_at"),
        Index("ix_packages_by_type", "type", "repository_id", "deleted_at"),
        NEVER_AGAIN,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    repository_id: Mapped[int] = mapped_column(ForeignKey("repositories.id"))
    name: Mapped[str] = mapped_column(String(255))
    vendor: Mapped[str] = mapped_column(String(255))
    type: Mapped[str] = mapped_column(String(255), default="library")
    description: Mapped[str] = mapped_column(Text, default="")
    # Set by hand: None follows composer.json, "" is abandoned without a replacement, else the replacement's name.
    abandoned: Mapped[str | None] = mapped_column(Text)
    # What clients are told, in the same words: set by hand, else as composer.json of the default branch says.
    shown_abandoned: Mapped[str | None] = mapped_column(Text)
    # Of all versions, purged ones too: adding them up for each search took minutes.
    downloads: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    latest_version: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class Version(Base):
    """One version of a package. A deleted one is out of the metadata; its archives stay until it is purged."""

    __tablename__ = "versions"
    __table_args__ = (UniqueConstraint("package_id", "normalised"), NEVER_AGAIN)

    id: Mapped[int] = mapped_column(primary_key=True)
    package_id: Mapped[int] = mapped_column(ForeignKey("packages.id"))
    version: Mapped[str] = mapped_column(Text)
    normalised: Mapped[str] = mapped_column(Text)
    is_dev: Mapped[bool]
    # The part of composer.json that clients get, as documents.py wants it.
    published: Mapped[bytes] = mapped_column(LargeBinary)
    abandoned: Mapped[str | None] = mapped_column(Text)
    readme_name: Mapped[str | None] = mapped_column(String(255))
    readme: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    warnings: Mapped[list[str]] = mapped_column(JSONBytes)
    released_at: Mapped[datetime] = mapped_column(UTCDateTime)
    first_published_at: Mapped[datetime] = mapped_column(UTCDateTime)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # Deleted by an import, because its ref is gone; what a person deleted, no import brings back.
    withdrawn: Mapped[bool] = mapped_column(default=False, server_default=false())
    default_branch: Mapped[bool] = mapped_column(default=False)
    source: Mapped[dict[str, Any] | None] = mapped_column(JSONBytes)
    # The project it was imported from; None for an upload. No foreign key: a project's row is never taken away.
    project_id: Mapped[int | None] = mapped_column(index=True)
    # The other commit of its tag that an administrator accepted, so that the next import takes it.
    accepted_commit: Mapped[str | None] = mapped_column(String(64))
    # The other commit of its tag that was refused last, so that the audit log has each refusal once.
    refused_commit: Mapped[str | None] = mapped_column(String(64))
    # The archive served now. No foreign key: archives point here, and a circle would need deferred constraints.
    archive_id: Mapped[int]


class Archive(Base):
    """An archive that was served once, and is served for ever under its own address."""

    __tablename__ = "archives"
    __table_args__ = (UniqueConstraint("version_id", "reference"), NEVER_AGAIN)

    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("versions.id", ondelete="CASCADE"))
    reference: Mapped[str] = mapped_column(String(64))
    sha1: Mapped[str] = mapped_column(String(40))
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    # Equal for the same paths, bytes and modes, whatever container they came in.
    content_digest: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    made_at: Mapped[datetime] = mapped_column(UTCDateTime)


class ProvidedName(Base):
    """A virtual name that a live version provides; what providers.json is answered from."""

    __tablename__ = "provided_names"
    __table_args__ = (Index(None, "name"),)

    version_id: Mapped[int] = mapped_column(ForeignKey("versions.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(255), primary_key=True)


class Requirement(Base):
    """A package that a version requires: what dependents are found by. Of a deleted version too, while it is kept."""

    __tablename__ = "requirements"
    __table_args__ = (Index(None, "name", "package_id"),)

    version_id: Mapped[int] = mapped_column(ForeignKey("versions.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    # That of the version.
    package_id: Mapped[int]
    # Only in require-dev.
    is_dev: Mapped[bool]


class Document(Base):
    """A p2 document as rendered at publish time: "vendor/name" or "vendor/name~dev" of one repository.

    The row outlives its package, so that Last-Modified never goes back when a package comes again.
    """

    __tablename__ = "documents"

    repository_id: Mapped[int] = mapped_column(ForeignKey("repositories.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(300), primary_key=True)
    package_id: Mapped[int] = mapped_column(ForeignKey("packages.id", ondelete="CASCADE"), index=True)
    # JSON in which the repository's address is a mark; see composer/metadata.py.
    template: Mapped[bytes] = mapped_column(LargeBinary)
    # Where each version stands in it (composer/metadata.py, Place), so that a change need not render all of it. None in
    # what an older Packistry rendered.
    places: Mapped[Sequence[Sequence[Any]] | None] = mapped_column(JSONBytes)
    # The completed document compressed for `gzip_base`, made at publish when the public address is known.
    gzip: Mapped[bytes | None] = mapped_column(LargeBinary)
    gzip_base: Mapped[str | None] = mapped_column(Text)
    # Whole seconds since 1970, strictly increasing per document.
    last_modified: Mapped[int] = mapped_column(BigInteger)
