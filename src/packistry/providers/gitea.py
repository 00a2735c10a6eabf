"""Gitea and Forgejo, whose API is the same where we use it, on servers of one's own and in the cloud."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlencode

from packistry.clock import now
from packistry.errors import NotFound, Refusal
from packistry.findings import good
from packistry.outbound.client import Answer
from packistry.providers.answers import ARCHIVE_BYTES, Host, Page, counted, header_text
from packistry.providers.base import (
    CheckReport,
    Connection,
    CredentialField,
    HookEvent,
    HookState,
    Project,
    Ref,
    RefKind,
)
from packistry.providers.checks import expiry_line, projects_line, refused
from packistry.providers.deliveries import has_hex_signature, read_delivery
from packistry.providers.github_like import event_of, read_repository, repository_address
from packistry.providers.hooks import hooked_project
from packistry.providers.payloads import Payload
from packistry.providers.refs import may_be_ref, told_ref

_LABEL = "Gitea or Forgejo"

# As many as a server gives at once unless its owner changed MAX_RESPONSE_ITEMS.
_PAGE_ROWS = 50

_READING = "the scopes `read:repository` and `read:user`"
_HOOKS = "the scope `write:repository`, and its owner must be an administrator of the project, to create hooks"
_PRIVATE_HOOKS = (
    "If this registry lies in a private network, the server must be told to send hooks there: "
    "ALLOWED_HOST_LIST in the section [webhook] of its app.ini."
)

# A tag comes with `push` as well as with `create`; `delete` comes where a push does not.
_HOOK_EVENTS = ("push", "delete", "repository")

# The list of each kind, and where in `commit` its id stands: `id` of an annotated tag is the tag object, `commit.sha`
# the commit behind it.
_REFS = {RefKind.BRANCH: ("branches", "id"), RefKind.TAG: ("tags", "sha")}


class Gitea:
    """The Provider for Gitea and Forgejo. Source of addresses and fields: Gitea's API description (/swagger.v1.json)
    and "Webhooks" in its documentation.
    """

    name = "gitea"
    label = _LABEL
    default_address: str | None = "https://gitea.com"
    has_hooks = True
    file_page = "{project}/src/commit/{commit}/{path}"
    fields: Sequence[CredentialField] = (
        CredentialField(
            "token",
            "Access token",
            f"An access token with {_READING}; {_HOOKS}. Made under Settings, Applications. {_PRIVATE_HOOKS}",
        ),
    )

    def check(self, connection: Connection) -> CheckReport:
        try:
            host = _host(connection)
            account = host.get(host.address("user"), what="account for this token", needs=_READING).text("login")
            count = _count(host)
        except Refusal as refusal:
            return refused(refusal, "Is it the address of the server itself, without /api/v1?")
        lines = [
            good(f"{_LABEL} answers at {connection.address}; the token belongs to {account}."),
            expiry_line(None, now()),
            projects_line(count),
            # The server tells the scopes of a token to nobody who has only the token.
            good(f"Projects can be read. Whether hooks can be created is seen when one is made: it takes {_HOOKS}."),
            good(_PRIVATE_HOOKS),
        ]
        return CheckReport(lines, account=account, projects_seen=count)

    def projects(self, connection: Connection, *, search: str = "", owner: str = "") -> Iterator[Project]:
        host = _host(connection)
        rows = _owned(host, owner) if owner else _rows(host, host.address("user", "repos"), "projects", _READING)
        return (project for project in map(read_repository, rows) if search.casefold() in project.full_name.casefold())

    def project(self, connection: Connection, project_id: str) -> Project:
        host = _host(connection)
        url = host.address("repositories", project_id)
        return read_repository(host.get(url, what=f"project {project_id}", needs=_READING))

    def project_named(self, connection: Connection, full_name: str) -> Project:
        host = _host(connection)
        return read_repository(
            host.get(repository_address(host, full_name), what=f"project {full_name}", needs=_READING)
        )

    def refs(self, connection: Connection, project: Project) -> Iterator[Ref]:
        host = _host(connection)
        for kind, (listing, commit) in _REFS.items():
            url = repository_address(host, project.full_name, listing)
            for row in _rows(host, url, f"{listing} of {project.full_name}", _READING):
                yield Ref(kind, row.text("name"), row.commit("commit", commit))

    def find_ref(self, connection: Connection, project: Project, kind: RefKind, name: str) -> Ref | None:
        if not may_be_ref(name):
            return None
        host = _host(connection)
        listing, commit = _REFS[kind]
        # The rest of the address is the name, so its slashes need no escape, which some proxies refuse.
        url = repository_address(host, project.full_name, listing, *name.split("/"))
        row = host.find(url, what=f"{kind} {name} in {project.full_name}", needs=_READING)
        if row is None:
            self.project(connection, project.id)
        return told_ref(row, kind, name, "commit", commit)

    def committed_at(self, connection: Connection, project: Project, commit: str) -> datetime:
        host = _host(connection)
        url = repository_address(host, project.full_name, "git", "commits", commit)
        # Without what costs the server a difference.
        params = {"stat": "false", "files": "false", "verification": "false"}
        found = host.get(url, what=f"commit {commit} in {project.full_name}", needs=_READING, params=params)
        return found.moment("commit", "author", "date")

    def read_file(self, connection: Connection, project: Project, commit: str, path: str) -> bytes | None:
        host = _host(connection)
        try:
            url = repository_address(host, project.full_name, "raw", *path.split("/"))
        except NotFound:
            return None
        answer = host.file(url, what=f"{path} in {project.full_name}", needs=_READING, params={"ref": commit})
        return answer.body if answer else None

    def download_archive(self, connection: Connection, project: Project, commit: str, into: BinaryIO) -> None:
        host = _host(connection)
        url = repository_address(host, project.full_name, "archive", f"{commit}.zip")
        what = f"archive of {commit} in {project.full_name}"
        host.download(url, into, what=what, needs=_READING, max_bytes=ARCHIVE_BYTES)

    def create_hook(self, connection: Connection, project: Project, url: str, secret: str) -> str:
        host, current = _host(connection), hooked_project(self, connection, project)
        hooks, what = repository_address(host, current.full_name, "hooks"), f"hooks of {current.full_name}"
        config = {"url": url, "content_type": "json", "secret": secret}
        wanted = {"config": config, "events": _HOOK_EVENTS, "active": True, "branch_filter": "*"}
        found = [hook for hook in _rows(host, hooks, what, _HOOKS) if hook.text_or_none("config", "url") == url]
        answer = host.send("POST", hooks, what=what, needs=_HOOKS, json={"type": "gitea", **wanted})
        # A change of the secret is obeyed by newer servers only, so the former one goes once the new one stands.
        for former in found:
            host.delete(f"{hooks}/{former.identifier('id')}", what=what, needs=_HOOKS)
        return host.read(answer).identifier("id")

    def hook_state(self, connection: Connection, project: Project, hook_id: str) -> HookState:
        host = _host(connection)
        url = repository_address(host, project.full_name, "hooks", hook_id)
        hook = host.find(url, what=f"hook {hook_id}", needs=_HOOKS)
        if hook is None:
            return HookState.GONE
        # How its last delivery went is shown on the server's pages only.
        return HookState.ACTIVE if hook.flag("active") else HookState.DISABLED

    def delete_hook(self, connection: Connection, project: Project, hook_id: str) -> None:
        host = _host(connection)
        with suppress(NotFound):
            current = self.project(connection, project.id)
            url = repository_address(host, current.full_name, "hooks", hook_id)
            host.delete(url, what=f"hook {hook_id}", needs=_HOOKS)

    def keep_only(self, folder: Path, project_ids: Collection[str]) -> int:
        return 0

    def is_authentic(self, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        """By any of the three headers with an HMAC-SHA256; `X-Hub-Signature` is SHA-1 there, and not looked at."""
        found = [
            has_hex_signature(headers.get("x-hub-signature-256"), body, secret),
            has_hex_signature(headers.get("x-gitea-signature"), body, secret, prefix=""),
            has_hex_signature(headers.get("x-forgejo-signature"), body, secret, prefix=""),
        ]
        return any(found)

    def delivery_id(self, headers: Mapping[str, str]) -> str | None:
        return headers.get("x-gitea-delivery", headers.get("x-forgejo-delivery"))

    def parse_event(self, headers: Mapping[str, str], body: bytes) -> Sequence[HookEvent]:
        event = headers.get("x-gitea-event", headers.get("x-forgejo-event", ""))
        return [event_of(event, read_delivery(body))]


def _host(connection: Connection) -> Host:
    headers = {
        "authorization": f"Bearer {header_text(connection.credential['token'])}",
        "accept": "application/json",
    }
    return Host(_LABEL, f"{connection.address}/api/v1", connection.client, headers)


class _Pages:
    """Reads one list page by page. By number and not by Link, which has the address that the server believes to be its
    own, and which some lists lack.
    """

    def __init__(self, params: Mapping[str, str]) -> None:
        self._params = params
        self._page = 1
        self._seen = 0

    def __call__(self, host: Host, answer: Answer) -> Page:
        rows = self._rows(host, answer)
        self._page += 1
        self._seen += len(rows)
        total = counted(answer.headers.get("x-total-count", ""))
        is_last = not rows or (total is not None and self._seen >= total)
        return rows, None if is_last else f"?{urlencode({**self._params, 'page': self._page})}"

    def _rows(self, host: Host, answer: Answer) -> Sequence[Payload]:
        return host.read_rows(answer)


class _FoundPages(_Pages):
    """The same for searches, whose rows are inside an object."""

    def _rows(self, host: Host, answer: Answer) -> Sequence[Payload]:
        return host.read(answer).payloads("data")


def _rows(host: Host, url: str, what: str, needs: str) -> Iterator[Payload]:
    params = {"limit": str(_PAGE_ROWS)}
    return host.rows(url, what=what, needs=needs, params=params, page=_Pages(params))


def _owned(host: Host, owner: str) -> Iterator[Payload]:
    """The rows of an organisation or a person, both of which the server calls users."""
    user = host.get(host.address("users", owner), what=f"user {owner}", needs=_READING).identifier("id")
    params = {"limit": str(_PAGE_ROWS), "uid": user, "exclusive": "true", "sort": "id", "order": "asc"}
    url, what = host.address("repos", "search"), f"projects of {owner}"
    return host.rows(url, what=what, needs=_READING, params=params, page=_FoundPages(params))


def _count(host: Host) -> int | None:
    """None when the server does not tell how many there are."""
    url = host.address("user", "repos")
    answer = host.send("GET", url, what="list of projects", needs=_READING, params={"limit": "1"})
    host.read_rows(answer)
    return counted(answer.headers.get("x-total-count", ""))
