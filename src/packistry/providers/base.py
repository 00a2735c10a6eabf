"""What every code host does for us, and nothing of how: projects, refs, files, archives and hooks.

A provider holds no state: it is called with a `Connection`, which is made for one source and one piece of work. Ids and
names that come from a host are hostile text; each provider escapes them in every address it builds.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Protocol

from packistry.errors import (
    CredentialRefused,
    HostRefused,
    HostUnavailable,
    MalformedEvent,
    RateLimited,
    Refusal,
    ScopeMissing,
)
from packistry.findings import CheckLine, Finding
from packistry.outbound.client import Client
from packistry.providers.access_tokens import AccessTokens

__all__ = [
    "CheckLine",
    "CheckReport",
    "Connection",
    "CredentialField",
    "CredentialRefused",
    "EventKind",
    "Finding",
    "HookEvent",
    "HookState",
    "HostRefused",
    "HostUnavailable",
    "MalformedEvent",
    "Project",
    "Provider",
    "RateLimited",
    "Ref",
    "RefKind",
    "ScopeMissing",
]


@dataclass(frozen=True, slots=True)
class CredentialField:
    """One thing a person has to fill in to connect: what forms, options and help are drawn from.

    `name` is the key in `Connection.credential`, or in `Connection.settings` where `secret` is False. Where a host can
    be connected to in several ways, `way` names the one that this field belongs to: "an API token". All fields of one
    way are filled in, and none of the others. `make` gives a value for the source's address when a person gave none, or
    None where none is needed.
    """

    name: str
    label: str
    help: str
    secret: bool = True
    required: bool = True
    lines: bool = False
    way: str | None = None
    make: Callable[[str], str | None] | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """One source, ready to be asked. `address` is the whole base address, path included, without a slash at its end."""

    address: str
    credential: Mapping[str, str] = field(repr=False)
    settings: Mapping[str, str]
    client: Client
    # A folder of this source's own, kept between runs: mirrors of plain git, pinned host keys.
    folder: Path
    # Tokens that hosts gave out for a while, shared by all that this process asks.
    tokens: AccessTokens = field(default_factory=AccessTokens, repr=False)


@dataclass(frozen=True, slots=True)
class Project:
    """One git repository on a host. `id` never changes, also when it is renamed or moved."""

    id: str
    full_name: str
    web_url: str
    # Where a client clones it from, without credentials; it becomes `source.url`.
    clone_url: str
    default_branch: str | None
    archived: bool = False
    # A copy of somebody's project, made at the host: it has that one's composer.json, and so its package's name.
    is_fork: bool = False
    # When the host last saw a change, a push among them; None when it does not tell. GitLab tells one an hour.
    changed_at: datetime | None = None
    # None when the host did not say.
    may_create_hooks: bool | None = None


class RefKind(StrEnum):
    """What git calls a ref's folder."""

    BRANCH = "branch"
    TAG = "tag"


