"""Cursors: the place in a list after which the next part begins. Opaque to callers, and good for one order only."""

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import orjson

from packistry.db.parts import Order, Orders, Part
from packistry.db.types import MAX_ID
from packistry.errors import InvalidInput

# Beyond what the longest name of anything needs.
MOST_CHARACTERS: Final = 4096


def part_wanted(orders: Orders, sort: str, limit: int, cursor: str | None) -> Part:
    """What a caller asks for. Refuses an order that the list has not, and a cursor that is none of this order."""
    order = orders.get(sort)
    if order is None:
        raise InvalidInput(f"This list is sorted by {', '.join(orders)}.", field="sort")
    return Part(order, limit, None if cursor is None else _values(cursor, sort, order))


def cursor_at(sort: str, last: Sequence[Any]) -> str:
    """The cursor of what comes after this place."""
    return base64.urlsafe_b64encode(orjson.dumps([sort, *last])).decode().rstrip("=")


def _values(cursor: str, sort: str, order: Order) -> Sequence[Any]:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        word, *values = orjson.loads(text)
        kinds = order.kinds if word == sort else ()
        return [_value(value, kind) for value, kind in zip(values, kinds, strict=True)]
    except (binascii.Error, ValueError, TypeError) as fault:
        raise InvalidInput(
            "This cursor is none of this list in this order; take it from `next_cursor` or the header Link.",
            field="cursor",
        ) from fault


def _value(value: Any, kind: type) -> Any:
    """The value as the column compares it. Raises ValueError for what is none of its kind, or fits into no row."""
    if kind is datetime:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("a moment without a zone")
        return moment
    if type(value) is not kind or (kind is int and abs(value) > MAX_ID * MAX_ID) or (kind is str and "\0" in value):
        raise ValueError("a value of another kind")
    return value
