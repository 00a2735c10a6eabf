"""GitHub, in the cloud and on servers of one's own (Enterprise Server, whose address ends in /api/v3)."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import parse_qs, urlsplit

from packistry.clock import now
from packistry.errors import MalformedEvent, NotFound, Refusal, ScopeMissing
from packistry.findings import bad, good, warning
from packistry.outbound.client import Answer
from packistry.providers.answers import ARCHIVE_BYTES, Host, counted, header_text, link_to
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
from packistry.providers.checks import expiry_line, projects_line, refused
from packistry.providers.deliveries import has_hex_signature, read_delivery
from packistry.providers.github_like import event_of, read_repository, repository_address
from packistry.providers.hooks import hook_to, hooked_project
from packistry.providers.kept import KeptPages
from packistry.providers.payloads import Payload, in_utc
from packistry.providers.refs import may_be_ref

_LABEL = "GitHub"

# As many as the API gives at once.
_PAGE = {"per_page": "100"}

_READING = 'the scope `repo` (classic token) or the permission "Contents: read" (fine-grained token)'
_HOOKS = (
    "the scope `repo` or `admin:repo_hook` (classic token) or the permission "
    '"Webhooks: read and write" (fine-grained token), and its owner must be an administrator of the project'
)

# Pushes bring new commits, `delete` comes also where a push does not, `repository` tells of renames and transfers.
_HOOK_EVENTS = ("push", "delete", "repository")

# As addresses and full names of refs have it.
_FOLDERS = {RefKind.BRANCH: "heads", RefKind.TAG: "tags"}

# A tag may be of a tag of a tag, which people have one of at the most.
_MOST_TAGS = 5


class GitHub:
    """The Provider for GitHub. Source of addresses and fields: GitHub's REST API documentation, version 2022-11-28."""

    name = "github"
    label = _LABEL
    default_address: str | None = "https://api.github.com"
    has_hooks = True
    file_page = "{project}/blob/{commit}/{path}"
    fields: Sequence[CredentialField] = (
        CredentialField(
            "token",
            "Access token",
            f"A personal access token with {_READING}; to create hooks, {_HOOKS}. "
            "Made under Settings, Developer settings, Personal access tokens.",
        ),
    )

    def check(self, connection: Connection) -> CheckReport:
        try:
            host = _host(connection)
            user = host.send("GET", host.address("user"), what="account for this token")
            seen = host.send(
                "GET", host.address("user", "repos"), what="list of projects", needs=_READING, params={"per_page": "1"}
            )
            account, projects = host.read(user).text("login"), host.read_rows(seen)
        except Refusal as refusal:
            return refused(refusal, "Is it the address of the API? An Enterprise server's ends in /api/v3.")
        count, expires_at = _count(seen, projects), _expiry(user.headers)
        lines = [
            good(f"{_LABEL} answers at {host.api}; the token belongs to {account}."),
            expiry_line(expires_at, now()),
            projects_line(count),
            *_scope_lines(host, user.headers.get("x-oauth-scopes"), [read_repository(row) for row in projects]),
        ]
        return CheckReport(lines, account=account, expires_at=expires_at, projects_seen=count)

    def projects(self, connection: Connection, *, search: str = "", owner: str = "") -> Iterator[Project]:
        host = _host(connection)
        rows = _owned(host, owner) if owner else host.rows(host.address("user", "repos"), what="projects", params=_PAGE)
        # Not the search API: it looks through all of GitHub and ends after 1,000.
        return (project for project in map(read_repository, rows) if search.casefold() in project.full_name.casefold())

    def project(self, connection: Connection, project_id: str) -> Project:
        host = _host(connection)
        return read_repository(host.get(host.address("repositories", project_id), what=f"project {project_id}"))

    def project_named(self, connection: Connection, full_name: str) -> Project:
        host = _host(connection)
        return read_repository(host.get(repository_address(host, full_name), what=f"project {full_name}"))

    def refs(self, connection: Connection, project: Project) -> Iterator[Ref]:
        host = _host(connection)
        # /tags looks behind the tag objects of annotated tags; git/matching-refs would cost a request for each.
        for kind, listing in ((RefKind.BRANCH, "branches"), (RefKind.TAG, "tags")):
            what = f"{listing} of {project.full_name}"
            for row in host.rows(
                repository_address(host, project.full_name, listing), what=what, needs=_READING, params=_PAGE
            ):
                yield Ref(kind, row.text("name"), row.commit("commit", "sha"))

    def find_ref(self, connection: Connection, project: Project, kind: RefKind, name: str) -> Ref | None:
        if not may_be_ref(name):
            return None
        host, full_name = _host(connection), f"{_FOLDERS[kind]}/{name}"
        # Not /commits, which takes any revision, so that another ref may answer for one that is gone; and not
        # /branches, which leads from a branch's former name to its present one.
        url = repository_address(host, project.full_name, "git", "ref", full_name)
        row = host.find(url, what=f"{kind} {name} in {project.full_name}", needs=_READING)
        if row is None:
            self.project(connection, project.id)
        if row is None or row.text("ref") != f"refs/{full_name}":
            return None
        commit = _behind(host, project, row)
        return Ref(kind, name, commit) if commit else None

    def committed_at(self, connection: Connection, project: Project, commit: str) -> datetime:
        host = _host(connection)
        # The commit as git has it: /commits would add the whole difference.
        url = repository_address(host, project.full_name, "git", "commits", commit)
        return host.get(url, what=f"commit {commit} in {project.full_name}", needs=_READING).moment("author", "date")

    def read_file(self, connection: Connection, project: Project, commit: str, path: str) -> bytes | None:
        host = _host(connection)
        try:
            url = repository_address(host, project.full_name, "contents", *path.split("/"))
        except NotFound:
            return None
        what = f"{path} in {project.full_name}"
        raw = {"accept": "application/vnd.github.raw+json"}
        answer = host.file(url, what=what, needs=_READING, params={"ref": commit}, headers=raw)
        # A folder is listed whatever is accepted; a file is never called plain JSON, not even a JSON file.
        is_file = answer and not answer.headers.get("content-type", "").startswith("application/json")
        return answer.body if answer and is_file else None

    def download_archive(self, connection: Connection, project: Project, commit: str, into: BinaryIO) -> None:
        host = _host(connection)
        url = repository_address(host, project.full_name, "zipball", commit)
        what = f"archive of {commit} in {project.full_name}"
        host.download(url, into, what=what, needs=_READING, max_bytes=ARCHIVE_BYTES)

    def create_hook(self, connection: Connection, project: Project, url: str, secret: str) -> str:
        host = _host(connection)
        # By its name of today: from a former one GitHub sends reads on, and writes with a redirect nobody may follow.
        current = hooked_project(self, connection, project)
        hooks, what = repository_address(host, current.full_name, "hooks"), f"hooks of {current.full_name}"
        config = {"url": url, "content_type": "json", "secret": secret, "insecure_ssl": "0"}
        wanted = {"config": config, "events": _HOOK_EVENTS, "active": True}
        try:
            found = hook_to(url, host.rows(hooks, what=what, needs=_HOOKS, params=_PAGE), "config", "url")
            if found is None:
                answer = host.send("POST", hooks, what=what, needs=_HOOKS, json={"name": "web", **wanted})
            else:
                address = f"{hooks}/{found.identifier('id')}"
                answer = host.send("PATCH", address, what=what, needs=_HOOKS, json=wanted)
        except NotFound as gone:
            # GitHub hides the hooks of a project from those who may not administer it.
            raise ScopeMissing(f"{_LABEL} does not give the {what} to this credential. It needs {_HOOKS}.") from gone
        return host.read(answer).identifier("id")

    def hook_state(self, connection: Connection, project: Project, hook_id: str) -> HookState:
        host = _host(connection)
        url = repository_address(host, project.full_name, "hooks", hook_id)
        hook = host.find(url, what=f"hook {hook_id}", needs=_HOOKS)
        return HookState.GONE if hook is None else _state(hook)

    def delete_hook(self, connection: Connection, project: Project, hook_id: str) -> None:
        host = _host(connection)
        with suppress(NotFound):
            current = self.project(connection, project.id)
            url = repository_address(host, current.full_name, "hooks", hook_id)
            host.delete(url, what=f"hook {hook_id}", needs=_HOOKS)

    def keep_only(self, folder: Path, project_ids: Collection[str]) -> int:
        return 0

    def is_authentic(self, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        return has_hex_signature(headers.get("x-hub-signature-256"), body, secret)

    def delivery_id(self, headers: Mapping[str, str]) -> str | None:
        return headers.get("x-github-delivery")

    def parse_event(self, headers: Mapping[str, str], body: bytes) -> Sequence[HookEvent]:
        if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            raise MalformedEvent("The hook sends forms: set its content type to application/json.")
        payload, event = read_delivery(body), headers.get("x-github-event", "")
        return [HookEvent(EventKind.PING) if event == "ping" else event_of(event, payload)]


def _host(connection: Connection) -> Host:
    headers = {
        "authorization": f"Bearer {header_text(connection.credential['token'])}",
        "accept": "application/vnd.github+json",
        "x-github-api-version": "2022-11-28",
    }
    kept = KeptPages(connection.folder / "pages")
    return Host(_LABEL, connection.address, connection.client, headers, status_of=_status, kept=kept)


def _status(answer: Answer) -> int:
    """Primary limits are 403 with nothing remaining, secondary ones 403 with Retry-After or only a message. What git
    has cannot be asked for in a project without commits: 409.
    """
    headers = answer.headers
    used_up = headers.get("x-ratelimit-remaining") == "0" or "retry-after" in headers
    if answer.status == 403 and (used_up or b"rate limit" in answer.body.lower()):
        return 429
    return 404 if answer.status == 409 and b"is empty" in answer.body else answer.status


def _behind(host: Host, project: Project, row: Payload) -> str | None:
    """The commit behind a ref or a tag object; None for a tag of a file or folder."""
    for _ in range(_MOST_TAGS):
        if row.text("object", "type") != "tag":
            break
        tag = row.commit("object", "sha")
        url = repository_address(host, project.full_name, "git", "tags", tag)
        row = host.get(url, what=f"tag object {tag} in {project.full_name}", needs=_READING)
    return row.commit("object", "sha") if row.text("object", "type") == "commit" else None


def _owned(host: Host, owner: str) -> Iterator[Payload]:
    """The rows of an organisation, or those of a person."""
    try:
        host.get(host.address("orgs", owner), what=f"organisation {owner}")
    except NotFound:
        return _of_person(host, owner)
    return host.rows(host.address("orgs", owner, "repos"), what=f"projects of {owner}", params=_PAGE)


def _of_person(host: Host, login: str) -> Iterator[Payload]:
    """What the credential sees of this person, then what is public: the second list alone has no private projects."""
    seen: set[str] = set()
    for segments in (("user", "repos"), ("users", login, "repos")):
        for row in host.rows(host.address(*segments), what=f"user {login}", params=_PAGE):
            if row.text("owner", "login").casefold() == login.casefold() and row.identifier("id") not in seen:
                seen.add(row.identifier("id"))
                yield row


def _count(answer: Answer, rows: Sequence[Payload]) -> int:
    """How many rows there are in all, from a page of one row: the number of the last page."""
    last = link_to(answer.headers, "last")
    page = parse_qs(urlsplit(last or "").query).get("page", [""])[0]
    number = counted(page)
    return len(rows) if number is None else number


def _expiry(headers: Mapping[str, str]) -> datetime | None:
    """From "2026-12-31 12:00:00 UTC", or with an offset in place of UTC."""
    text = headers.get("github-authentication-token-expiration", "").replace(" UTC", "+00:00").replace(" -", "-")
    try:
        return in_utc(datetime.fromisoformat(text.replace(" +", "+")))
    except ValueError:
        return None


def _scope_lines(host: Host, scopes: str | None, projects: Sequence[Project]) -> Iterator[CheckLine]:
    """What a classic token was given stands in a header; a fine-grained one is tried at a project, by reading only."""
    if scopes is not None:
        yield from _classic_lines({scope.strip() for scope in scopes.split(",")})
        return
    for project in projects[:1]:
        yield _tried(host, project, "branches", "The token reads the files of projects", _READING)
        yield _tried(host, project, "hooks", "The token sees hooks; if it may not write them, polling is used", _HOOKS)


def _classic_lines(scopes: set[str]) -> Iterator[CheckLine]:
    if "repo" in scopes:
        yield good("The scope `repo` is there: all projects of the account can be read, and hooks created.")
        return
    yield warning("The scope `repo` is missing: only public projects can be read.")
    if scopes & {"admin:repo_hook", "write:repo_hook"}:
        yield good("The token may create hooks.")
    else:
        yield warning("The scope `admin:repo_hook` is missing: no hooks can be created, projects are polled instead.")


def _tried(host: Host, project: Project, listing: str, sentence: str, needs: str) -> CheckLine:
    try:
        host.send(
            "GET",
            repository_address(host, project.full_name, listing),
            what=listing,
            needs=needs,
            params={"per_page": "1"},
        )
    except (ScopeMissing, NotFound):
        line = bad if listing == "branches" else warning
        return line(f"The token may not read the {listing} of {project.full_name}. It needs {needs}.")
    return good(f"{sentence} (tried at {project.full_name}).")


def _state(hook: Payload) -> HookState:
    if not hook.flag("active"):
        return HookState.DISABLED
    code = hook.number_or_none("last_response", "code")
    return HookState.ACTIVE if code is None or 200 <= code < 300 else HookState.FAILING
