"""The schema: migrated once, never by an older Packistry, and exactly what the models say."""

from collections.abc import Iterator
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from packistry.db.engine import Database
from packistry.db.models import Base
from packistry.db.schema import current_revision, newest_revision, upgrade
from packistry.errors import Unavailable
from packistry.settings import Settings


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database without any table."""
    opened = Database(Settings(database_url=database_url).sqlalchemy_url)
    yield opened
    opened.dispose()


def test_an_empty_database_is_migrated_once(database: Database) -> None:
    assert current_revision(database) is None
    assert upgrade(database)
    assert not upgrade(database)
    assert current_revision(database) == newest_revision()


def test_the_migrations_make_what_the_models_say(database: Database) -> None:
    upgrade(database)

    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences: list[Any] = compare_metadata(context, Base.metadata)

    assert differences == []


def test_a_database_of_a_newer_packistry_is_left_alone(database: Database) -> None:
    upgrade(database)
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(Unavailable, match="revision 9999, newer than this Packistry knows"):
        upgrade(database)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://nobody:secret@127.0.0.1:1/none?connect_timeout=2",
        "sqlite:////dev/null/no/packistry.sqlite3",
    ],
)
def test_a_database_that_cannot_be_opened_is_a_refusal_without_the_password(url: str) -> None:
    with pytest.raises(Unavailable) as refused:
        current_revision(Database(url))

    assert "secret" not in str(refused.value)
