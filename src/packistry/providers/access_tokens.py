"""Access tokens that a host gives out for a while to who has a key and a secret (RFC 6749, 4.4).

They are kept in memory, by each process for itself: another one costs a single request and ends none of those before,
while on disk it would be a credential that nobody sealed.
"""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from packistry.clock import now

# A token is not used at its very end: the request takes its time, and the host's clock is another.
_MARGIN = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What stands in the header, and until when it is good."""

    text: str = field(repr=False)
    expires_at: datetime


@dataclass(slots=True)
class _Place:
    """The token of one key, and the lock of those who want it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    token: AccessToken | None = None


class AccessTokens:
    """The tokens that a process has. Thread-safe: who comes while one is being fetched waits for that one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: dict[bytes, _Place] = {}

    def find(self, key: bytes, fetch: Callable[[], AccessToken], *, refused: str | None = None) -> str:
        """The token for the key, fetched when there is none, when it is about to end, or when it is the one that the
        host `refused`.
        """
        with self._lock:
            place = self._places.setdefault(key, _Place())
        with place.lock:
            kept = place.token
            if kept is None or kept.text == refused or kept.expires_at - now() < _MARGIN:
                # Not kept beyond this: should fetching fail, the next one tries again.
                place.token = None
                place.token = kept = fetch()
            return kept.text


def token_key(*parts: str) -> bytes:
    """What a token is kept by: a digest of what it is got with, so that a new secret gets a new token."""
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=32).digest()
