"""The audit log."""

import re
from datetime import date
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Response
from pydantic import AfterValidator, BeforeValidator

from packistry.access.permissions import Ability
from packistry.api.calls import Ask, Listed, sorted_by
from packistry.api.inputs import Id, Words, words_of
from packistry.api.operations import list_of, operation
from packistry.audit.queries import EVENT_ORDERS, Asked, event_at, part_of_events
from packistry.documents.house import EventDocument, event_document

router: Final = APIRouter(tags=["audit"])
READ = Ability.AUDIT_READ


def _written_out(day: object) -> object:
    # A number would be taken for seconds since 1970.
    if isinstance(day, str) and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", day, re.ASCII):
        raise ValueError("a day is written as 2027-01-31")
    return day


def _in_the_calendar(day: date | None) -> date | None:
    # What both databases hold, with a day more for its end.
    if day is not None and not 1970 <= day.year <= 9000:
        raise ValueError("the year is not between 1970 and 9000")
    return day


Day = Annotated[
    date | None, BeforeValidator(_written_out), AfterValidator(_in_the_calendar), Query(description="Day in UTC.")
]
Kind = Literal["user", "deploy_token", "system", "anonymous"]


@operation(router, "GET", "/audit", ability=READ, answers=list_of(EventDocument))
def list_events(
    call: Ask,
    *,
    listing: Listed,
    sort: Annotated[str, sorted_by(EVENT_ORDERS)] = "-id",
    q: Words = "",
    event: Annotated[
        str, Query(max_length=64, description='An event, or the noun of several: "user.created", "user".')
    ] = "",
    actor: Annotated[Kind | None, Query(description="Kind of who did it.")] = None,
    address: Annotated[str, Query(max_length=64, description="Address of the caller.")] = "",
    since: Day = None,
    until: Day = None,
) -> Response:
    """What happened, by whom."""
    part = listing.part(EVENT_ORDERS, sort)
    asked = Asked(event=event, words=words_of(q), actor=actor or "", address=address.strip(), since=since, until=until)
    with call.read() as session:
        found = part_of_events(session, call.actor, part, asked)
    return call.listed(found, part, EVENT_ORDERS, event_document)


@operation(router, "GET", "/audit/{event_id}", ability=READ, answers=EventDocument)
def show_event(call: Ask, event_id: Id) -> Response:
    """One line of the audit log."""
    with call.read() as session:
        return call.answer(event_document(event_at(session, call.actor, event_id)))
