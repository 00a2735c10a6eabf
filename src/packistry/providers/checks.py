"""The sentences of `source test` that are the same for every code host."""

from datetime import datetime, timedelta

from packistry import findings
from packistry.errors import NotFound, Refusal
from packistry.findings import CheckLine, bad, good, warning
from packistry.providers.base import CheckReport

# Time enough for a person to be told, come back from a holiday and make a new credential.
EXPIRES_SOON = timedelta(days=14)


def refused(refusal: Refusal, hint: str) -> CheckReport:
    """The report when not even the account could be read; with the hint where the address may be a wrong one."""
    return CheckReport([findings.refused(refusal, hint if isinstance(refusal, NotFound) else "")])


def expiry_line(expires_at: datetime | None, moment: datetime) -> CheckLine:
    """When the credential ends. None: it has no end that the host tells of."""
    if expires_at is None:
        return good("The credential has no date of expiry.")
    day = f"{expires_at:%Y-%m-%d}"
    if expires_at <= moment:
        return bad(f"The credential expired on {day}: make a new one and rotate this source.")
    if expires_at - moment < EXPIRES_SOON:
        return warning(f"The credential expires on {day}: make a new one and rotate this source before.")
    return good(f"The credential expires on {day}.")


def projects_line(count: int | None) -> CheckLine:
    """How many projects the credential sees; None when the host does not count them."""
    if count == 0:
        return warning("The credential sees no project: was it given any?")
    if count is None:
        return good("The credential sees projects, more than the host counts.")
    return good(f"The credential sees {count:,} project{'' if count == 1 else 's'}.")
