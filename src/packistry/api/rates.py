"""How many requests a caller may send: a bucket each, that fills up again by itself."""

import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

# Oldest first out: nobody fills the memory by inventing callers.
MOST_CALLERS: Final = 10_000
MINUTE: Final = 60


@dataclass(frozen=True, slots=True)
class Rate:
    """What is left to a caller. `reset_seconds` is until the bucket is full, `retry_seconds` until one more fits."""

    limit: int
    remaining: int
    reset_seconds: int
    retry_seconds: int = 0

    def headers(self) -> list[tuple[bytes, bytes]]:
        """As draft-ietf-httpapi-ratelimit-headers-06 names them."""
        found = {"limit": self.limit, "remaining": self.remaining, "reset": self.reset_seconds}
        return [(f"ratelimit-{name}".encode(), str(value).encode()) for name, value in found.items()]


class Rates:
    """One per worker, used from its event loop."""

    def __init__(self, per_minute: int) -> None:
        self._limit = per_minute
        # What is in each bucket, and when that was so.
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> Rate:
        """Takes one out of the caller's bucket; without one left, `retry_seconds` says when there is."""
        now = time.monotonic()
        left, since = self._buckets.pop(caller, (float(self._limit), now))
        left = min(float(self._limit), left + (now - since) * self._limit / MINUTE)
        taken = left >= 1
        self._buckets[caller] = (left - taken, now)
        if len(self._buckets) > MOST_CALLERS:
            self._buckets.popitem(last=False)
        return self._rate(left - taken, taken=taken)

    def _rate(self, left: float, *, taken: bool) -> Rate:
        per_second = self._limit / MINUTE
        wait = 0 if taken else max(1, round((1 - left) / per_second))
        return Rate(self._limit, int(left), round((self._limit - left) / per_second), wait)
