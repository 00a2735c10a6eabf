"""How fast a host wants to be asked, read from the headers of its answers."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# GitHub: "wait for at least one minute before retrying", where an answer names no time.
_UNNAMED_WAIT = timedelta(minutes=1)
# The hosts' windows are an hour at most; a host that says more must not stop a source for ever.
_LONGEST_WAIT = timedelta(days=1)

# The last tenth of a limit is spread over the time that is left, but a single request is never held up for longer.
_SPARE_SHARE = 0.1
_LONGEST_PAUSE_SECONDS = 5.0


def limited_until(headers: Mapping[str, str], moment: datetime) -> datetime:
    """When a host that said "too fast" listens again: Retry-After, else the end of a used up window, else a minute."""
    until = _retry_after(headers.get("retry-after", ""), moment)
    if until is None and _limit_header(headers, "remaining") in {0, None}:
        reset = _limit_header(headers, "reset")
        until = None if reset is None else datetime.fromtimestamp(reset, UTC)
    if until is None:
        return moment + _UNNAMED_WAIT
    # Our clock and theirs differ a little: never in the past.
    return min(max(until, moment + timedelta(seconds=1)), moment + _LONGEST_WAIT)


def pause_seconds(headers: Mapping[str, str], moment: datetime) -> float:
    """How long to wait after a good answer, so that the rest of a limit lasts to its end; 0 while plenty is left."""
    limit, remaining, reset = (_limit_header(headers, name) for name in ("limit", "remaining", "reset"))
    if not limit or remaining is None or remaining > limit * _SPARE_SHARE:
        return 0
    if reset is None:
        return min(_refill_seconds(headers), _LONGEST_PAUSE_SECONDS)
    left_seconds = max(reset - moment.timestamp(), 0)
    if remaining:
        return min(left_seconds / (remaining + 1), _LONGEST_PAUSE_SECONDS)
    # At the wall: it is worth waiting only when it goes down soon. Else the next request is told until when.
    return left_seconds if left_seconds <= _LONGEST_PAUSE_SECONDS else 0


def _refill_seconds(headers: Mapping[str, str]) -> float:
    """How long it takes until one more request is allowed, where there is no window but a bucket that fills evenly.

    Source: Atlassian, "Adjusting your code for rate limiting" (Data Center).
    """
    interval, rate = (_limit_header(headers, name) for name in ("interval-seconds", "fillrate"))
    return interval / rate if interval and rate else 0


def _limit_header(headers: Mapping[str, str], name: str) -> int | None:
    """A number from `X-RateLimit-...` or, as GitLab writes it, `RateLimit-...`."""
    text = headers.get(f"x-ratelimit-{name}", headers.get(f"ratelimit-{name}", ""))
    # Longer is no time and no count that anybody means.
    return int(text) if re.fullmatch(r"[0-9]{1,11}", text) else None


def _retry_after(text: str, moment: datetime) -> datetime | None:
    """Seconds or a date (RFC 9110, 10.2.3)."""
    if re.fullmatch(r"[0-9]{1,9}", text):
        return moment + timedelta(seconds=int(text))
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except ValueError:
        return None
