"""Keeping hooks at their hosts as the rows want them: made, looked after, repaired, and in the end removed.

Where there can be none the hook says why, and its project is polled. No session is open while a host is asked.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import structlog
from sqlalchemy import or_, select

from packistry import clock
from packistry.db.engine import Database, ReadSession
from packistry.db.models import Hook, Repository, Source
from packistry.errors import NotFound, RateLimited, Refusal, Unavailable
from packistry.packages.documents import repository_base
from packistry.providers.base import Connection, HookState, Project, Provider
from packistry.sources.connecting import Connector, find_provider
from packistry.sources.hooks import (
    HookSecrets,
    forget_credential,
    give_up_hook,
    hook_path,
    mint_secret,
    open_secrets,
    seal_secrets,
)
from packistry.sources.states import HookStatus

log = structlog.get_logger(__name__)

# A hook that is gone is missed for so long; each push until then is found by the next sync.
LOOK_AGAIN: Final = timedelta(hours=6)
# A host that does not answer, or wants a better credential, is not asked all the time for a hook.
TRY_AGAIN: Final = timedelta(minutes=15)
# A deleted source keeps its credential until its hooks are removed, but not for longer than this.
CREDENTIAL_KEPT: Final = timedelta(days=1)
# One look of the jobs process; the rest comes with the next.
DUE_AT_ONCE: Final = 200
# Names that are known on this machine or this network only.
_PRIVATE_ENDINGS: Final = (".localhost", ".local", ".internal", ".lan", ".home.arpa")


@dataclass(frozen=True, slots=True)
class Found:
    """How a hook is after it was looked at."""

    state: HookStatus
    reason: str | None
    remote_hook_id: str | None
    address: str
    again_at: datetime
    # Sealed anew, when the secrets changed by it.
    secret: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class _Look:
    """A hook as it was when its turn came, and where the host is to post to."""

    hook: Hook
    source: Source
    address: str
    obstacle: str | None

    @property
    def has_called(self) -> bool:
        """Whether the host called since it was asked for the hook: then it need not be asked again."""
        hook = self.hook
        if hook.checked_at is None or hook.last_delivery_at is None or hook.address != self.address:
            return False
        return hook.remote_hook_id is not None and hook.last_delivery_at > hook.checked_at

    def found(self, state: HookStatus, reason: str | None = None, after: timedelta = LOOK_AGAIN) -> Found:
        # An hour is spread over the hooks that were made together, so that a host is not asked for all of them at once.
        again_at = clock.now() + after + timedelta(minutes=self.hook.id % 60 if after == LOOK_AGAIN else 0)
        return Found(state, reason, self.hook.remote_hook_id, self.hook.address, again_at)


@dataclass(frozen=True, slots=True)
class HookKeeper:
    """Works off hooks that are due. One per process; thread-safe. `allowed` are the private places that we may ask."""

    database: Database
    connector: Connector
    public_url: str | None
    allowed: Sequence[str]

    def work(self, hook_id: int) -> None:
        """Does what the hook needs now, and says when it is to be looked at again."""
        look = self._look(hook_id)
        if look is None:
            return
        try:
            found = self._settle(look)
        except RateLimited as refusal:
            found = replace(self._failed(look, refusal), again_at=refusal.until)
        except Refusal as refusal:
            found = self._failed(look, refusal)
        self._note(look, found)

    def _look(self, hook_id: int) -> _Look | None:
        with self.database.write() as session:
            hook = session.get(Hook, hook_id)
            if hook is None:
                return None
            source, repository = (
                session.get_one(Source, hook.source_id),
                session.get_one(Repository, hook.repository_id),
            )
            if repository.deleted_at is not None and hook.deleted_at is None:
                give_up_hook(hook)
            address = f"{repository_base(self.public_url or '', repository.path)}/{hook_path(session, hook)}"
            return _Look(hook, source, address, why_unreachable(self.public_url, source.address, self.allowed))

    def _settle(self, look: _Look) -> Found:
        hook = look.hook
        if hook.deleted_at is not None:
            return self._removed(look)
        if not find_provider(look.source.provider).has_hooks:
            reason = None if hook.secret else f"`packistry webhook rotate {hook.id}` gives the secret for its script."
            return look.found(HookStatus.MANUAL, reason)
        if look.obstacle is not None:
            return look.found(HookStatus.POLLED, look.obstacle)
        if hook.state != HookStatus.WANTED and look.has_called:
            return look.found(HookStatus.ACTIVE)
        with self.connector.connect(look.source) as (provider, connection):
            project = provider.project(connection, hook.remote_id)
            if hook.remote_hook_id and hook.address != look.address:
                provider.delete_hook(connection, project, hook.remote_hook_id)
            elif hook.remote_hook_id and hook.secret and hook.state != HookStatus.WANTED:
                state = provider.hook_state(connection, project, hook.remote_hook_id)
                if state in {HookState.ACTIVE, HookState.FAILING}:
                    return _as_told(look, state)
            return self._made(look, provider, connection, project)

    def _made(self, look: _Look, provider: Provider, connection: Connection, project: Project) -> Found:
        """The host was told of address and secret: of a new hook, or of the one that it has."""
        secrets = self._secrets(look)
        remote_hook_id = provider.create_hook(connection, project, look.address, secrets.secret)
        log.info("webhook.made", hook=look.hook.id, project=project.full_name)
        sealed = seal_secrets(self.connector.sealer, secrets.ending())
        made = look.found(HookStatus.ACTIVE)
        return replace(made, remote_hook_id=remote_hook_id, address=look.address, secret=sealed)

    def _secrets(self, look: _Look) -> HookSecrets:
        """Those of the row, stored before the host has them: it calls as soon as it is told."""
        sealer = self.connector.sealer
        with self.database.write() as session:
            hook = session.get_one(Hook, look.hook.id, with_for_update=True)
            known = open_secrets(sealer, hook.secret)
            if not known.secret:
                known = HookSecrets(mint_secret())
                hook.secret = seal_secrets(sealer, known)
            # What the row had when the host was told; another one since then is told next.
            look.hook.secret = hook.secret
        return known

    def _removed(self, look: _Look) -> Found:
        hook = look.hook
        gone = replace(look.found(HookStatus.REMOVED), remote_hook_id=None, address="")
        if not hook.remote_hook_id or not look.source.credential:
            return gone
        # By the project's name of today; with a project its hooks are gone.
        with suppress(NotFound), self.connector.connect(look.source) as (provider, connection):
            project = provider.project(connection, hook.remote_id)
            provider.delete_hook(connection, project, hook.remote_hook_id)
        return gone

    def _failed(self, look: _Look, refusal: Refusal) -> Found:
        hook = look.hook
        log.warning("webhook.refused", hook=hook.id, sentence=refusal.sentence)
        if hook.deleted_at is not None:
            # In vain for so long: the credential is not kept for ever, and calls are answered with 404 anyway.
            is_over = clock.now() - hook.deleted_at >= CREDENTIAL_KEPT
            found = look.found(HookStatus.REMOVED, refusal.sentence, TRY_AGAIN)
            return replace(found, remote_hook_id=None) if is_over else found
        if isinstance(refusal, Unavailable):
            return look.found(HookStatus(hook.state), refusal.sentence, TRY_AGAIN)
        state = HookStatus.FAILING if hook.remote_hook_id else HookStatus.POLLED
        return look.found(state, f"{refusal.sentence} Until then it is polled.")

    def _note(self, look: _Look, found: Found) -> None:
        with self.database.write() as session:
            hook = session.get_one(Hook, look.hook.id, with_for_update=True)
            hook.remote_hook_id, hook.address, hook.checked_at = found.remote_hook_id, found.address, clock.now()
            if (hook.deleted_at is None) != (look.hook.deleted_at is None) or hook.secret != look.hook.secret:
                # Given up, wanted again or rotated meanwhile: that is still to be done.
                hook.due_at = clock.now()
                return
            hook.state, hook.reason, hook.due_at = found.state, found.reason, found.again_at
            hook.secret = found.secret or hook.secret
            session.flush()
            forget_credential(session, session.get_one(Source, hook.source_id))


def due_hooks(session: ReadSession) -> Sequence[int]:
    """Those that are to be looked at now, longest due first; none of a host that wants to hear nothing from us."""
    kept = Hook.deleted_at.is_(None) & (Hook.state != HookStatus.MANUAL) & Source.credential_refused.is_(None)
    to_remove = Hook.deleted_at.is_not(None) & Hook.remote_hook_id.is_not(None)
    listens = or_(Source.waits_until.is_(None), Source.waits_until <= clock.now())
    due = select(Hook.id).join(Source, Source.id == Hook.source_id).where(Hook.due_at <= clock.now(), listens)
    return session.scalars(due.where(or_(kept, to_remove)).order_by(Hook.due_at).limit(DUE_AT_ONCE)).all()


def why_unreachable(public_url: str | None, source_address: str, allowed: Sequence[str]) -> str | None:
    """Why a host at this address cannot call us, and what to do; None when it probably can."""
    if public_url is None:
        return "Set PACKISTRY_PUBLIC_URL, so that the host can be told where to call. Until then it is polled."
    host, theirs = urlsplit(public_url).hostname or "", urlsplit(source_address).hostname or ""
    if not _is_private(host) or _is_private(theirs) or theirs in allowed:
        return None
    return f"{theirs} cannot call {public_url}, which is on this machine or a private network; it is polled."


def _is_private(host: str) -> bool:
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith(_PRIVATE_ENDINGS)


def _as_told(look: _Look, state: HookState) -> Found:
    if state is HookState.ACTIVE:
        return look.found(HookStatus.ACTIVE)
    reason = f"The host's last calls did not get through: it must reach {look.address}. Until then it is polled."
    return look.found(HookStatus.FAILING, reason)
