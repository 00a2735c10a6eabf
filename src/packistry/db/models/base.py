"""The base of all tables: names of constraints are fixed, so that migrations can speak of them on both databases."""

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

CONSTRAINT_NAMES = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

# For the tables whose ids leave the database, in addresses, counts and the audit log: by itself SQLite gives the id of
# the last row again when that row is gone.
NEVER_AGAIN = {"sqlite_autoincrement": True}


class Base(DeclarativeBase):
    """What every table is made from."""

    metadata = MetaData(naming_convention=CONSTRAINT_NAMES)
