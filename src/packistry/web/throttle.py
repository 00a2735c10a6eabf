"""Slowing down whoever guesses passwords, without locking the owner of an account out.

Failures count against the pair of account and address and against the address alone, never against the account
alone: a stranger elsewhere cannot use up the owner's attempts. Counts live in the worker that saw the failure.
"""

import hashlib
import time
from collections import OrderedDict
from ipaddress import IPv6Address, ip_address
from typing import Final

# An address stands for a whole office behind one router: it may fail this many times as often as one account.
ADDRESS_FACTOR: Final = 5
# Oldest first out: the table cannot grow by inventing accounts.
MAX_KEYS: Final = 10_000
# Of an account's digest: a name of any length takes as much room as another.
DIGEST_BYTES: Final = 16
# What a provider gives one customer at least. Source: RFC 6177.
IPV6_BITS_OF_ONE_CALLER: Final = 64

Key = tuple[bytes, str | None]


class Throttle:
    """Failed attempts within a moving window. Used from the event loop only."""

    def __init__(self, attempts: int, window_seconds: int) -> None:
        self._attempts = attempts
        self._window = window_seconds
        self._failures: OrderedDict[Key, list[float]] = OrderedDict()

    def wait_seconds(self, account: str, address: str | None) -> int:
        """How long to wait before the next attempt counts; 0 when it may be made now."""
        own, whole = _keys(account, address)
        limits = {own: self._attempts, whole: self._attempts * ADDRESS_FACTOR}
        return max(self._wait(key, limit) for key, limit in limits.items())

    def failed(self, account: str, address: str | None) -> None:
        """One more failure of this account from this address."""
        now = time.monotonic()
        for key in _keys(account, address):
            self._failures[key] = [*self._recent(key, now), now]
            self._failures.move_to_end(key)
        while len(self._failures) > MAX_KEYS:
            self._failures.popitem(last=False)

    def succeeded(self, account: str, address: str | None) -> None:
        """The account's own count from this address begins anew."""
        own, _ = _keys(account, address)
        self._failures.pop(own, None)

    def _wait(self, key: Key, limit: int) -> int:
        now = time.monotonic()
        recent = self._recent(key, now)
        if len(recent) < limit:
            return 0
        # The window moves on when the failure leaves it that would make room for one more.
        return max(1, round(recent[-limit] + self._window - now))

    def _recent(self, key: Key, now: float) -> list[float]:
        return [moment for moment in self._failures.get(key, []) if moment > now - self._window]


def caller_of(address: str | None) -> str | None:
    """Whom an address stands for: itself, but of IPv6 the network, of which one caller has more addresses than there
    is room to count.
    """
    if address is None or ":" not in address:
        return address
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Address(int(parsed) >> IPV6_BITS_OF_ONE_CALLER << IPV6_BITS_OF_ONE_CALLER))


def _keys(account: str, address: str | None) -> tuple[Key, Key]:
    """That of the account from this caller, and that of the caller whatever the account."""
    caller = caller_of(address)
    name = account.strip().lower().encode("utf-8", "surrogatepass")
    return (hashlib.blake2b(name, digest_size=DIGEST_BYTES).digest(), caller), (b"", caller)
