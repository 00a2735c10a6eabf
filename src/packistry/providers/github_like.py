"""What Gitea and Forgejo took over from GitHub: where a project lies, what is told of it, and events of its hooks."""

from packistry.providers.answers import Host
from packistry.providers.base import EventKind, HookEvent, Project, RefKind
from packistry.providers.deliveries import ignored, pushed, ref_event
from packistry.providers.payloads import Payload

_PROJECT_EVENTS = {
    "renamed": EventKind.PROJECT_CHANGED,
    "transferred": EventKind.PROJECT_CHANGED,
    "archived": EventKind.PROJECT_CHANGED,
    "unarchived": EventKind.PROJECT_CHANGED,
    "edited": EventKind.PROJECT_CHANGED,  # another default branch, among others
    "privatized": EventKind.PROJECT_CHANGED,
    "publicized": EventKind.PROJECT_CHANGED,
    "deleted": EventKind.PROJECT_DELETED,
}


def repository_address(host: Host, full_name: str, *rest: str) -> str:
    owner, _, name = full_name.partition("/")
    return host.address("repos", owner, name, *rest)


def read_repository(row: Payload) -> Project:
    return Project(
        id=row.identifier("id"),
        full_name=row.text("full_name"),
        web_url=row.text("html_url"),
        clone_url=row.text("clone_url"),
        default_branch=row.text_or_none("default_branch"),
        # GitHub disables what breaks its terms.
        archived=row.flag("archived") or row.flag("disabled"),
        is_fork=row.flag("fork"),
        # Gitea tells of any change of the project in one time.
        changed_at=row.moment_or_none("pushed_at") or row.moment_or_none("updated_at"),
        may_create_hooks=row.flag_or_none("permissions", "admin"),
    )


def event_of(name: str, payload: Payload) -> HookEvent:
    """What a delivery of an event by that name tells; those that change no package are ignored."""
    match name:
        case "push":
            return _push(payload)
        case "delete":
            return _delete(payload)
        case "repository":
            return _project_event(payload)
        case _:
            return ignored(f'The event "{name[:100]}" changes no package.')


def _push(payload: Payload) -> HookEvent:
    project_id, full_name = payload.identifier("repository", "id"), payload.text("ref")
    after = "" if payload.flag("deleted") else payload.text("after")
    # `after` of an annotated tag is the tag object; the commit behind it is the head commit.
    head = payload.text_or_none("head_commit", "id") if full_name.startswith("refs/tags/") else None
    return pushed(project_id, full_name, (head or after) if after.strip("0") else None)


def _delete(payload: Payload) -> HookEvent:
    project_id, kind = payload.identifier("repository", "id"), payload.text("ref_type")
    if kind not in set(RefKind):
        return ignored(f"A {kind} was deleted, which is no branch and no tag.", project_id)
    return ref_event(project_id, RefKind(kind), payload.text("ref"), None)


def _project_event(payload: Payload) -> HookEvent:
    project_id, action = payload.identifier("repository", "id"), payload.text("action")
    kind = _PROJECT_EVENTS.get(action)
    return HookEvent(kind, project_id) if kind else ignored(f'"{action}" changes no package.', project_id)
