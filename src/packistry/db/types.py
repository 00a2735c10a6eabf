"""Column types that mean the same on SQLite and PostgreSQL, and what fits into them."""

from datetime import UTC, datetime
from typing import Any, Final

import orjson
from sqlalchemy import DateTime, Dialect, LargeBinary
from sqlalchemy.types import TypeDecorator

# The largest id: PostgreSQL's integer. Larger ones name nothing, and SQLite's driver does not even take them.
MAX_ID: Final = 2**31 - 1


def is_id(text: str) -> bool:
    """Whether somebody who typed this may have meant the id of a row."""
    return text.isascii() and text.isdigit() and len(text) <= len(str(MAX_ID)) and int(text) <= MAX_ID


class UTCDateTime(TypeDecorator[datetime]):
    """A moment in UTC. SQLite has no zones: there it is stored without one and gets UTC back when read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        return datetime

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuses a moment without a zone: it would silently mean the machine's."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored moment needs a zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class JSONBytes(TypeDecorator[Any]):
    """A JSON value stored as its UTF-8 bytes: key order kept, as neither PostgreSQL's jsonb nor a re-dump would."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:
        return None if value is None else orjson.dumps(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Any:
        return None if value is None else orjson.loads(value)
