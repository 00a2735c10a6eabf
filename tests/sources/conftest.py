"""A house with a source that is real: git over HTTP on loopback."""

import threading
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from packistry.db.models import ImportRef, ImportRun, Project, Repository
from packistry.house import House, archive_limits
from packistry.settings import Settings
from packistry.sources.actions import add_project, add_source, request_run
from packistry.sources.connecting import Connector
from packistry.sources.queries import refs_of
from packistry.sources.states import Cause
from packistry.sources.tasks import Importer
from tests import factories
from tests.fakes.git_host import GitHost
from tests.fakes.git_projects import GitProject, make_project


@dataclass
class Connected:
    """A house, and one project of a git host that goes into the repository acme."""

    house: House
    project: GitProject
    importer: Importer
    project_id: int

    def run(self, cause: Cause = Cause.SYNC) -> dict[str, ImportRef]:
        """Works off a new run; its refs by name."""
        with self.house.database.write() as session:
            run_id = request_run(session, session.get_one(Project, self.project_id), cause).id
        self.importer.work(run_id, threading.Event())
        with self.house.database.read() as session:
            run = session.get_one(ImportRun, run_id)
            assert run.state == "done", run.reason
            return {row.name: row for row in refs_of(session, run)}


@pytest.fixture
def git_host(tmp_path: Path) -> Generator[GitHost]:
    with GitHost(tmp_path / "projects").running() as host:
        yield host


@pytest.fixture
def allowing(settings: Settings) -> Settings:
    """Settings that let us ask a host on loopback."""
    return settings.model_copy(update={"outbound_allow": ("127.0.0.1",)})


@pytest.fixture
def connected(house: House, allowing: Settings, git_host: GitHost, tmp_path: Path) -> Connected:
    project = make_project(tmp_path / "projects", "acme/widgets.git")
    return connect(house, allowing, git_host, project)


def connect(house: House, settings: Settings, host: GitHost, project: GitProject) -> Connected:
    factories.repository(house, "acme")
    connector = Connector(settings)
    with house.database.write() as session:
        source = add_source(
            session,
            factories.OPERATOR,
            name="local",
            provider="git",
            address=host.address,
            credential=connector.sealer.seal({}),
            settings={},
        )
        with connector.connect(source) as (provider, connection):
            found = provider.project_named(connection, f"acme/{project.name}")
        repository = session.scalars(select(Repository).where(Repository.path == "acme")).one()
        project_id = add_project(session, factories.OPERATOR, source, repository, found).id
    importer = Importer(house.database, house.storage, archive_limits(settings), None, connector)
    return Connected(house, project, importer, project_id)
