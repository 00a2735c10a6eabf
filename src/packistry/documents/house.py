"""What programs are told of the whole house: the audit log, and counts."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

if TYPE_CHECKING:
    from packistry.audit.queries import AuditEvent


@dataclass(frozen=True, slots=True)
class EventDocument:
    """One line of the audit log."""

    id: Annotated[int, "number"]
    at: Annotated[datetime, "when"]
    event: Annotated[str, "what happened, such as version.published"]
    actor_kind: Annotated[str, "user, deploy_token, system or anonymous"]
    actor_id: Annotated[int | None, "number of who did it"]
    actor_name: Annotated[str, "who did it, as they were called then"]
    subject_kind: Annotated[str, "kind of what it was done to"]
    subject_id: Annotated[int | None, "number of what it was done to"]
    subject_name: Annotated[str, "what it was done to, as it was called then"]
    address: Annotated[str | None, "address of the caller, as long as it is kept"]
    details: Annotated[dict[str, Any], "what else is known of it"]


@dataclass(frozen=True, slots=True)
class StatisticsDocument:
    """How much there is that one may see."""

    repositories: Annotated[int, "repositories"]
    packages: Annotated[int, "packages"]
    versions: Annotated[int, "versions that clients are told of"]
    downloads: Annotated[int, "downloads of all these packages"]


@dataclass(frozen=True, slots=True)
class DayDocument:
    """The downloads of a day."""

    day: Annotated[date, "day in UTC"]
    downloads: Annotated[int, "downloads"]


@dataclass(frozen=True, slots=True)
class DownloadsDocument:
    """The downloads of a package."""

    package: Annotated[int, "number of the package"]
    days: Annotated[list[DayDocument], "the last days, today the last"]


def event_document(event: "AuditEvent") -> EventDocument:
    """The line as a document."""
    return EventDocument(
        id=event.id,
        at=event.at,
        event=event.event,
        actor_kind=event.actor_kind,
        actor_id=event.actor_id,
        actor_name=event.actor_name,
        subject_kind=event.subject_kind,
        subject_id=event.subject_id,
        subject_name=event.subject_name,
        address=event.address,
        details=event.details,
    )
