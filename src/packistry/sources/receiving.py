"""Taking deliveries in at the door: found by the address, authentic by a secret of ours, and only then read."""

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import structlog
from sqlalchemy import update

from packistry import clock
from packistry.db.engine import Database
from packistry.db.models import Source
from packistry.errors import BodyTooLarge, Unauthenticated, Unavailable
from packistry.providers import PROVIDERS
from packistry.sealing import Sealer
from packistry.sources.deliveries import hear, pack, take_in
from packistry.sources.hooks import Door, DoorHook, HookSecrets, find_door, open_secrets

log = structlog.get_logger(__name__)

# The address of a source tries the secrets of all its hooks, each over the whole body. So much is hashed in half a
# second; with 1,000 hooks it is bodies of 256 KB, which no push of a person is larger than.
MOST_HASHED_BYTES: Final = 256 * 1024**2
# Opening a secret takes longer than trying it.
KEPT_SECRETS: Final = 4096


@dataclass(frozen=True, slots=True)
class HookAnswer:
    """What the host is told: a status, a sentence for 200 and 422, and runs for 202."""

    status: int
    sentence: str
    runs: Sequence[int]


class RefusedDeliveries:
    """Deliveries that nobody signed, by source, since the last flush. Thread-safe; a kill costs what is in it."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._lock = threading.Lock()

    def add(self, source_id: int) -> None:
        with self._lock:
            self._counts[source_id] += 1

    def flush(self, database: Database) -> None:
        """Adds everything gathered to the sources. What cannot be written now is kept for the next time."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        if not counts:
            return
        try:
            with database.write() as session:
                for source_id, count in sorted(counts.items()):
                    more = {"refused_deliveries": Source.refused_deliveries + count, "refused_delivery_at": clock.now()}
                    session.execute(update(Source).where(Source.id == source_id).values(more))
        except BaseException:
            with self._lock:
                self._counts.update(counts)
            raise


class Receiver:
    """One per worker; thread-safe. A secret that was rotated works at once: it is kept by what the row has sealed."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self.refused = RefusedDeliveries()
        self._database = database
        self._sealer = sealer
        self._opened = lru_cache(KEPT_SECRETS)(self._open)

    def find_door(self, path: str, provider: str, source_id: int, project_id: int | None) -> Door:
        """Refuses with NotFound an address that leads to no source."""
        with self._database.read() as session:
            return find_door(session, path, provider, source_id, project_id)

    def receive(self, door: Door, headers: Mapping[str, str], body: bytes) -> HookAnswer:
        """Refuses with Unauthenticated what was signed with no secret of the door; nothing of it is read."""
        hooks = self._authentic(door, headers, body)
        if not hooks:
            self.refused.add(door.source_id)
            raise Unauthenticated(
                "The signature is missing or wrong: sign the body with the secret of this webhook, which "
                "`packistry webhook rotate` renews."
            )
        heard = hear(PROVIDERS[door.provider], headers, body)
        # Several have one secret when they were taken over from a server where a source had one.
        meant = next((hook for hook in hooks if heard.is_about(hook.remote_id)), hooks[0])
        packed = pack(body)
        with self._database.write() as session:
            delivery = take_in(session, meant.id, heard, packed)
        return HookAnswer(delivery.status, delivery.answer, delivery.runs)

    def _authentic(self, door: Door, headers: Mapping[str, str], body: bytes) -> Sequence[DoorHook]:
        """All are tried, whichever fits: the time tells nothing of which."""
        if len(door.hooks) > 1 and len(door.hooks) * len(body) > MOST_HASHED_BYTES:
            raise BodyTooLarge(
                f"{len(body):,} bytes are too many for an address of {len(door.hooks)} webhooks: post to the "
                "project's own address, which `packistry webhook list` shows."
            )
        provider = PROVIDERS[door.provider]
        found: list[DoorHook] = []
        for hook in door.hooks:
            fits = [provider.is_authentic(headers, body, secret) for secret in self._secrets(hook)]
            if any(fits):
                found.append(hook)
        return found

    def _secrets(self, hook: DoorHook) -> Sequence[str]:
        try:
            return self._opened(hook.sealed).accepted()
        except Unavailable as refusal:
            # One row that cannot be read must not close the door to the others of its source.
            log.warning("webhook.secret_lost", hook=hook.id, sentence=refusal.sentence)
            return ()

    def _open(self, sealed: bytes) -> HookSecrets:
        return open_secrets(self._sealer, sealed)
