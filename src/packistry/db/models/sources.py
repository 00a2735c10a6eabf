"""Sources, the projects that were added from them, and the runs that bring their refs in."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from packistry.db.models.base import NEVER_AGAIN, Base
from packistry.db.types import JSONBytes, UTCDateTime


class Source(Base):
    """One connected code host. A deleted one keeps its row, so that runs and versions go on naming it."""

    __tablename__ = "sources"
    __table_args__ = (NEVER_AGAIN,)

    id: Mapped[int] = mapped_column(primary_key=True)
    # Unique among those that live; that is asked for in the write, since a deleted one gives its name back.
    name: Mapped[str] = mapped_column(String(255))
    provider: Mapped[str] = mapped_column(String(40))
    # The whole base address, path included, without a slash at its end.
    address: Mapped[str] = mapped_column(Text)
    # What sealing.py made of the secret fields.
    credential: Mapped[bytes] = mapped_column(LargeBinary)
    settings: Mapped[dict[str, str]] = mapped_column(JSONBytes)
    # Refs that are worked on at once.
    concurrency: Mapped[int]
    # Why the host took the credential for bad the last time; None while it is good.
    credential_refused: Mapped[str | None] = mapped_column(Text)
    credential_expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    last_contact_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # Until then the host wants to hear nothing from us.
    waits_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class Project(Base):
    """One directory of a git repository on a source, and the repository of ours that it goes to."""

    __tablename__ = "projects"
    __table_args__ = (UniqueConstraint("source_id", "remote_id", "repository_id", "directory"), NEVER_AGAIN)

    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id"))
    repository_id: Mapped[int] = mapped_column(ForeignKey("repositories.id"), index=True)
    # The host's own id, which a rename or a transfer leaves as it is.
    remote_id: Mapped[str] = mapped_column(Text)
    # "" is the whole project; else without slashes at its ends.
    directory: Mapped[str] = mapped_column(Text, default="")
    full_name: Mapped[str] = mapped_column(Text)
    web_url: Mapped[str] = mapped_column(Text)
    clone_url: Mapped[str] = mapped_column(Text)
    default_branch: Mapped[str | None] = mapped_column(Text)
    archived: Mapped[bool] = mapped_column(default=False)
    # None until the first import found a name.
    package_id: Mapped[int | None] = mapped_column(ForeignKey("packages.id"), index=True)
    # Patterns of names, as fnmatch reads them; of none, all are taken.
    tags: Mapped[list[str]] = mapped_column(JSONBytes)
    branches: Mapped[list[str]] = mapped_column(JSONBytes)
    synced_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class ImportRun(Base):
    """One bringing in of a project's refs: waiting, running, then done, failed or cancelled."""

    __tablename__ = "import_runs"
    __table_args__ = (Index(None, "state", "priority", "id"), NEVER_AGAIN)

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    cause: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20))
    # Lower is sooner.
    priority: Mapped[int]
    # Whether the host was asked for its refs, so that the rows below are all there are.
    listed: Mapped[bool] = mapped_column(default=False)
    # Not before then: the host is unreachable, or wants us to wait.
    due_at: Mapped[datetime] = mapped_column(UTCDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class ImportRef(Base):
    """One branch or tag in a run, and what became of it."""

    __tablename__ = "import_refs"
    __table_args__ = (UniqueConstraint("run_id", "kind", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("import_runs.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(Text)
    # Empty when the ref is gone from the host.
    commit: Mapped[str] = mapped_column(String(64))
    # Its turn among the refs of the run.
    position: Mapped[int]
    state: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str | None] = mapped_column(Text)
    version_id: Mapped[int | None] = mapped_column(ForeignKey("versions.id", ondelete="SET NULL"))
    finished_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
