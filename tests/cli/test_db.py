"""`packistry db`."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from packistry.db.engine import Database
from packistry.db.schema import newest_revision
from packistry.documents.subjects import CheckDocument, RepositoryDocument, UpgradeDocument
from packistry.house import House
from packistry.settings import Settings
from tests import factories
from tests.cli.conftest import Packistry
from tests.postgresql import Cluster
from tests.tools import free_port


@pytest.fixture
def empty(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The environment points at an empty database of each kind."""
    monkeypatch.setenv("PACKISTRY_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("PACKISTRY_DATABASE_URL", database_url)
    return database_url


@pytest.mark.usefixtures("empty")
def test_an_empty_database_is_brought_to_the_newest_schema(calls: Packistry) -> None:
    made = calls("db", "upgrade", "--json", code=0).document(UpgradeDocument)
    again = calls("db", "upgrade", "--json", code=0).document(UpgradeDocument)

    assert (made.before, made.after) == (None, newest_revision())
    assert (again.before, again.after) == (newest_revision(), newest_revision())


@pytest.mark.usefixtures("empty")
def test_whichever_command_comes_first_makes_the_database(calls: Packistry) -> None:
    (root,) = calls("repository", "list", "--json", code=0).documents(RepositoryDocument)

    assert root.path == "/"


@pytest.mark.postgresql
def test_a_password_in_the_address_is_not_shown(
    postgresql: Cluster, calls: Packistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = postgresql.create()
    monkeypatch.setenv("PACKISTRY_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("PACKISTRY_DATABASE_URL", postgresql.url(name).replace("@", ":hunter2@"))

    shown = [calls("db", verb, "--json", code=0).out for verb in ("upgrade", "check")]

    assert all("***" in text and "hunter2" not in text for text in shown)
    postgresql.drop(name)


def test_a_whole_house_is_well(packistry: Packistry, house: House) -> None:
    factories.repository(house, "acme")
    factories.publish(house)

    checked = packistry("db", "check", "--digests", "--json", code=0).document(CheckDocument)
    said = packistry("db", "check", code=0).out

    assert (checked.archives, checked.problems) == (1, [])
    assert checked.revision == checked.newest == newest_revision()
    assert said == f"All is well: revision {newest_revision()}, 1 archives are there.\n"


DAMAGE = {
    "missing": (None, "is missing"),
    "of another size": (b"short", "has 5 bytes instead of"),
    "with other bytes": (b"", "has other bytes"),
}


@pytest.mark.parametrize(("content", "problem"), DAMAGE.values(), ids=DAMAGE)
def test_an_archive_that_is_not_as_it_was_is_a_problem(
    packistry: Packistry, house: House, content: bytes | None, problem: str
) -> None:
    factories.repository(house, "acme")
    factories.publish(house)
    (key,) = house.storage.keys()
    path = house.storage.local_path(key)
    assert path is not None
    size = path.stat().st_size
    path.chmod(0o600)
    path.unlink() if content is None else path.write_bytes(content or bytes(size))

    checked = packistry("db", "check", "--digests", "--json", code=1).document(CheckDocument)

    assert [problem in each for each in checked.problems] == [True]


def test_checking_a_database_without_tables_says_how_to_make_them(empty: str, calls: Packistry) -> None:
    database = Database(Settings(database_url=empty).sqlalchemy_url)
    database.engine.connect().close()
    database.dispose()

    checked = calls("db", "check", "--json", code=1).document(CheckDocument)

    assert checked.revision is None
    assert "packistry db upgrade" in checked.problems[0]


def test_checking_makes_no_database(calls: Packistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKISTRY_DATA_DIR", str(tmp_path / "data"))

    refused = calls("db", "check", "--json")

    assert refused.refusal.code == "not_found"
    assert not (tmp_path / "data").exists()


def test_an_old_schema_is_a_problem(packistry: Packistry, house: House) -> None:
    with house.database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0000'"))

    checked = packistry("db", "check", "--json", code=1).document(CheckDocument)

    assert "revision 0000" in checked.problems[0]


def test_a_schema_from_the_future_stops_every_command(packistry: Packistry, house: House) -> None:
    with house.database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    for words in (("repository", "list"), ("db", "upgrade")):
        assert packistry(*words, "--json").refusal.code == "unavailable"


def test_a_damaged_sqlite_row_is_a_problem(calls: Packistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKISTRY_DATA_DIR", str(tmp_path / "data"))
    calls("db", "upgrade", code=0)
    # A plain connection does not enforce foreign keys.
    with closing(sqlite3.connect(tmp_path / "data" / "packistry.sqlite3")) as connection:
        row = (99, "digest", "hint", "2026-01-01 00:00:00")
        connection.execute("INSERT INTO token_secrets (token_id, digest, hint, created_at) VALUES (?, ?, ?, ?)", row)
        connection.commit()

    checked = calls("db", "check", "--json", code=1).document(CheckDocument)

    assert "missing row of tokens" in checked.problems[0]


def test_a_database_that_does_not_answer_is_said_to_be_unavailable(
    calls: Packistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PACKISTRY_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("PACKISTRY_DATABASE_URL", f"postgresql://nobody:secret@127.0.0.1:{free_port()}/nothing")

    refused = calls("repository", "list", "--json")

    assert refused.refusal.code == "unavailable"
    assert "secret" not in refused.err
