"""Plain git: any server that speaks git over https or ssh. It has no API, so projects are named and not listed."""

import re
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from packistry.errors import HostRefused, MalformedEvent, NotFound, Refusal
from packistry.findings import refused, warning
from packistry.providers.base import (
    CheckReport,
    Connection,
    CredentialField,
    EventKind,
    HookEvent,
    HookState,
    Project,
    Ref,
    RefKind,
)
from packistry.providers.deliveries import has_hex_signature, ignored, read_delivery, ref_event
from packistry.providers.git_address import checked_path, parse_address
from packistry.providers.git_errors import Redirected
from packistry.providers.git_mirror import HeldMirror, mirror_path, remove_mirror
from packistry.providers.git_process import GitLimits
from packistry.providers.git_server import opened
from packistry.providers.git_ssh import make_key
from packistry.providers.payloads import is_commit
from packistry.providers.refs import may_be_ref

_MIB = 1024**2

_FOLDERS = {"refs/heads/": RefKind.BRANCH, "refs/tags/": RefKind.TAG}
# How the listing marks the line that has the commit of an annotated tag.
_PEELED = "^{}"


def _made_key(address: str) -> str | None:
    """A private key for a source over ssh; `source test` shows the half that the server must know."""
    return make_key()[0] if parse_address(address).is_ssh else None


