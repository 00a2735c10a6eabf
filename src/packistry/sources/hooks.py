"""Hooks as rows: which projects want one, the secrets they are signed with, and through which address which is meant.

Sessions only; `upkeep` tells hosts of what stands here.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, bindparam, exists, func, select, update

from packistry import clock
from packistry.access.actors import Actor
from packistry.access.permissions import Permission
from packistry.access.rules import require
from packistry.audit.events import Event
from packistry.audit.log import Subject, record
from packistry.db.engine import ReadSession, WriteSession
from packistry.db.models import Hook, Project, Repository, Source
from packistry.db.statements import insert_missing
from packistry.errors import NotFound
from packistry.sealing import Sealer
from packistry.sources.states import HookStatus

# Deliveries that were signed with the secret before may be under way, or be sent again, for this long.
OVERLAP: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class HookSecrets:
    """What deliveries may be signed with. Without an end the previous one stays until the host knows the new one."""

    secret: str = field(default="", repr=False)
    previous: str = field(default="", repr=False)
    previous_until: datetime | None = None

    def accepted(self) -> Sequence[str]:
        """Those that are good now."""
        is_over = self.previous_until is not None and self.previous_until <= clock.now()
        return [secret for secret in (self.secret, "" if is_over else self.previous) if secret]

    def rotated(self) -> "HookSecrets":
        """A new secret; the present one becomes the previous."""
        return HookSecrets(mint_secret(), self.secret)

    def ending(self) -> "HookSecrets":
        """The previous secret ends after the overlap, unless its end is known already."""
        if not self.previous or self.previous_until is not None:
            return self
        return HookSecrets(self.secret, self.previous, clock.now() + OVERLAP)


@dataclass(frozen=True, slots=True)
class HookSummary:
    """A hook with the names of what it is about."""

    hook: Hook
    source: Source
    repository: Repository
    project: str


@dataclass(frozen=True, slots=True)
class DoorHook:
    """A hook that an address leads to."""

    id: int
    remote_id: str
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Door:
    """What an address of deliveries leads to: a source, seen from one repository."""

    source_id: int
    provider: str
    hooks: Sequence[DoorHook]


def mint_secret() -> str:
    """43 characters of chance, 256 bits: as many as the signature has."""
    return secrets.token_urlsafe(32)


def seal_secrets(sealer: Sealer, known: HookSecrets) -> bytes:
    """As the row keeps them."""
    until = known.previous_until.isoformat() if known.previous_until else ""
    return sealer.seal({"secret": known.secret, "previous": known.previous, "previous_until": until})


def open_secrets(sealer: Sealer, sealed: bytes) -> HookSecrets:
    """None at all for a row that has none yet. Refuses with Unavailable when no key fits."""
    if not sealed:
        return HookSecrets()
    kept = sealer.open(sealed)
    until = datetime.fromisoformat(kept["previous_until"]) if kept.get("previous_until") else None
    return HookSecrets(kept["secret"], kept.get("previous", ""), until)


def settle_hook(session: WriteSession, project: Project) -> Hook | None:
    """The hook that the project's wishes make: one for all directories of a project in a repository, or none.

    To be called after whatever changes `hooked` or `deleted_at`; the jobs process then tells the host.
    """
    session.flush()
    if _is_wanted(session, project):
        return _want(session, project)
    same = (Hook.source_id == project.source_id, Hook.remote_id == project.remote_id)
    give_up_hooks(session, and_(*same, Hook.repository_id == project.repository_id))
    return None


def give_up_hook(hook: Hook) -> None:
    """From now on it opens nothing; at the host it is removed in a moment, where it is there."""
    hook.deleted_at = hook.due_at = clock.now()
    hook.state, hook.reason, hook.secret = HookStatus.REMOVED, None, b""


def give_up_hooks(session: WriteSession, chosen: ColumnElement[bool]) -> int:
    """As `give_up_hook` for all that live among the chosen; how many."""
    hooks = session.scalars(select(Hook).where(chosen, Hook.deleted_at.is_(None))).all()
    for hook in hooks:
        give_up_hook(hook)
    return len(hooks)


def forget_credential(session: WriteSession, source: Source) -> None:
    """Of a deleted source, as soon as no hook is left to be removed with it."""
    session.flush()
    left = select(exists().where(Hook.source_id == source.id, Hook.remote_hook_id.is_not(None)))
    if source.deleted_at is not None and not session.scalar(left):
        source.credential = b""


def make_manual(sealer: Sealer, hook: Hook) -> str | None:
    """The secret that a person puts into a script, to be shown this once; None when it was shown before."""
    hook.state, hook.reason = HookStatus.MANUAL, None
    if hook.secret:
        return None
    known = HookSecrets(mint_secret())
    hook.secret = seal_secrets(sealer, known)
    return known.secret


def look_after_hooks(session: WriteSession, source: Source) -> None:
    """All of the source, in a moment: what was refused before may be done now."""
    live = update(Hook).where(Hook.source_id == source.id, Hook.deleted_at.is_(None))
    session.execute(live.values(due_at=clock.now()))


def rotate_hook(session: WriteSession, actor: Actor, sealer: Sealer, hook_id: int) -> str:
    """Another secret, which is returned; the host is told of it by the jobs process, a person puts it in by hand."""
    require(actor, Permission.SOURCE_MANAGE)
    summary = find_hook(session, actor, hook_id)
    hook = summary.hook
    known = open_secrets(sealer, hook.secret).rotated()
    if hook.remote_hook_id is None:
        known = known.ending()
    if hook.state != HookStatus.MANUAL:
        hook.state, hook.due_at = HookStatus.WANTED, clock.now()
    hook.secret = seal_secrets(sealer, known)
    record(session, actor, Event.HOOK_ROTATED, Subject("hook", hook.id, summary.project))
    return known.secret


def find_hook(session: ReadSession, actor: Actor, hook_id: int) -> HookSummary:
    """Refuses with NotFound."""
    require(actor, Permission.SOURCE_MANAGE)
    found = _summaries(session, Hook.id == hook_id)
    if not found:
        raise NotFound(f"There is no webhook {hook_id}; `packistry webhook list` shows those there are.")
    return found[0]


def list_hooks(session: ReadSession, actor: Actor, source: Source | None = None) -> Sequence[HookSummary]:
    """Those that live, of all sources or of one, in the order in which they were made."""
    require(actor, Permission.SOURCE_MANAGE)
    return _summaries(session, Hook.source_id == source.id if source else Hook.id.is_not(None))


def find_door(session: ReadSession, path: str, provider: str, source_id: int, project_id: int | None) -> Door:
    """What `{path}/incoming/{provider}/{source_id}` leads to, with `/{project_id}` at its end the project's hook only.

    Refuses with NotFound. A project that was removed still names the hook that it shared with other directories.
    """
    repository_id = session.scalar(_REPOSITORY, {"path": path, "source": source_id, "provider": provider})
    if repository_id is None:
        raise NotFound("There is no such source here; `packistry webhook list` shows the addresses there are.")
    place = {"source": source_id, "repository": repository_id, "project": project_id}
    rows = session.execute(_HOOKS if project_id is None else _PROJECTS_HOOKS, place)
    hooks = [DoorHook(*row) for row in rows]
    if project_id is not None and not hooks:
        raise NotFound("There is no such project here; `packistry webhook list` shows the addresses there are.")
    return Door(source_id, provider, hooks)


def projects_of(session: ReadSession, hook: Hook) -> Sequence[Project]:
    """The live projects that the hook is for: one for each directory that is a package."""
    place = {"source": hook.source_id, "remote": hook.remote_id, "repository": hook.repository_id}
    return session.scalars(_LIVE_PROJECTS, place).all()


def hook_path(session: ReadSession, hook: Hook) -> str:
    """The end of the hook's address below its repository; it stays the same for ever."""
    source = session.get_one(Source, hook.source_id)
    first = session.scalar(select(func.min(Project.id)).where(_projects(hook)))
    return f"incoming/{source.provider}/{source.id}/{first}"


