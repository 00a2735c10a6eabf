"""Migrated PostgreSQL databases that are lent to tests: made once, emptied after each use.

Making one costs 0.1 to 0.4 s of processor time (hundreds of files and a checkpoint), emptying one a hundredth of it.
"""

from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from tests.postgresql import Cluster

# Every table, column, index, constraint, trigger and function that is ours, in a few numbers: whatever a test adds,
# alters or takes away changes one of them.
SHAPE = """
SELECT (SELECT (count(*), max(oid), sum(relnatts), sum(relchecks)) FROM pg_class WHERE oid >= 16384),
       (SELECT (count(*), max(oid)) FROM pg_constraint WHERE oid >= 16384),
       (SELECT (count(*), max(oid)) FROM pg_proc WHERE oid >= 16384),
       (SELECT (count(*), max(oid)) FROM pg_trigger WHERE oid >= 16384)
"""
TABLES = "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND oid >= 16384 ORDER BY 1"
SEQUENCES = "SELECT format('%I.%I', schemaname, sequencename), last_value FROM pg_sequences ORDER BY 1"
OTHERS = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)

Rows = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Pristine:
    """What a migrated database holds before anybody has used it."""

    shape: Any
    rows: Rows
    sequences: list[tuple[Any, ...]]


@dataclass
class Lender:
    """Lends copies of `template`; `free` are those that nobody has just now."""

    cluster: Cluster
    template: str
    free: list[str] = field(default_factory=list[str])
    pristine: Pristine | None = None

    def take(self) -> str:
        """The name of a migrated database that nobody has, under a name that nobody had.

        A process that outlives its test, as some do for a second, knows the old name and reaches nothing of the next.
        """
        if not self.free:
            return self.cluster.create(template=self.template)
        return self.cluster.rename(self.free.pop())

    def give_back(self, name: str) -> None:
        """Ends whoever is still connected and makes the database as it was."""
        if self._empty(name):
            self.free.append(name)
        else:
            self.cluster.drop(name)

    def _empty(self, name: str) -> bool:
        """True when the database holds what it held at first; False when its tables are not what they were."""
        with psycopg.connect(self.cluster.url(name), autocommit=True) as connection:
            connection.execute(OTHERS)
            pristine = self._pristine()
            if connection.execute(SHAPE).fetchone() != pristine.shape:
                return False
            used = _tables_with_rows(connection, list(pristine.rows))
            used += [name for name, rows in pristine.rows.items() if rows and name not in used]
            moved = [row for row in pristine.sequences if row not in connection.execute(SEQUENCES).fetchall()]
            with connection.transaction():
                connection.execute("SET LOCAL session_replication_role = replica")  # no foreign key asks for an order
                for table in used:
                    _fill(connection, table, pristine.rows[table])
                for sequence, last_value in moved:
                    connection.execute("SELECT setval(%s, %s, %s)", [sequence, last_value or 1, last_value is not None])
        return True

    def _pristine(self) -> Pristine:
        if self.pristine is None:
            with psycopg.connect(self.cluster.url(self.template)) as connection:
                names: list[str] = [name for (name,) in connection.execute(TABLES).fetchall()]
                rows = {name: connection.execute(_select(name)).fetchall() for name in names}
                sequences = connection.execute(SEQUENCES).fetchall()
                self.pristine = Pristine(connection.execute(SHAPE).fetchone(), rows, sequences)
        return self.pristine


def _tables_with_rows(connection: psycopg.Connection[Any], tables: list[str]) -> list[str]:
    """Those of `tables` that hold anything."""
    questions = sql.SQL(", ").join(sql.SQL("EXISTS ({})").format(_select(name)) for name in tables)
    answers = connection.execute(sql.SQL("SELECT {}").format(questions)).fetchone() or ()
    return [name for name, answer in zip(tables, answers, strict=True) if answer]


def _fill(connection: psycopg.Connection[Any], table: str, rows: list[tuple[Any, ...]]) -> None:
    """Deletes what the table holds and writes `rows`."""
    connection.execute(sql.SQL("DELETE FROM {}").format(_named(table)))
    for row in rows:
        values = sql.SQL(", ").join(sql.Placeholder() * len(row))
        connection.execute(
            sql.SQL("INSERT INTO {} OVERRIDING SYSTEM VALUE VALUES ({})").format(_named(table), values), row
        )


def _select(table: str) -> sql.Composed:
    return sql.SQL("SELECT * FROM {}").format(_named(table))


def _named(table: str) -> sql.Composable:
    """The name of a table as the catalogue spells it, quoted where it must be."""
    return sql.SQL(table)  # pyright: ignore[reportArgumentType] it comes from the catalogue, not from a person