class PlainGit:
    """The Provider for git without an API. A project's id is its path below the address, as it was named when added."""

    name = "git"
    label = "Git"
    default_address: str | None = None
    has_hooks = False
    # Some web server may show them, but nobody says where.
    file_page = ""
    fields: Sequence[CredentialField] = (
        CredentialField(
            "username", "User name", "For https, where the server asks for one.", secret=False, required=False
        ),
        CredentialField("password", "Password or token", "For https; a token that may only read.", required=False),
        CredentialField(
            "private_key",
            "Private key",
            "For ssh: an OpenSSH key without a passphrase, whose public half the server knows; else one is made.",
            required=False,
            lines=True,
            make=_made_key,
        ),
    )

    def __init__(self, limits: GitLimits | None = None) -> None:
        self._limits = limits or GitLimits()

    def check(self, connection: Connection) -> CheckReport:
        try:
            with opened(connection, self._limits) as server:
                findings = server.findings()
        except Refusal as refusal:
            return CheckReport([refused(refusal)])
        return CheckReport(
            [
                *findings,
                warning("A git server cannot list its projects: add each by its path below the address."),
                warning("It cannot be asked to call us either: docs/guides/plain-git.md has a script that makes it."),
            ]
        )

    def projects(self, connection: Connection, *, search: str = "", owner: str = "") -> Iterator[Project]:
        """Refused: git has no way to list them."""
        raise HostRefused(
            "A git server cannot list its projects: add each by its path, `packistry package add SOURCE PATH`."
        )

    def project(self, connection: Connection, project_id: str) -> Project:
        with opened(connection, self._limits) as server:
            listing = server.listing(project_id, "--symref", refs=("HEAD",))
            url = server.address.url(project_id)
        return Project(
            id=project_id,
            full_name=project_id,
            web_url="" if server.address.is_ssh else url,
            clone_url=url,
            default_branch=_default_branch(listing),
            may_create_hooks=False,
        )

    def project_named(self, connection: Connection, full_name: str) -> Project:
        """As written; where there is none, with `.git` at its end or without it."""
        name = full_name.strip("/")
        try:
            return self.project(connection, name)
        except (NotFound, Redirected) as refusal:
            # Many hosts redirect one spelling to the other, and git follows no redirect.
            other = name.removesuffix(".git") if name.endswith(".git") else f"{name}.git"
            try:
                return self.project(connection, other)
            except Refusal:
                raise refusal from None

    def refs(self, connection: Connection, project: Project) -> Iterator[Ref]:
        with opened(connection, self._limits) as server:
            listing = server.listing(project.id, "--heads", "--tags")
        for full_name, commit in _commits(listing).items():
            for folder, kind in _FOLDERS.items():
                if full_name.startswith(folder):
                    yield Ref(kind, full_name.removeprefix(folder), commit)

    def find_ref(self, connection: Connection, project: Project, kind: RefKind, name: str) -> Ref | None:
        if not may_be_ref(name):
            return None
        full_name = next(folder for folder, one in _FOLDERS.items() if one is kind) + name
        option = "--heads" if kind is RefKind.BRANCH else "--tags"
        with opened(connection, self._limits) as server:
            # git takes a name for a pattern of how names end, so what is found is looked at again.
            listing = server.listing(project.id, option, refs=(full_name, full_name + _PEELED))
        commit = _commits(listing).get(full_name)
        return Ref(kind, name, commit) if commit else None

    def committed_at(self, connection: Connection, project: Project, commit: str) -> datetime:
        with self._holding(connection, project, commit) as mirror:
            seconds = mirror.authored_at(commit)
        try:
            return datetime.fromtimestamp(int(seconds), UTC)
        except (ValueError, OverflowError, OSError) as fault:
            raise HostRefused(
                f"The commit {commit} of {project.full_name} has no date that a calendar knows."
            ) from fault

    def read_file(self, connection: Connection, project: Project, commit: str, path: str) -> bytes | None:
        with self._holding(connection, project, commit) as mirror:
            try:
                return mirror.read(commit, checked_path(path), _MIB)
            except NotFound:
                return None

    def download_archive(self, connection: Connection, project: Project, commit: str, into: BinaryIO) -> None:
        """A tar with one top folder, as the other hosts send it."""
        with self._holding(connection, project, commit) as mirror:
            mirror.fill(commit)
            mirror.archive(commit, into, _top_folder(project, commit))

    def create_hook(self, connection: Connection, project: Project, url: str, secret: str) -> str:
        raise HostRefused(
            "A git server cannot be asked to call us: put the script of docs/guides/plain-git.md into the project's "
            "hooks there. Until then the project is looked at from time to time."
        )

    def hook_state(self, connection: Connection, project: Project, hook_id: str) -> HookState:
        return HookState.GONE

    def delete_hook(self, connection: Connection, project: Project, hook_id: str) -> None:
        """There is none of ours."""

    def keep_only(self, folder: Path, project_ids: Collection[str]) -> int:
        wanted = {mirror_path(folder, project_id) for project_id in project_ids}
        mirrors = mirror_path(folder, "").parent.glob("*.git*")
        return sum(remove_mirror(mirror) for mirror in mirrors if mirror not in wanted)

    def is_authentic(self, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        return has_hex_signature(headers.get("x-hub-signature-256"), body, secret)

    def delivery_id(self, headers: Mapping[str, str]) -> str | None:
        return headers.get("x-packistry-delivery")

    def parse_event(self, headers: Mapping[str, str], body: bytes) -> Sequence[HookEvent]:
        """`{"project", "ref"?, "commit"?}`. Without a ref: look at all of them. A commit of zeros: the ref was deleted;
        none at all: the event's ref has "" and is still REF_CHANGED, for only the host knows.
        """
        delivery = read_delivery(body)
        project_id = delivery.text("project").strip("/")
        full_name = delivery.text_or_none("ref")
        if full_name is None:
            return [HookEvent(EventKind.PROJECT_CHANGED, project_id)]
        return [_ref_event(project_id, full_name, delivery.text_or_none("commit") or "")]

    @contextmanager
    def _holding(self, connection: Connection, project: Project, commit: str) -> Generator[HeldMirror]:
        if not is_commit(commit):
            raise NotFound(f'"{commit[:64]}" is not the id of a commit.')
        with opened(connection, self._limits) as server, server.mirror(project.id).reading(commit) as mirror:
            yield mirror


def _ref_event(project_id: str, full_name: str, commit: str) -> HookEvent:
    if not full_name.startswith("refs/"):
        raise MalformedEvent('The delivery cannot be used: ref must be a full name such as "refs/heads/main".')
    folder = next((folder for folder in _FOLDERS if full_name.startswith(folder)), None)
    if folder is None:
        return ignored(f"{full_name} is neither a branch nor a tag", project_id)
    kind, name = _FOLDERS[folder], full_name.removeprefix(folder)
    if commit:
        return ref_event(project_id, kind, name, commit)
    return HookEvent(EventKind.REF_CHANGED, project_id, Ref(kind, name, ""))


def _top_folder(project: Project, commit: str) -> str:
    """ "widgets-1a2b3c4d5e6f" of plain characters, whatever the project is called."""
    name = project.id.rpartition("/")[2].removesuffix(".git")
    return f"{re.sub(r'[^A-Za-z0-9]+', '-', name).strip('-') or 'project'}-{commit[:12]}"


def _commits(listing: str) -> Mapping[str, str]:
    """Full names of refs and their commits: the line of a tag's commit follows its tag object's, and replaces it."""
    return {name.removesuffix(_PEELED): commit for commit, name in _lines(listing)}


def _lines(listing: str) -> Iterator[tuple[str, str]]:
    """Commit and full name of each ref in the answer of `git ls-remote`."""
    for line in listing.split("\n"):
        commit, _, name = line.partition("\t")
        if name and is_commit(commit):
            yield commit, name


def _default_branch(listing: str) -> str | None:
    """The branch that HEAD names; None when it stands on a commit of its own, or the project is empty."""
    for line in listing.split("\n"):
        target, _, name = line.partition("\t")
        if name == "HEAD" and target.startswith("ref: refs/heads/"):
            return target.removeprefix("ref: refs/heads/")
    return None