@dataclass(frozen=True, slots=True)
class Ref:
    """A branch or tag and the commit it stands for: of an annotated tag the commit, never the tag object."""

    kind: RefKind
    name: str
    commit: str


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What `source test` tells. `expires_at` is None when the credential has no end, or the host does not tell."""

    lines: Sequence[CheckLine]
    account: str | None = None
    expires_at: datetime | None = None
    projects_seen: int | None = None

    @property
    def refusal(self) -> Refusal | None:
        """What the host said no with, or why it could not be asked; None when it answered."""
        return next((line.refusal for line in self.lines if line.refusal is not None), None)


class EventKind(StrEnum):
    """What a delivery tells us."""

    PING = "ping"
    REF_CHANGED = "ref_changed"
    REF_DELETED = "ref_deleted"
    # The project itself: renamed, transferred, archived, unarchived, another default branch. Read it anew.
    PROJECT_CHANGED = "project_changed"
    PROJECT_DELETED = "project_deleted"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class HookEvent:
    """One change that a delivery tells of; one delivery may tell of several. `sentence` says why, when IGNORED.

    `ref` is set for REF_CHANGED and REF_DELETED; its commit is "" when it was deleted, and when only the host knows it.
    """

    kind: EventKind
    project_id: str | None = None
    ref: Ref | None = None
    sentence: str = ""


class HookState(StrEnum):
    """How a hook of ours is at the host."""

    ACTIVE = "active"
    DISABLED = "disabled"
    FAILING = "failing"
    GONE = "gone"


class Provider(Protocol):
    """One kind of code host. Every method but the two of deliveries makes requests, and refuses with HostRefused,
    CredentialRefused, ScopeMissing, RateLimited or HostUnavailable; their sentences carry no secret.
    """

    # Short name in addresses and on the command line: "github".
    name: str
    label: str
    # None where every installation has its own address.
    default_address: str | None
    fields: Sequence[CredentialField]
    # Whether the host can be asked to call us; plain git cannot.
    has_hooks: bool
    # Where a person looks at a file, of {project} (its web_url), {commit} and {path}; "" where there is no such page.
    file_page: str

    def check(self, connection: Connection) -> CheckReport:
        """Looks at the credential without writing anything to anybody's project. What the host refuses becomes a line
        of the report that is BAD.
        """
        ...

    def projects(self, connection: Connection, *, search: str = "", owner: str = "") -> Iterator[Project]:
        """All that the credential sees, to the last page; with `search` those whose name has it, with `owner` those of
        that organisation, group or workspace.
        """
        ...

    def project(self, connection: Connection, project_id: str) -> Project:
        """The project as it is now. Refuses with NotFound when it is gone or hidden."""
        ...

    def project_named(self, connection: Connection, full_name: str) -> Project:
        """The project that a person names: "acme/widgets". Refuses with NotFound."""
        ...

    def refs(self, connection: Connection, project: Project) -> Iterator[Ref]:
        """All branches and tags, to the last page."""
        ...

    def find_ref(self, connection: Connection, project: Project, kind: RefKind, name: str) -> Ref | None:
        """The ref of that short name with the commit it stands for now; None when it is gone. Refuses with NotFound
        when the project itself is gone or hidden, for then nothing is known of its refs.
        """
        ...

    def committed_at(self, connection: Connection, project: Project, commit: str) -> datetime:
        """The author date of the commit, in UTC."""
        ...

    def read_file(self, connection: Connection, project: Project, commit: str, path: str) -> bytes | None:
        """One file at a commit, at most 1 MiB of it; None when it is not there."""
        ...

    def download_archive(self, connection: Connection, project: Project, commit: str, into: BinaryIO) -> None:
        """Writes the zip or tar of that commit, as the host makes it, export-ignore honoured."""
        ...

    def create_hook(self, connection: Connection, project: Project, url: str, secret: str) -> str:
        """Makes a hook for pushes and changes of the project and returns its id at the host; finds the one that has the
        same address and gives it the new secret instead of making a second.
        """
        ...

    def hook_state(self, connection: Connection, project: Project, hook_id: str) -> HookState: ...

    def delete_hook(self, connection: Connection, project: Project, hook_id: str) -> None:
        """Afterwards it is gone; not there is success."""
        ...

    def keep_only(self, folder: Path, project_ids: Collection[str]) -> int:
        """Takes away what was kept in a source's folder of other projects than these, but for what is in use. Makes no
        requests. Returns of how many projects it was.
        """
        ...

    def is_authentic(self, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        """Whether the delivery was signed with this secret, in constant time; header names are lower-case."""
        ...

    def delivery_id(self, headers: Mapping[str, str]) -> str | None:
        """The host's own id of the delivery, the same when it is sent again."""
        ...

    def parse_event(self, headers: Mapping[str, str], body: bytes) -> Sequence[HookEvent]:
        """What an authentic delivery tells. Refuses with MalformedEvent."""
        ...
