"""The audit log as a file: all lines that were asked for, a batch at a time, as CSV or JSON Lines."""

import csv
import io
from collections.abc import Sequence
from typing import Any, Final

import orjson

from packistry.access.actors import Actor
from packistry.audit.queries import Asked, batch_of_events
from packistry.db.engine import Database
from packistry.db.models import AuditEvent

COLUMNS: Final = (
    "id",
    "at",
    "event",
    "actor_kind",
    "actor_id",
    "actor_name",
    "subject_kind",
    "subject_id",
    "subject_name",
    "address",
    "details",
)
# About 100 KB of text; the database is let go in between.
BATCH: Final = 500
# With one of these in front a spreadsheet takes a cell for a formula, and runs what somebody else named a token.
# Source: OWASP, CSV injection.
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def next_batch(database: Database, actor: Actor, asked: Asked, before: int | None) -> Sequence[AuditEvent]:
    """The lines below that id, the newest first; none when all were told. Refuses with Forbidden."""
    with database.read() as session:
        return batch_of_events(session, actor, asked, before=before, limit=BATCH)


def as_csv(rows: Sequence[AuditEvent], *, heading: bool) -> bytes:
    """RFC 4180, in UTF-8; the heading only before the first batch."""
    text = io.StringIO()
    writer = csv.writer(text)
    if heading:
        writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell(value) for value in _values(row)])
    return text.getvalue().encode("utf-8", "replace")


def as_json_lines(rows: Sequence[AuditEvent]) -> bytes:
    """One object a line."""
    return b"".join(
        orjson.dumps(dict(zip(COLUMNS, _values(row), strict=True)), option=orjson.OPT_APPEND_NEWLINE) for row in rows
    )


def _values(row: AuditEvent) -> list[Any]:
    return [f"{row.at:%Y-%m-%dT%H:%M:%S.%fZ}" if name == "at" else getattr(row, name) for name in COLUMNS]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = orjson.dumps(value).decode() if isinstance(value, dict) else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
