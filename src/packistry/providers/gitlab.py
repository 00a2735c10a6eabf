"""GitLab, in the cloud and on servers of one's own, also below a path."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, time
from pathlib import Path
from typing import BinaryIO

from packistry.clock import now
from packistry.errors import HostUnavailable, NotFound, Refusal
from packistry.findings import good, warning
from packistry.outbound.client import Answer
from packistry.providers.answers import ARCHIVE_BYTES, Host, counted, header_text
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
from packistry.providers.deliveries import (
    has_standard_signature,
    ignored,
    is_same_secret,
    pushed,
    read_delivery,
)
from packistry.providers.hooks import hook_to, hooked_project, written_hook
from packistry.providers.kept import KeptPages
from packistry.providers.payloads import Payload
from packistry.providers.refs import may_be_ref, told_ref

_LABEL = "GitLab"

# As many as the API gives at once.
_PAGE = {"per_page": "100"}
# Pages by number end at 50,000 rows, and shift when a project is made meanwhile.
_PROJECTS = {**_PAGE, "pagination": "keyset", "order_by": "id", "sort": "asc"}

_READING = "the scope `read_api` (or `api`) and at least the role Reporter in the project"
_HOOKS = "the scope `api` and at least the role Maintainer in the project"

# The number of the role Maintainer; Owner is 50.
_MAINTAINER = 40

# What group and system hooks tell of a project; hooks of a project itself tell of pushes only.
_PROJECT_EVENTS = {
    "project_rename": EventKind.PROJECT_CHANGED,
    "project_transfer": EventKind.PROJECT_CHANGED,
    "project_update": EventKind.PROJECT_CHANGED,  # archived, unarchived, another default branch
    "project_destroy": EventKind.PROJECT_DELETED,
}


class GitLab:
    """The Provider for GitLab. Source of addresses and fields: GitLab's documentation, "REST API" and "Webhooks"."""

    name = "gitlab"
    label = _LABEL
    default_address: str | None = "https://gitlab.com"
    has_hooks = True
    file_page = "{project}/-/blob/{commit}/{path}"
    fields: Sequence[CredentialField] = (
        CredentialField(
            "token",
            "Access token",
            f"A personal, group or project access token with {_READING}; to create hooks, {_HOOKS}. "
            "Made under Access tokens of your profile, of the group or of the project.",
        ),
    )

    def check(self, connection: Connection) -> CheckReport:
        try:
            host = _host(connection)
            account = host.get(host.address("user"), what="account for this token", needs=_READING).text("username")
            token = _token(host)
            count = _count(host)
        except Refusal as refusal:
            return refused(refusal, "Is it the address of GitLab itself, without /api/v4?")
        expires_at = _expiry(token)
        lines = [
            good(f"{_LABEL} answers at {connection.address}; the token belongs to {account}."),
            expiry_line(expires_at, now()),
            projects_line(count),
            *_scope_lines(token),
        ]
        return CheckReport(lines, account=account, expires_at=expires_at, projects_seen=count)

    def projects(self, connection: Connection, *, search: str = "", owner: str = "") -> Iterator[Project]:
        host = _host(connection)
        found = {"search": search, "search_namespaces": "true"} if search else {}
        return map(_project, _owned(host, owner, search) if owner else _member_projects(host, found))

    def project(self, connection: Connection, project_id: str) -> Project:
        host = _host(connection)
        return _project(host.get(host.address("projects", project_id), what=f"project {project_id}", needs=_READING))

    def project_named(self, connection: Connection, full_name: str) -> Project:
        # The API takes the name with its groups where it takes an id, as one segment.
        return self.project(connection, full_name)

    def refs(self, connection: Connection, project: Project) -> Iterator[Ref]:
        host = _host(connection)
        for kind, listing in ((RefKind.BRANCH, "branches"), (RefKind.TAG, "tags")):
            url = _repository(host, project, listing)
            for row in host.rows(url, what=f"{listing} of {project.full_name}", needs=_READING, params=_PAGE):
                # `target` of an annotated tag is the tag object. A tag of a file or a folder has no commit at all.
                if row.payload_or_none("commit"):
                    yield Ref(kind, row.text("name"), row.commit("commit", "id"))

    def find_ref(self, connection: Connection, project: Project, kind: RefKind, name: str) -> Ref | None:
        if not may_be_ref(name):
            return None
        host = _host(connection)
        url = _repository(host, project, "branches" if kind is RefKind.BRANCH else "tags", name)
        row = host.find(url, what=f"{kind} {name} in {project.full_name}", needs=_READING)
        if row is None:
            self.project(connection, project.id)
        return told_ref(row, kind, name, "commit", "id")

    def committed_at(self, connection: Connection, project: Project, commit: str) -> datetime:
        host = _host(connection)
        what = f"commit {commit} in {project.full_name}"
        # Without the counts of changed lines, which cost the server a difference.
        params = {"stats": "false"}
        found = host.get(_repository(host, project, "commits", commit), what=what, needs=_READING, params=params)
        return found.moment("authored_date")

    def read_file(self, connection: Connection, project: Project, commit: str, path: str) -> bytes | None:
        host = _host(connection)
        try:
            url = _repository(host, project, "files", path, "raw")
        except NotFound:
            return None
        what = f"{path} in {project.full_name}"
        answer = host.file(url, what=what, needs=_READING, params={"ref": commit})
        return answer.body if answer else None

    def download_archive(self, connection: Connection, project: Project, commit: str, into: BinaryIO) -> None:
        host = _host(connection)
        url = f"{_repository(host, project, 'archive.zip')}?sha={commit}"
        what = f"archive of {commit} in {project.full_name}"
        host.download(url, into, what=what, needs=_READING, max_bytes=ARCHIVE_BYTES)

    def create_hook(self, connection: Connection, project: Project, url: str, secret: str) -> str:
        host, current = _host(connection), hooked_project(self, connection, project)
        hooks, what = host.address("projects", current.id, "hooks"), f"hooks of {current.full_name}"
        wanted = {
            "url": url,
            "token": secret,
            "push_events": True,
            "tag_push_events": True,
            "enable_ssl_verification": True,
            "push_events_branch_filter": "",
        }
        found = hook_to(url, host.rows(hooks, what=what, needs=_HOOKS, params=_PAGE), "url")
        hook_id = found.identifier("id") if found else None
        if found and hook_id and _state(found) is not HookState.ACTIVE:
            # Changing a hook that GitLab switched off after failures does not switch it on again.
            host.delete(_hook(host, current, hook_id), what=what, needs=_HOOKS)
            hook_id = None
        return written_hook(host, hooks, hook_id, wanted, what=what, needs=_HOOKS).identifier("id")

    def hook_state(self, connection: Connection, project: Project, hook_id: str) -> HookState:
        host = _host(connection)
        hook = host.find(_hook(host, project, hook_id), what=f"hook {hook_id}", needs=_HOOKS)
        return HookState.GONE if hook is None else _state(hook)

    def delete_hook(self, connection: Connection, project: Project, hook_id: str) -> None:
        host = _host(connection)
        host.delete(_hook(host, project, hook_id), what=f"hook {hook_id}", needs=_HOOKS)

    def keep_only(self, folder: Path, project_ids: Collection[str]) -> int:
        return 0

    def is_authentic(self, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        """By the signature of a signing token where there is one, else by the secret itself, sent as it is."""
        # The time that is signed too is not looked at: a delivery that is sent again changes nothing.
        signed = f"{headers.get('webhook-id', '')}.{headers.get('webhook-timestamp', '')}.".encode() + body
        has_signature = has_standard_signature(headers.get("webhook-signature"), signed, secret)
        return is_same_secret(headers.get("x-gitlab-token"), secret) or has_signature

    def delivery_id(self, headers: Mapping[str, str]) -> str | None:
        # The first two stay the same when GitLab tries again, and are what servers before 17.4 do not send.
        names = ("idempotency-key", "webhook-id", "x-gitlab-event-uuid")
        return next((headers[name] for name in names if name in headers), None)

    def parse_event(self, headers: Mapping[str, str], body: bytes) -> Sequence[HookEvent]:
        payload = read_delivery(body)
        # The header of a system hook says only that it is one; the body tells them all apart.
        event = payload.text_or_none("event_name") or payload.text_or_none("object_kind") or ""
        if event in {"push", "tag_push"}:
            return [_push(payload)]
        if event in _PROJECT_EVENTS:
            return [HookEvent(_PROJECT_EVENTS[event], payload.identifier("project_id"))]
        header = headers.get("x-gitlab-event", "")
        return [ignored(f'The event "{(event or header)[:100]}" changes no package.')]


def _host(connection: Connection) -> Host:
    headers = {"private-token": header_text(connection.credential["token"]), "accept": "application/json"}
    kept = KeptPages(connection.folder / "pages")
    return Host(_LABEL, f"{connection.address}/api/v4", connection.client, headers, status_of=_status, kept=kept)


def _status(answer: Answer) -> int:
    """Its limits answer 429; a server that bans an address for failed sign-ins answers 403, and says until when."""
    return 429 if answer.status == 403 and "retry-after" in answer.headers else answer.status


def _repository(host: Host, project: Project, *rest: str) -> str:
    return host.address("projects", project.id, "repository", *rest)


def _hook(host: Host, project: Project, hook_id: str) -> str:
    return host.address("projects", project.id, "hooks", hook_id)


def _member_projects(host: Host, params: Mapping[str, str]) -> Iterator[Payload]:
    wanted = {**_PROJECTS, "membership": "true", **params}
    return host.rows(host.address("projects"), what="projects", needs=_READING, params=wanted)


def _owned(host: Host, owner: str, search: str) -> Iterator[Payload]:
    """The rows of a group and all groups below it, or of a user."""
    params = {**_PAGE, **({"search": search} if search else {})}
    try:
        host.get(host.address("groups", owner), what=f"group {owner}", params={"with_projects": "false"})
    except NotFound:
        url, more = host.address("users", owner, "projects"), {}
    else:
        # Shared projects belong to another group, and are found there.
        url, more = host.address("groups", owner, "projects"), {"include_subgroups": "true", "with_shared": "false"}
    return host.rows(url, what=f"projects of {owner}", needs=_READING, params={**params, **more})


def _project(row: Payload) -> Project:
    return Project(
        id=row.identifier("id"),
        full_name=row.text("path_with_namespace"),
        web_url=row.text("web_url"),
        clone_url=row.text("http_url_to_repo"),
        default_branch=row.text_or_none("default_branch"),
        archived=row.flag("archived"),
        is_fork=row.payload_or_none("forked_from_project") is not None,
        changed_at=row.moment_or_none("last_activity_at"),
        may_create_hooks=_may_create_hooks(row),
    )


def _may_create_hooks(row: Payload) -> bool | None:
    """By the role in the project or in its group; None where the host does not tell roles, as in lists of others."""
    if row.payload_or_none("permissions") is None:
        return None
    roles = [row.number_or_none("permissions", place, "access_level") for place in ("project_access", "group_access")]
    return max((role or 0 for role in roles), default=0) >= _MAINTAINER


def _token(host: Host) -> Payload | None:
    """What GitLab says about the token; servers before 15.5 cannot."""
    url = host.address("personal_access_tokens", "self")
    return host.find(url, what="facts about this token", needs=_READING)


def _expiry(token: Payload | None) -> datetime | None:
    """A token ends at midnight UTC at the begin of its day of expiry."""
    day = token.text_or_none("expires_at") if token else None
    try:
        return datetime.combine(datetime.fromisoformat(day).date(), time(), UTC) if day else None
    except ValueError as fault:
        raise HostUnavailable(f"{_LABEL} names an expiry of the token that is no date.") from fault


def _count(host: Host) -> int | None:
    """None when there are more than 10,000, which GitLab does not count."""
    params = {"membership": "true", "simple": "true", "per_page": "1"}
    answer = host.send("GET", host.address("projects"), what="list of projects", needs=_READING, params=params)
    host.read_rows(answer)
    return counted(answer.headers.get("x-total", ""))


def _scope_lines(token: Payload | None) -> Iterator[CheckLine]:
    if token is None:
        yield warning("This GitLab is too old to tell the scopes of a token.")
        return
    scopes = set(token.texts("scopes"))
    if "api" in scopes:
        yield good("The scope `api` is there: projects can be read, and hooks created where the role is Maintainer.")
    elif "read_api" in scopes:
        yield good("The scope `read_api` is there: projects can be read.")
        yield warning("The scope `api` is missing: no hooks can be created, projects are polled instead.")
    else:
        # Projects could be read, or the check would have ended: a newer kind of token, with permissions of its own.
        yield warning("The scopes of the token do not tell whether hooks can be created: it is seen when one is made.")


def _state(hook: Payload) -> HookState:
    if (
        hook.text_or_none("alert_status") == "disabled"
        or not hook.flag("push_events")
        or not hook.flag("tag_push_events")
    ):
        return HookState.DISABLED
    return HookState.FAILING if hook.text_or_none("alert_status") == "temporarily_disabled" else HookState.ACTIVE


def _push(payload: Payload) -> HookEvent:
    project_id, full_name, after = payload.identifier("project_id"), payload.text("ref"), payload.text("after")
    # `after` of an annotated tag is the tag object, `checkout_sha` the commit behind it.
    commit = payload.text_or_none("checkout_sha") or after
    return pushed(project_id, full_name, commit if after.strip("0") else None)
