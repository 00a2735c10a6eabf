"""What is kept on disk of projects and sources goes some time after these."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from packistry.db.models import Project, Source
from packistry.sources.actions import delete_source
from packistry.sources.projects import delete_project
from packistry.sources.sweeping import Sweeper
from tests import factories
from tests.fakes.git_projects import library
from tests.sources.conftest import Connected


@pytest.fixture
def sweeper(connected: Connected) -> Sweeper:
    """Of a house whose one project was imported, so that it has a mirror."""
    connected.project.push_branch("main", library())
    connected.run()
    return Sweeper(connected.house.database, connected.importer.connector)


def _mirrors(connected: Connected) -> list[Path]:
    return list(connected.house.settings.data_dir.glob("sources/*/mirrors/*"))


def test_the_mirror_of_a_followed_project_stays(connected: Connected, sweeper: Sweeper) -> None:
    sweeper.sweep()

    assert len(_mirrors(connected)) == 1


def test_the_mirror_of_a_deleted_project_goes(connected: Connected, sweeper: Sweeper) -> None:
    with connected.house.database.write() as session:
        delete_project(session, factories.OPERATOR, session.get_one(Project, connected.project_id))

    sweeper.sweep()

    assert _mirrors(connected) == []


def test_the_folder_of_a_deleted_source_goes_a_day_later(
    connected: Connected, sweeper: Sweeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connected.house.database.write() as session:
        delete_source(session, factories.OPERATOR, session.get_one(Source, 1))
    sweeper.sweep()
    assert len(_mirrors(connected)) == 1

    monkeypatch.setattr("packistry.clock.now", lambda: datetime.now(UTC) + timedelta(days=1))
    sweeper.sweep()

    assert list(connected.house.settings.data_dir.glob("sources/*")) == []
