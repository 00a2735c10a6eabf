"""The few statements that differ between the databases, so that nothing above has to know which one it is."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, SQLColumnExpression, func, or_, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute

from packistry.db.engine import WriteSession
from packistry.db.models import Base

_HOLD: Final = text(
    "SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest(CAST(:names AS text[])) AS name"
)


def insert_missing(session: WriteSession, table: type[Base], row: Mapping[str, Any]) -> None:
    """Inserts the row unless one with the same unique values is there; waits for another process that inserts it."""
    session.execute(_insert(session, table).values(**row).on_conflict_do_nothing())


def add_counts(
    session: WriteSession,
    table: type[Base],
    rows: Sequence[Mapping[str, Any]],
    *,
    key: Sequence[InstrumentedAttribute[Any]],
    counts: Sequence[InstrumentedAttribute[int]],
) -> None:
    """Adds to the counts of each row, making those that are missing, in one statement: no update is lost."""
    statement = _insert(session, table).values(list(rows))
    added: dict[Any, ColumnElement[int]] = {column.key: column + statement.excluded[column.key] for column in counts}
    session.execute(statement.on_conflict_do_update(index_elements=[column.key for column in key], set_=added))


def hold(session: WriteSession, *names: str) -> None:
    """Waits until no other transaction holds one of these names, and holds them until the commit.

    A write on SQLite already excludes every other one, once it has begun; PostgreSQL has locks for it.
    """
    # It begins with the first statement, and this may be before it: the caller goes on to look at files.
    session.connection()
    if session.get_bind().dialect.name == "postgresql":
        # In one order, so that of two that want the same names one waits for the other, not each for each.
        session.execute(_HOLD, {"names": sorted(names)})


def _insert(session: WriteSession, table: type[Base]) -> postgresql.Insert | sqlite.Insert:
    make = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    return make(table)


def like(text: str) -> str:
    r"""The text for LIKE with escape \, in which % and _ mean themselves."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def all_in(column: SQLColumnExpression[str], words: Sequence[str]) -> list[ColumnElement[bool]]:
    """Each of the words is somewhere in the text, in any case (on SQLite, of letters of ASCII)."""
    return [func.lower(column).like(f"%{like(word.lower())}%", escape="\\") for word in words]


def any_holds(word: str, *columns: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """Whether the word is part of one of the columns, in any case."""
    pattern = f"%{like(word.lower())}%"
    return or_(*(func.lower(column).like(pattern, escape="\\") for column in columns))
