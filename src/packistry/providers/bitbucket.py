"""Bitbucket Cloud. A source sees one workspace; Bitbucket on servers of one's own has another API."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from packistry.errors import NotFound, Refusal, ScopeMissing
from packistry.findings import good, warning
from packistry.outbound.client import Answer
from packistry.providers.answers import ARCHIVE_BYTES, Host, Page, escaped
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
from packistry.providers.bitbucket_host import LABEL, opened, site
from packistry.providers.checks import projects_line, refused
from packistry.providers.deliveries import has_hex_signature, ignored, push_of, read_delivery, ref_event
from packistry.providers.hooks import hook_to, hooked_project, written_hook
from packistry.providers.payloads import Payload
from packistry.providers.refs import may_be_ref

# As many as the API gives at once.
_PAGE = {"pagelen": "100"}

_ACCOUNT = 'the scope `read:user:bitbucket` (API token) or the permission "Account: Read" (OAuth consumer)'
_READING = 'the scope `read:repository:bitbucket` (API token) or the permission "Repositories: Read" (OAuth consumer)'
_HOOKS = (
    "the scopes `read:webhook:bitbucket`, `write:webhook:bitbucket` and `delete:webhook:bitbucket` (API token) or the "
    'permission "Webhooks: Read and write" (OAuth consumer), and its owner must be an administrator of the project'
)

_BY_TOKEN, _BY_CONSUMER = "an API token", "an OAuth consumer"

_LISTINGS = {RefKind.BRANCH: "branches", RefKind.TAG: "tags"}

# Deletions are pushes too; an update tells of a new name.
_HOOK_EVENTS = ("repo:push", "repo:updated")


class Bitbucket:
    """The Provider for Bitbucket Cloud. Source of addresses and fields: Atlassian's "The Bitbucket Cloud REST API" and
    "Event payloads".
    """

    name = "bitbucket"
    label = LABEL
    default_address: str | None = "https://api.bitbucket.org"
    has_hooks = True
    file_page = "{project}/src/{commit}/{path}"
    fields: Sequence[CredentialField] = (
        CredentialField("workspace", "Workspace", "As in bitbucket.org/{workspace}.", secret=False),
        CredentialField(
            "email", "E-mail address", "Of the Atlassian account that the API token belongs to.", way=_BY_TOKEN
        ),
        CredentialField(
            "token",
            "API token",
            f"It needs {_READING}, better also {_ACCOUNT}; to create hooks, {_HOOKS}. "
            "Made under Atlassian account settings, Security, API tokens.",
            way=_BY_TOKEN,
        ),
        CredentialField(
            "key",
            "Key",
            "Of an OAuth consumer of the workspace, made under its settings, OAuth consumers, as a private consumer "
            "with the permissions that are named for API tokens.",
            way=_BY_CONSUMER,
        ),
        CredentialField("secret", "Secret", "Of the same OAuth consumer.", way=_BY_CONSUMER),
    )

    def check(self, connection: Connection) -> CheckReport:
        workspace = connection.settings["workspace"]
        try:
            host = opened(connection)
            what = f"projects of the workspace {workspace}"
            seen = host.get(_listing(host, workspace), what=what, needs=_READING, params={"pagelen": "1"})
            account, projects = _account(host), [_project(row) for row in seen.payloads("values")]
            count = seen.number_or_none("size")
            hooks = [_hook_line(host, project) for project in projects]
        except Refusal as refusal:
            return refused(refusal, "Is it the address of the API, without /2.0, and the name of the workspace?")
        owner = f"the token belongs to {account}." if account else f"the token does not tell whose it is: {_ACCOUNT}."
        lines = [
            good(f"{LABEL} answers at {connection.address}; {owner}"),
            projects_line(count),
            *hooks,
        ]
        return CheckReport(lines, account=account, projects_seen=count)

    def projects(self, connection: Connection, *, search: str = "", owner: str = "") -> Iterator[Project]:
        host, workspace = opened(connection), connection.settings["workspace"]
        if owner.casefold() not in {"", workspace.casefold()}:
            raise _outside(workspace, owner)
        wanted = {"q": f"name ~ {_quoted(search)}"} if search else {}
        rows = host.rows(
            _listing(host, workspace),
            what=f"projects of {workspace}",
            needs=_READING,
            params={**_PAGE, **wanted},
            page=_page,
        )
        return map(_project, rows)

    def project(self, connection: Connection, project_id: str) -> Project:
        return _read(opened(connection), connection.settings["workspace"], project_id)

    def project_named(self, connection: Connection, full_name: str) -> Project:
        owner, _, name = full_name.partition("/")
        workspace = connection.settings["workspace"]
        if owner.casefold() != workspace.casefold():
            # Found there it could be added, and would be lost at the first look for its id.
            raise _outside(workspace, full_name)
        return _read(opened(connection), workspace, name)

    def refs(self, connection: Connection, project: Project) -> Iterator[Ref]:
        host = opened(connection)
        for kind, listing in _LISTINGS.items():
            url, what = _address(host, project, "refs", listing), f"{listing} of {project.full_name}"
            for row in host.rows(url, what=what, needs=_READING, params=_PAGE, page=_page):
                yield Ref(kind, row.text("name"), row.commit("target", "hash"))

    def find_ref(self, connection: Connection, project: Project, kind: RefKind, name: str) -> Ref | None:
        if not may_be_ref(name):
            return None
        host = opened(connection)
        # From the list: one that is gone is then told from a project that is gone, and no name is part of an address,
        # where the API takes a slash for the end of it.
        url = _address(host, project, "refs", _LISTINGS[kind])
        params = {**_PAGE, "q": f"name = {_quoted(name)}"}
        what = f"{kind} {name} in {project.full_name}"
        rows = host.rows(url, what=what, needs=_READING, params=params, page=_page)
        return next((Ref(kind, name, row.commit("target", "hash")) for row in rows if row.text("name") == name), None)

    def committed_at(self, connection: Connection, project: Project, commit: str) -> datetime:
        host = opened(connection)
        what = f"commit {commit} in {project.full_name}"
        return host.get(_address(host, project, "commit", commit), what=what, needs=_READING).moment("date")

    def read_file(self, connection: Connection, project: Project, commit: str, path: str) -> bytes | None:
        host = opened(connection)
        try:
            url = _address(host, project, "src", commit, *path.split("/"))
        except NotFound:
            return None
        what = f"{path} in {project.full_name}"
        # Asked first: a folder is answered as JSON where a file is asked for, and a file of JSON looks the same.
        described = host.file(url, what=what, needs=_READING, params={"format": "meta"})
        if described is None or host.read(described).text("type") != "commit_file":
            return None
        answer = host.file(url, what=what, needs=_READING)
        return answer.body if answer else None

    def download_archive(self, connection: Connection, project: Project, commit: str, into: BinaryIO) -> None:
        host = opened(connection)
        workspace, _, name = project.full_name.partition("/")
        # The API has no archives: they come from the site, which takes the same credential.
        url = f"{site(connection.address)}/{escaped(workspace)}/{escaped(name)}/get/{escaped(commit)}.tar.gz"
        what = f"archive of {commit} in {project.full_name}"
        host.download(url, into, what=what, needs=_READING, max_bytes=ARCHIVE_BYTES)

    def create_hook(self, connection: Connection, project: Project, url: str, secret: str) -> str:
        host, current = opened(connection), hooked_project(self, connection, project)
        hooks, what = _address(host, current, "hooks"), f"hooks of {current.full_name}"
        wanted = {"description": "Packistry", "url": url, "active": True, "secret": secret, "events": _HOOK_EVENTS}
        found = hook_to(url, host.rows(hooks, what=what, needs=_HOOKS, params=_PAGE, page=_page), "url")
        hook_id = found.text("uuid") if found else None
        return written_hook(host, hooks, hook_id, wanted, what=what, needs=_HOOKS).text("uuid")

    def hook_state(self, connection: Connection, project: Project, hook_id: str) -> HookState:
        host = opened(connection)
        hook = host.find(_hook(host, project, hook_id), what=f"hook {hook_id}", needs=_HOOKS)
        if hook is None:
            return HookState.GONE
        # How its last deliveries went is told to people only.
        return HookState.ACTIVE if hook.flag("active") else HookState.DISABLED

    def delete_hook(self, connection: Connection, project: Project, hook_id: str) -> None:
        host = opened(connection)
        host.delete(_hook(host, project, hook_id), what=f"hook {hook_id}", needs=_HOOKS)

    def keep_only(self, folder: Path, project_ids: Collection[str]) -> int:
        return 0

    def is_authentic(self, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        # Named as GitHub's older header, whose signature is another.
        return has_hex_signature(headers.get("x-hub-signature"), body, secret)

    def delivery_id(self, headers: Mapping[str, str]) -> str | None:
        return headers.get("x-request-uuid")

    def parse_event(self, headers: Mapping[str, str], body: bytes) -> Sequence[HookEvent]:
        payload, event = read_delivery(body), headers.get("x-event-key", "")
        match event:
            case "repo:push":
                return _push(payload)
            case "repo:updated":
                return [HookEvent(EventKind.PROJECT_CHANGED, payload.text("repository", "uuid"))]
            case _:
                return [ignored(f'The event "{event[:100]}" changes no package.')]


def _outside(workspace: str, name: str) -> NotFound:
    return NotFound(f"{name} is not in the workspace {workspace}, which is all that this source sees.")


def _page(host: Host, answer: Answer) -> Page:
    page = host.read(answer)
    return page.payloads("values"), page.text_or_none("next")


def _quoted(text: str) -> str:
    """A text as the query language of the API has it."""
    escaped_text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped_text}"'


def _listing(host: Host, workspace: str) -> str:
    return host.address("repositories", workspace)


def _address(host: Host, project: Project, *rest: str) -> str:
    """By the id, which stays when the project gets another name."""
    return host.address("repositories", project.full_name.partition("/")[0], project.id, *rest)


def _hook(host: Host, project: Project, hook_id: str) -> str:
    return _address(host, project, "hooks", hook_id)


def _read(host: Host, workspace: str, name: str) -> Project:
    """A project by its short name or its id: the API takes either."""
    url = host.address("repositories", workspace, name)
    return _project(host.get(url, what=f"project {workspace}/{name}", needs=_READING))


def _project(row: Payload) -> Project:
    web_url = row.text("links", "html", "href")
    return Project(
        id=row.text("uuid"),
        full_name=row.text("full_name"),
        web_url=web_url,
        # Not from links.clone, which has the account's name in it.
        clone_url=f"{web_url}.git",
        default_branch=row.text_or_none("mainbranch", "name"),
        is_fork=row.payload_or_none("parent") is not None,
        changed_at=row.moment_or_none("updated_on"),
    )


def _account(host: Host) -> str | None:
    """Whose token it is; None when its scopes do not reach that far, which nothing else needs."""
    # Nor is it found where the credential is a workspace's own.
    with suppress(ScopeMissing, NotFound):
        user = host.get(host.address("user"), what="account for this token", needs=_ACCOUNT)
        return user.text_or_none("username") or user.text("display_name")
    return None


def _hook_line(host: Host, project: Project) -> CheckLine:
    try:
        host.send("GET", _address(host, project, "hooks"), what="hooks", needs=_HOOKS, params={"pagelen": "1"})
    except ScopeMissing:
        return warning(f"The token may not read the hooks of {project.full_name}. It needs {_HOOKS}.")
    return good(f"Hooks can be read (tried at {project.full_name}); whether they can be made is seen at the first.")


def _push(payload: Payload) -> Sequence[HookEvent]:
    """Every change of the push: `git push --tags` brings many."""
    project_id = payload.text("repository", "uuid")
    return push_of(project_id, [_change(project_id, change) for change in payload.payloads("push", "changes")])


def _change(project_id: str, change: Payload) -> HookEvent:
    new = change.payload_or_none("new")
    ref = new or change.payload("old")
    kind = ref.text("type")
    if kind not in set(RefKind):
        return ignored(f"{kind[:100]} is neither a branch nor a tag.", project_id)
    return ref_event(project_id, RefKind(kind), ref.text("name"), new.text("target", "hash") if new else None)
