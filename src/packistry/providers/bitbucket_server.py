"""Bitbucket Data Center, on servers of one's own, also below a path. Bitbucket Cloud has another API."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import unquote, urlencode, urlsplit

from packistry.errors import HostRefused, NotFound, Refusal, ScopeMissing
from packistry.findings import good, warning
from packistry.outbound.client import Answer
from packistry.providers.answers import ARCHIVE_BYTES, Host, Page, header_text
from packistry.providers.base import (
    CheckLine,
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
from packistry.providers.checks import projects_line, refused
from packistry.providers.deliveries import has_hex_signature, ignored, push_of, pushed, read_delivery
from packistry.providers.hooks import hook_to, hooked_project, written_hook
from packistry.providers.payloads import Payload
from packistry.providers.refs import may_be_ref
from packistry.providers.whereabouts import Whereabouts

_LABEL = "Bitbucket Data Center"

# As many as servers give at once unless their owner changed `page.max`.
_PAGE_ROWS: Final = "1000"
# Without this the server leaves archived projects out, where it knows them (since 8.0).
_ALL_PROJECTS = {"archived": "ALL"}

_READING = "the permission `Repository read`"
_HOOKS = "the permission `Repository admin` to create hooks, which its owner must have in the project too"

_LISTINGS = {RefKind.BRANCH: "branches", RefKind.TAG: "tags"}
_FOLDERS = {RefKind.BRANCH: "refs/heads/", RefKind.TAG: "refs/tags/"}

# Deletions are pushes too; `modified` tells of a new name or project.
_HOOK_EVENTS = ("repo:refs_changed", "repo:modified")


class BitbucketServer:
    """The Provider for Bitbucket Data Center. Source of addresses and fields: Atlassian's "REST API for Bitbucket Data
    Center" and "Event payload".
    """

    name = "bitbucket-server"
    label = _LABEL
    default_address: str | None = None
    has_hooks = True
    file_page = "{project}/browse/{path}?at={commit}"
    fields: Sequence[CredentialField] = (
        CredentialField(
            "token",
            "HTTP access token",
            f"A token of an account, a project or a repository with {_READING}, or with {_HOOKS}. "
            "Made under Manage account, HTTP access tokens.",
        ),
    )

    def check(self, connection: Connection) -> CheckReport:
        try:
            host = _host(connection)
            params = {**_ALL_PROJECTS, "limit": _PAGE_ROWS}
            seen = host.send("GET", host.address("repos"), what="list of projects", needs=_READING, params=params)
            page = host.read(seen)
            rows = page.payloads("values")
            hooks = [_hook_line(host, row) for row in rows[:1]]
        except Refusal as refusal:
            return refused(refusal, "Is it the address of the server itself, without /rest/api?")
        # In no field of the API: the server says with each answer who asked.
        account = unquote(seen.headers.get("x-ausername", "")) or None
        count = len(rows) if page.flag("isLastPage") else None
        owner = f"the token belongs to {account}." if account else "the token is of a project or a repository."
        lines = [good(f"{_LABEL} answers at {connection.address}; {owner}"), projects_line(count), *hooks]
        return CheckReport(lines, account=account, projects_seen=count)

    def projects(self, connection: Connection, *, search: str = "", owner: str = "") -> Iterator[Project]:
        host = _host(connection)
        url = host.address("projects", owner, "repos") if owner else host.address("repos")
        rows = _rows(host, url, f"projects of {owner}" if owner else "projects", _ALL_PROJECTS)
        # Not the server's search, which looks at short names only.
        return (project for project in map(_project, rows) if search.casefold() in project.full_name.casefold())

    def project(self, connection: Connection, project_id: str) -> Project:
        host, seen = _host(connection), Whereabouts(connection.folder / "whereabouts")
        row = _row_of(host, seen, project_id)
        if row is None:
            raise NotFound(f"{_LABEL} has no project {project_id}, or hides it from this credential.")
        found = _whole(host, row)
        seen.keep(project_id, found.full_name)
        return found

    def project_named(self, connection: Connection, full_name: str) -> Project:
        host = _host(connection)
        return _whole(host, host.get(_address(host, full_name), what=f"project {full_name}", needs=_READING))

    def refs(self, connection: Connection, project: Project) -> Iterator[Ref]:
        host = _host(connection)
        for kind, listing in _LISTINGS.items():
            url = _address(host, project.full_name, listing)
            for row in _rows(host, url, f"{listing} of {project.full_name}", {}):
                # `hash` of an annotated tag is the tag object, `latestCommit` the commit behind it.
                yield Ref(kind, row.text("displayId"), row.commit("latestCommit"))

    def find_ref(self, connection: Connection, project: Project, kind: RefKind, name: str) -> Ref | None:
        if not may_be_ref(name):
            return None
        host = _host(connection)
        # Branches cannot be asked for by their whole name; the last commit of any ref can.
        url, params = _address(host, project.full_name, "commits"), {"until": _FOLDERS[kind] + name, "limit": "1"}
        page = host.find(url, what=f"{kind} {name} in {project.full_name}", needs=_READING, params=params)
        commits = page.payloads("values") if page else ()
        if not commits:
            self.project(connection, project.id)
            return None
        return Ref(kind, name, commits[0].commit("id"))

    def committed_at(self, connection: Connection, project: Project, commit: str) -> datetime:
        host = _host(connection)
        what = f"commit {commit} in {project.full_name}"
        found = host.get(_address(host, project.full_name, "commits", commit), what=what, needs=_READING)
        try:
            return datetime.fromtimestamp((found.number_or_none("authorTimestamp") or 0) / 1000, UTC)
        except (ValueError, OverflowError, OSError) as fault:
            raise HostRefused(f"The {what} has no date that a calendar knows.") from fault

    def read_file(self, connection: Connection, project: Project, commit: str, path: str) -> bytes | None:
        host = _host(connection)
        try:
            url = _address(host, project.full_name, "raw", *path.split("/"))
        except NotFound:
            return None
        what = f"{path} in {project.full_name}"
        answer = host.file(url, what=what, needs=_READING, params={"at": commit}, headers={"accept": "*/*"})
        return answer.body if answer else None

    def download_archive(self, connection: Connection, project: Project, commit: str, into: BinaryIO) -> None:
        host = _host(connection)
        # Without a prefix the files would lie at the top.
        query = urlencode({"at": commit, "format": "zip", "prefix": f"{project.id}-{commit}/"})
        what = f"archive of {commit} in {project.full_name}"
        url = f"{_address(host, project.full_name, 'archive')}?{query}"
        host.download(url, into, what=what, needs=_READING, max_bytes=ARCHIVE_BYTES)

    def create_hook(self, connection: Connection, project: Project, url: str, secret: str) -> str:
        host, current = _host(connection), hooked_project(self, connection, project)
        hooks, what = _address(host, current.full_name, "webhooks"), f"hooks of {current.full_name}"
        wanted = {
            "name": "Packistry",
            "url": url,
            "active": True,
            "events": _HOOK_EVENTS,
            "configuration": {"secret": secret},
            "sslVerificationRequired": True,
        }
        found = hook_to(url, _rows(host, hooks, what, {}, _HOOKS), "url")
        hook_id = found.identifier("id") if found else None
        return written_hook(host, hooks, hook_id, wanted, what=what, needs=_HOOKS).identifier("id")

    def hook_state(self, connection: Connection, project: Project, hook_id: str) -> HookState:
        host = _host(connection)
        url = _address(host, project.full_name, "webhooks", hook_id)
        hook = host.find(url, what=f"hook {hook_id}", needs=_HOOKS)
        if hook is None:
            return HookState.GONE
        if not hook.flag("active"):
            return HookState.DISABLED
        answer = host.send("GET", f"{url}/latest", what=f"last delivery of hook {hook_id}", needs=_HOOKS)
        # Nothing at all before the first one.
        outcome = host.read(answer).text_or_none("result", "outcome") if answer.body else None
        return HookState.ACTIVE if outcome in {None, "SUCCESS"} else HookState.FAILING

    def delete_hook(self, connection: Connection, project: Project, hook_id: str) -> None:
        host = _host(connection)
        with suppress(NotFound):
            current = self.project(connection, project.id)
            url = _address(host, current.full_name, "webhooks", hook_id)
            host.delete(url, what=f"hook {hook_id}", needs=_HOOKS)

    def keep_only(self, folder: Path, project_ids: Collection[str]) -> int:
        return 0

    def is_authentic(self, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        return has_hex_signature(headers.get("x-hub-signature"), body, secret)

    def delivery_id(self, headers: Mapping[str, str]) -> str | None:
        return headers.get("x-request-id")

    def parse_event(self, headers: Mapping[str, str], body: bytes) -> Sequence[HookEvent]:
        payload, event = read_delivery(body), headers.get("x-event-key", "")
        match event:
            case "diagnostics:ping":
                return [HookEvent(EventKind.PING)]
            case "repo:refs_changed":
                return _push(payload)
            case "repo:modified":
                return [HookEvent(EventKind.PROJECT_CHANGED, payload.identifier("new", "id"))]
            case _:
                return [ignored(f'The event "{event[:100]}" changes no package.')]


def _host(connection: Connection) -> Host:
    headers = {
        "authorization": f"Bearer {header_text(connection.credential['token'])}",
        "accept": "application/json",
        # A change without it may be taken for one that another site made in somebody's browser.
        "x-atlassian-token": "no-check",
    }
    return Host(_LABEL, f"{connection.address}/rest/api/latest", connection.client, headers, status_of=_status)


def _status(answer: Answer) -> int:
    """Who is known and may not is answered 401 as well, and told apart by the name of the fault only."""
    return 403 if answer.status == 401 and b"AuthorisationException" in answer.body else answer.status


def _address(host: Host, full_name: str, *rest: str) -> str:
    project, _, name = full_name.partition("/")
    return host.address("projects", project, "repos", name, *rest)


def _rows(host: Host, url: str, what: str, params: Mapping[str, str], needs: str = _READING) -> Iterator[Payload]:
    """The rows of every page; the next begins where the server says, for it may leave out what it hides."""
    wanted = {**params, "limit": _PAGE_ROWS}

    def read(host: Host, answer: Answer) -> Page:
        page = host.read(answer)
        start = None if page.flag("isLastPage") else page.number_or_none("nextPageStart")
        return page.payloads("values"), None if start is None else f"?{urlencode({**wanted, 'start': start})}"

    return host.rows(url, what=what, needs=needs, params=wanted, page=read)


def _row_of(host: Host, seen: Whereabouts, project_id: str) -> Payload | None:
    """Where it was last seen, if it is still there; else among all projects, for the API finds none by its id."""
    if not project_id.isascii() or not project_id.isdecimal():
        return None
    full_name, what = seen.last(project_id), f"project {project_id}"
    row = host.find(_address(host, full_name), what=what, needs=_READING) if full_name else None
    if row and row.identifier("id") == project_id:
        return row
    rows = _rows(host, host.address("repos"), "projects", _ALL_PROJECTS)
    return next((row for row in rows if row.identifier("id") == project_id), None)


def _whole(host: Host, row: Payload) -> Project:
    """The project with its default branch, which is asked for by itself."""
    project = _project(row)
    url = _address(host, project.full_name, "default-branch")
    try:
        answer = host.send("GET", url, what=f"default branch of {project.full_name}", needs=_READING)
    except NotFound:
        return project
    # A project without commits has none.
    branch = host.read(answer).text("displayId") if answer.body else None
    return replace(project, default_branch=branch)


def _project(row: Payload) -> Project:
    key, name = row.text("project", "key"), row.text("slug")
    return Project(
        id=row.identifier("id"),
        full_name=f"{key}/{name}",
        web_url=next((link.text("href") for link in row.payloads("links", "self")), "").removesuffix("/browse"),
        clone_url=_clone_url(row),
        default_branch=None,
        archived=row.flag("archived"),
        is_fork=row.payload_or_none("origin") is not None,
    )


def _clone_url(row: Payload) -> str:
    """Over http where the server offers it, and without the name of the account that some put in."""
    links = {link.text("name"): link.text("href") for link in row.payloads("links", "clone")}
    parts = urlsplit(links.get("http", ""))
    if not parts.netloc:
        return links.get("ssh", "")
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _hook_line(host: Host, row: Payload) -> CheckLine:
    project = _project(row)
    url = _address(host, project.full_name, "webhooks")
    try:
        host.send("GET", url, what="hooks", needs=_HOOKS, params={"limit": "1"})
    except ScopeMissing:
        return warning(f"The token may not make hooks for {project.full_name}. It needs {_HOOKS}.")
    return good(f"Hooks can be made (tried at {project.full_name}).")


def _push(payload: Payload) -> Sequence[HookEvent]:
    """Every change of the push."""
    project_id = payload.identifier("repository", "id")
    return push_of(project_id, [_change(project_id, change) for change in payload.payloads("changes")])


def _change(project_id: str, change: Payload) -> HookEvent:
    is_gone = change.text("type") == "DELETE"
    event = pushed(project_id, change.text("ref", "id"), None if is_gone else change.text("toHash"))
    if event.ref and event.ref.kind is RefKind.TAG:
        # Of an annotated tag it is the tag object; only the host knows the commit behind it.
        return replace(event, ref=replace(event.ref, commit=""))
    return event
