"""Values that mean the same on both databases."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy.exc import StatementError

from packistry.db.models import AuditEvent
from packistry.db.types import MAX_ID, is_id
from packistry.house import House

NOON = datetime(2026, 6, 1, 12, 30, 15, 123456, tzinfo=UTC)


def line(at: datetime = NOON, details: Any = None) -> AuditEvent:
    return AuditEvent(
        at=at, event="x", actor_kind="x", actor_name="x", subject_kind="x", subject_name="x", details=details or {}
    )


def stored(house: House, row: AuditEvent) -> AuditEvent:
    with house.database.write() as session:
        session.add(row)
        session.flush()
        identity = row.id
    with house.database.read() as session:
        return session.get_one(AuditEvent, identity)


@pytest.mark.parametrize(
    "moment",
    [NOON, NOON.astimezone(timezone(timedelta(hours=5, minutes=45))), NOON.replace(microsecond=0)],
)
def test_a_moment_comes_back_in_utc(house: House, moment: datetime) -> None:
    found = stored(house, line(at=moment)).at

    assert found == moment
    assert found.utcoffset() == timedelta()


def test_a_moment_without_a_zone_is_refused(house: House) -> None:
    with pytest.raises(StatementError, match="needs a zone"):
        stored(house, line(at=NOON.replace(tzinfo=None)))


@pytest.mark.parametrize(
    "value", [{"z": 1, "a": [1.5, None, True, "ü\u2028"], "n": {}}, {"nul": "a\0b"}], ids=["order", "NUL"]
)
def test_json_comes_back_as_it_was_order_included(house: House, value: dict[str, Any]) -> None:
    found = stored(house, line(details=value)).details

    assert found == value
    assert list(found) == list(value)


@pytest.mark.parametrize(
    ("typed", "means_one"),
    [
        ("1", True),
        ("007", True),
        (str(MAX_ID), True),
        (str(MAX_ID + 1), False),
        ("9" * 30, False),
        ("0", True),
        ("", False),
        ("-1", False),
        ("1.0", False),
        (" 1", False),
        ("٣", False),
        ("²", False),
    ],
)
def test_what_may_have_been_meant_as_an_id(typed: str, means_one: bool) -> None:
    assert is_id(typed) is means_one