# Of all that a delivery costs, most is making statements. Made once, each costs half as much.
_REPOSITORY: Final = (
    select(Repository.id)
    .join(Source, Source.id == bindparam("source"))
    .where(Repository.path == bindparam("path"), Repository.deleted_at.is_(None))
    .where(Source.provider == bindparam("provider"), Source.deleted_at.is_(None))
)
_HOOKS: Final = select(Hook.id, Hook.remote_id, Hook.secret).where(
    Hook.source_id == bindparam("source"), Hook.repository_id == bindparam("repository"), Hook.deleted_at.is_(None)
)
_PROJECTS_HOOKS: Final = _HOOKS.where(
    exists().where(
        Project.source_id == Hook.source_id,
        Project.remote_id == Hook.remote_id,
        Project.repository_id == Hook.repository_id,
        Project.id == bindparam("project"),
    )
)
_LIVE_PROJECTS: Final = (
    select(Project)
    .where(Project.source_id == bindparam("source"), Project.remote_id == bindparam("remote"))
    .where(Project.repository_id == bindparam("repository"), Project.deleted_at.is_(None))
    .order_by(Project.id)
)


def _projects(hook: Hook) -> ColumnElement[bool]:
    return and_(
        Project.source_id == hook.source_id,
        Project.remote_id == hook.remote_id,
        Project.repository_id == hook.repository_id,
    )


def _is_wanted(session: ReadSession, project: Project) -> bool:
    same = and_(
        Project.source_id == project.source_id,
        Project.remote_id == project.remote_id,
        Project.repository_id == project.repository_id,
    )
    return bool(session.scalar(select(exists().where(same, Project.deleted_at.is_(None), Project.hooked.is_(True)))))


def _want(session: WriteSession, project: Project) -> Hook:
    """Its row, made or brought back."""
    moment = clock.now()
    row = {"source_id": project.source_id, "remote_id": project.remote_id, "repository_id": project.repository_id}
    fresh = {"address": "", "secret": b"", "state": HookStatus.WANTED, "due_at": moment, "created_at": moment}
    insert_missing(session, Hook, {**row, **fresh})
    hook = session.scalars(select(Hook).filter_by(**row)).one()
    if hook.deleted_at is not None:
        hook.deleted_at = hook.last_delivery_at = None
        hook.state, hook.due_at = HookStatus.WANTED, moment
    return hook


def _summaries(session: ReadSession, chosen: ColumnElement[bool]) -> Sequence[HookSummary]:
    name = select(func.min(Project.full_name)).where(
        Project.source_id == Hook.source_id, Project.remote_id == Hook.remote_id
    )
    rows = session.execute(
        select(Hook, Source, Repository, name.scalar_subquery())
        .join(Source, Source.id == Hook.source_id)
        .join(Repository, Repository.id == Hook.repository_id)
        .where(chosen, Hook.deleted_at.is_(None))
        .order_by(Hook.id)
    )
    return [HookSummary(*row) for row in rows]
