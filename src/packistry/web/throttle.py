"""Slowing down whoever guesses passwords, without locking the owner of an account out.

Failures count against the pair of account and address and against the address alone, never against the account
alone: a stranger elsewhere cannot use up the owner's attempts. Counts live in the worker that saw the failure.
"""

import time
from collections import OrderedDict
from typing import Final

# An address stands for a whole office behind one router: it may fail this many times as often as one account.
ADDRESS_FACTOR: Final = 5
# Oldest first out: the table cannot grow by inventing accounts.
MAX_KEYS: Final = 10_000


class Throttle:
    """Failed attempts within a moving window. Used from the event loop only."""

    def __init__(self, attempts: int, window_seconds: int) -> None:
        self._attempts = attempts
        self._window = window_seconds
        self._failures: OrderedDict[tuple[str, str | None], list[float]] = OrderedDict()

    def wait_seconds(self, account: str, address: str | None) -> int:
        """How long to wait before the next attempt counts; 0 when it may be made now."""
        limits = {(account, address): self._attempts, ("", address): self._attempts * ADDRESS_FACTOR}
        return max(self._wait(key, limit) for key, limit in limits.items())

    def failed(self, account: str, address: str | None) -> None:
        """One more failure of this account from this address."""
        now = time.monotonic()
        for key in ((account, address), ("", address)):
            self._failures[key] = [*self._recent(key, now), now]
            self._failures.move_to_end(key)
        while len(self._failures) > MAX_KEYS:
            self._failures.popitem(last=False)

    def succeeded(self, account: str, address: str | None) -> None:
        """The account's own count from this address begins anew."""
        self._failures.pop((account, address), None)

    def _wait(self, key: tuple[str, str | None], limit: int) -> int:
        now = time.monotonic()
        recent = self._recent(key, now)
        if len(recent) < limit:
            return 0
        # The window moves on when the failure leaves it that would make room for one more.
        return max(1, round(recent[-limit] + self._window - now))

    def _recent(self, key: tuple[str, str | None], now: float) -> list[float]:
        return [moment for moment in self._failures.get(key, []) if moment > now - self._window]
