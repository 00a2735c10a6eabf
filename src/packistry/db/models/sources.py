"""Sources, the projects that were added from them, the hooks that tell of pushes, and the runs that bring refs in."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, false, true
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
    # The end of the credential that was warned of last.
    expiry_warned_for: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # With how many days left that was; 0 when it had ended.
    expiry_warned_days: Mapped[int | None]
    # Deliveries that were not signed as they should be: counted, never read.
    refused_deliveries: Mapped[int] = mapped_column(default=0, server_default="0")
    refused_delivery_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class Rule(Base):
    """All projects of an organisation, group or workspace, those of tomorrow too; patterns leave some out."""

    __tablename__ = "source_rules"
    __table_args__ = (NEVER_AGAIN,)

    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id"), index=True)
    repository_id: Mapped[int] = mapped_column(ForeignKey("repositories.id"), index=True)
    # "" is all that the credential sees.
    owner: Mapped[str] = mapped_column(Text)
    # Patterns of full names; of none, all are taken. "!" before one leaves out.
    projects: Mapped[list[str]] = mapped_column(JSONBytes)
    # What each project gets that is added by the rule.
    tags: Mapped[list[str]] = mapped_column(JSONBytes)
    branches: Mapped[list[str]] = mapped_column(JSONBytes)
    hooked: Mapped[bool]
    with_archived: Mapped[bool]
    looked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # Why the last look at the host came to nothing.
    problem: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class ProjectLook(Base):
    """Whether a project of a host was a Composer package when it was looked at, so that not each look has to ask."""

    __tablename__ = "project_looks"

    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id"), primary_key=True)
    # The host's own id.
    remote_id: Mapped[str] = mapped_column(Text, primary_key=True)
    # Of the default branch; "" when it had none.
    commit: Mapped[str] = mapped_column(String(64))
    # Whether composer.json was there; None when the host did not let us see.
    is_package: Mapped[bool | None]
    # Why the host did not let us see.
    reason: Mapped[str | None] = mapped_column(Text)
    looked_at: Mapped[datetime] = mapped_column(UTCDateTime)


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
    # Whether the host is to call us; it is looked at from time to time anyway.
    hooked: Mapped[bool] = mapped_column(default=True, server_default=true())
    # The rule that added it; None when a person did. No foreign key: a rule's row is never taken away.
    rule_id: Mapped[int | None]
    # What is wrong with it as a whole, in a sentence: gone at the host, another name in its composer.json.
    problem: Mapped[str | None] = mapped_column(Text)
    # The name that composer.json has now, when it is not the package's: an administrator says what becomes of it.
    renamed_to: Mapped[str | None] = mapped_column(Text)
    # The new name that an administrator did not want.
    rename_refused: Mapped[str | None] = mapped_column(Text)
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
    # Only the refs that a push told of; else all there are.
    partial: Mapped[bool] = mapped_column(default=False, server_default=false())
    # Whether the host was asked for its refs, so that the rows below have their commits, and are all there are.
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
    # Empty when the ref is gone from the host, and until it was asked for what a push told of.
    commit: Mapped[str] = mapped_column(String(64))
    # Its turn among the refs of the run.
    position: Mapped[int]
    state: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str | None] = mapped_column(Text)
    version_id: Mapped[int | None] = mapped_column(ForeignKey("versions.id", ondelete="SET NULL"))
    finished_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class Hook(Base):
    """What makes a host call us: one for each project at the host and repository of ours, whatever its directories."""

    __tablename__ = "hooks"
    __table_args__ = (UniqueConstraint("source_id", "remote_id", "repository_id"), NEVER_AGAIN)

    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id"))
    repository_id: Mapped[int] = mapped_column(ForeignKey("repositories.id"), index=True)
    # The host's own id of the project.
    remote_id: Mapped[str] = mapped_column(Text)
    # The hook's id at the host; None while there is none.
    remote_hook_id: Mapped[str | None] = mapped_column(Text)
    # Where the host was told to post; another one has to be told to it.
    address: Mapped[str] = mapped_column(Text, default="")
    # Sealed: "secret", and for a while "previous", which deliveries under way were signed with.
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(20))
    # Why it does not work, and what to do.
    reason: Mapped[str | None] = mapped_column(Text)
    # Not looked after before then.
    due_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    checked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    last_delivery_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    # Not wanted any more; while it has an id at the host, it is still to be removed there.
    deleted_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class Delivery(Base):
    """One authentic call of a host, as it came, and what we answered. Kept for 30 days."""

    __tablename__ = "deliveries"
    __table_args__ = (NEVER_AGAIN,)

    id: Mapped[int] = mapped_column(primary_key=True)
    hook_id: Mapped[int] = mapped_column(ForeignKey("hooks.id"), index=True)
    # The host's own id of it, the same when it is sent again.
    remote_delivery_id: Mapped[str | None] = mapped_column(Text)
    event: Mapped[str] = mapped_column(Text)
    # Without what authenticates.
    headers: Mapped[dict[str, str]] = mapped_column(JSONBytes)
    # zlib.
    body: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    status: Mapped[int]
    answer: Mapped[str] = mapped_column(Text)
    # The runs that it made or hurried.
    runs: Mapped[list[int]] = mapped_column(JSONBytes)
    # The delivery that was played again to make this one.
    replay_of: Mapped[int | None]
    received_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
