"""Long lists a part at a time: the rows after one that was shown, so that what is added meanwhile shifts nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Row, Select, literal, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from packistry.db.engine import ReadSession

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Order:
    """How a list is sorted: by these columns, none of them ever null, the last one an id. All in one direction."""

    columns: Sequence[InstrumentedAttribute[Any]]
    descending: bool = False

    @property
    def kinds(self) -> Sequence[type]:
        """What a place in the list is made of."""
        return [column.type.python_type for column in self.columns]


# The orders of a list, by the words that callers ask for them with.
Orders = Mapping[str, Order]


@dataclass(frozen=True, slots=True)
class Part:
    """Which rows: at most so many, after the row whose columns of the order have these values."""

    order: Order
    limit: int
    after: Sequence[Any] | None = None


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """A part of a list. `last` is the place of its last row, None when there are no more."""

    rows: Sequence[T]
    last: Sequence[Any] | None


def read_part(session: ReadSession, chosen: Select[*tuple[Any, ...]], part: Part) -> Found[Row[*tuple[Any, ...]]]:
    """That part of what the statement chooses, in the order; the statement itself has none."""
    columns = part.order.columns
    sorted_rows = chosen.order_by(*(column.desc() if part.order.descending else column for column in columns))
    if part.after is not None:
        here = tuple_(*columns)
        there = tuple_(*(literal(value, column.type) for value, column in zip(part.after, columns, strict=True)))
        sorted_rows = sorted_rows.where(here < there if part.order.descending else here > there)
    # One more than is shown tells whether there are more.
    rows = session.execute(sorted_rows.add_columns(*columns).limit(part.limit + 1)).all()
    shown = rows[: part.limit]
    last = tuple(shown[-1])[-len(columns) :] if len(rows) > part.limit else None
    return Found(shown, last)


def ascending(*columns: InstrumentedAttribute[Any]) -> Order:
    return Order(columns)


def descending(*columns: InstrumentedAttribute[Any]) -> Order:
    return Order(columns, descending=True)
