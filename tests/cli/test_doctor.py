"""`packistry doctor` finds what is wrong, says the next step, and does so also where nothing else works any more."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text, update

from packistry import clock
from packistry.db.engine import WriteSession
from packistry.db.models import AuditEvent, Hook, Project, Repository, Source
from packistry.documents.subjects import DoctorDocument
from packistry.house import House
from packistry.providers.base import Project as HostProject
from packistry.sealing import Sealer
from packistry.settings import secret_key
from packistry.sources.actions import add_project, add_source, finish_run, request_run
from packistry.sources.states import Cause, HookStatus, RunState
from tests import factories
from tests.cli.conftest import Packistry
from tests.tools import free_port

DAY = timedelta(days=1)


@pytest.fixture
def a_source(house: House) -> None:
    """A source with one project, of which nothing is known yet."""
    repository_id = factories.repository(house, "acme")
    sealed = Sealer([secret_key(house.settings)]).seal({"token": "secret"})
    with house.database.write() as session:
        source = add_source(
            session,
            factories.OPERATOR,
            name="github",
            provider="github",
            address="https://api.github.com",
            credential=sealed,
            settings={},
        )
        source.last_contact_at = clock.now()
        found = HostProject("12", "acme/widgets", "", "", "main")
        add_project(session, factories.OPERATOR, source, session.get_one(Repository, repository_id), found)


def _looked(calls: Packistry) -> dict[str, str]:
    """Each sentence with its finding; the exit code is 1 exactly when one is bad."""
    called = calls("doctor", "--json")
    document = called.document(DoctorDocument)
    found = {each.sentence: each.finding for each in document.findings}
    assert called.code == int("bad" in found.values()) == int(not document.good)
    return found


def _finding_of(found: dict[str, str], words: str) -> str:
    """How the one line is that has these words."""
    [finding] = [finding for sentence, finding in found.items() if words in sentence]
    return finding


def test_a_house_that_is_well_has_nothing_bad(packistry: Packistry) -> None:
    called = packistry("doctor", code=0)

    assert "bad  " not in called.out
    assert called.out.splitlines()[-1].startswith("0 bad, ")


def test_what_is_bad_stands_first(packistry: Packistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKISTRY_TRUSTED_PROXIES", "0.0.0.0/0")

    lines = packistry("doctor", code=1).out.splitlines()

    assert lines[0].startswith("bad      settings: PACKISTRY_TRUSTED_PROXIES has 0.0.0.0/0")


def test_a_wrong_setting_is_the_bad_line(calls: Packistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKISTRY_PUBLIC_URL", "ftp://packages.example.com")

    found = _looked(calls)

    assert list(found.values()) == ["bad"]
    assert "PACKISTRY_PUBLIC_URL" in next(iter(found))


def test_a_data_folder_that_is_not_there_is_not_made(
    calls: Packistry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PACKISTRY_DATA_DIR", str(tmp_path / "unmounted"))

    found = _looked(calls)

    assert _finding_of(found, "There is no data folder") == _finding_of(found, "There is no database") == "bad"
    assert not (tmp_path / "unmounted").exists()


def test_a_database_that_does_not_answer_is_the_bad_line(
    calls: Packistry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PACKISTRY_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PACKISTRY_DATABASE_URL", f"postgresql://nobody:secret@127.0.0.1:{free_port()}/nothing")

    found = _looked(calls)

    assert _finding_of(found, "PACKISTRY_DATABASE_URL right?") == "bad"
    assert not any("secret" in sentence for sentence in found)


@pytest.mark.parametrize("revision", ["0001", "9999"])
def test_another_schema_is_bad_and_nothing_more_is_read(packistry: Packistry, house: House, revision: str) -> None:
    with house.database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})

    found = _looked(packistry)

    assert _finding_of(found, f"at revision {revision}") == "bad"
    assert not any("jobs process" in sentence for sentence in found)


def test_a_damaged_file_is_bad(
    calls: Packistry, monkeypatch: pytest.MonkeyPatch, migrated_file: Path, tmp_path: Path
) -> None:
    content = bytearray(migrated_file.read_bytes())
    content[20 * 4096 : 40 * 4096] = b"\xff" * (20 * 4096)
    (tmp_path / "packistry.sqlite3").write_bytes(content)
    monkeypatch.setenv("PACKISTRY_DATA_DIR", str(tmp_path))

    found = _looked(calls)

    assert "bad" in found.values()
    assert any("restore a backup" in sentence or "malformed" in sentence for sentence in found)


def _refused(source: Source, project: Project, session: WriteSession) -> None:
    source.credential_refused = "The host says no."


def _ended(source: Source, project: Project, session: WriteSession) -> None:
    source.credential_expires_at = clock.now() - DAY


def _ending(source: Source, project: Project, session: WriteSession) -> None:
    source.credential_expires_at = clock.now() + 5.5 * DAY


def _silent(source: Source, project: Project, session: WriteSession) -> None:
    source.last_contact_at = clock.now() - DAY


def _limited(source: Source, project: Project, session: WriteSession) -> None:
    source.waits_until = clock.now() + DAY


def _forged(source: Source, project: Project, session: WriteSession) -> None:
    source.refused_delivery_at = clock.now()


def _problem(source: Source, project: Project, session: WriteSession) -> None:
    project.problem = "It was deleted there."


def _failed(source: Source, project: Project, session: WriteSession) -> None:
    finish_run(session, request_run(session, project, Cause.SYNC), RunState.FAILED, "It broke.")


def _not_begun(source: Source, project: Project, session: WriteSession) -> None:
    request_run(session, project, Cause.SYNC).due_at = clock.now() - DAY


def _failing_hook(source: Source, project: Project, session: WriteSession) -> None:
    hook = session.scalars(select(Hook)).one()
    hook.state, hook.reason = HookStatus.FAILING, "It gets 500."


def _lost_key(source: Source, project: Project, session: WriteSession) -> None:
    source.credential = Sealer([b"other"]).seal({})


def _clock_went_back(source: Source, project: Project, session: WriteSession) -> None:
    session.execute(update(AuditEvent).values(at=clock.now() + DAY))


# What happened, words of a line that tells of it, and how that is.
HAPPENED: list[tuple[Callable[[Source, Project, WriteSession], None], str, str]] = [
    (_refused, "github: The host says no.", "bad"),
    (_ended, "packistry source rotate github", "bad"),
    (_ending, "its credential ends in 5 days", "warning"),
    (_silent, "packistry source test github", "warning"),
    (_limited, "asks us to wait until", "good"),
    (_forged, "calls of hooks were refused", "warning"),
    (_problem, "project acme/widgets: It was deleted there.", "warning"),
    (_failed, "import 1 of acme/widgets failed: It broke.", "warning"),
    (_not_begun, "An import waits for 1 day", "bad"),
    (_failing_hook, "hook of project 12 of github in acme: It gets 500.", "warning"),
    (_lost_key, "No secret key opens what is kept of source github", "bad"),
    (_clock_went_back, "The clock of this machine is wrong", "bad"),
]


@pytest.mark.parametrize("happened", HAPPENED, ids=lambda happened: happened[0].__name__[1:])
@pytest.mark.usefixtures("a_source")
def test_what_happened_is_found(
    packistry: Packistry, house: House, happened: tuple[Callable[[Source, Project, WriteSession], None], str, str]
) -> None:
    happen, words, finding = happened
    with house.database.write() as session:
        happen(session.get_one(Source, 1), session.get_one(Project, 1), session)

    found = _looked(packistry)

    assert _finding_of(found, words) == finding
    # Sources are there, and nobody works for them.
    assert _finding_of(found, "No jobs process lives") == "bad"


@pytest.mark.usefixtures("a_source")
def test_a_secret_key_that_is_gone_is_not_made_anew(packistry: Packistry, house: House) -> None:
    (house.settings.data_dir / "secret.key").unlink()

    found = _looked(packistry)

    assert _finding_of(found, "There is no secret key, and 1 credential") == "bad"
    assert not (house.settings.data_dir / "secret.key").exists()


@pytest.mark.usefixtures("a_source")
def test_a_former_key_is_told_of_until_nothing_needs_it(
    packistry: Packistry, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = house.settings.data_dir / "secret.key"
    monkeypatch.setenv("PACKISTRY_SECRET_KEY_PREVIOUS", path.read_text().strip())
    path.unlink()
    monkeypatch.setenv("PACKISTRY_SECRET_KEY", "a-new-key-of-more-than-32-characters")

    found = _looked(packistry)

    assert _finding_of(found, "sealed with a former key") == "warning"
