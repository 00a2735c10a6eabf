"""The one clock: the current time in UTC. Tests freeze it here; nothing else asks the system for the time of day."""

from datetime import UTC, datetime


def now() -> datetime:
    """The current moment, with zone UTC."""
    return datetime.now(UTC)
