"""A house with a source on a fake GitHub, which tells when a credential ends and refuses one that it does not know."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select

from packistry.access.actors import System
from packistry.db.models import AuditEvent, ImportRun, Project, Source
from packistry.house import House
from packistry.sources.actions import request_run
from packistry.sources.connecting import filled_in
from packistry.sources.desk import Wish
from packistry.sources.states import Cause
from tests import factories
from tests.fakes.github import FakeGitHub
from tests.fakes.host import FakeProject, FakeToken

OPERATOR = System()
TOKEN = "good-token-of-the-tests"


@dataclass
class Hosted:
    """The source is called github; its project acme/widgets goes to the repository acme."""

    house: House
    host: FakeGitHub
    remote: FakeProject
    project_id: int

    @property
    def token(self) -> FakeToken:
        return self.host.tokens[TOKEN]

    def withdraw(self) -> FakeToken:
        """From now on the host does not know the credential."""
        return self.host.tokens.pop(TOKEN)

    def source(self) -> Source:
        with self.house.database.read() as session:
            return session.scalars(select(Source)).one()

    def run(self, cause: Cause = Cause.SYNC) -> ImportRun:
        """A run that was worked off once; as it is then."""
        with self.house.database.write() as session:
            run_id = request_run(session, session.get_one(Project, self.project_id), cause).id
        self.house.importer.work(run_id, threading.Event())
        with self.house.database.read() as session:
            return session.get_one(ImportRun, run_id)

    def told(self, noun: str = "source.credential") -> Sequence[str]:
        """The audit events that begin so, in their order."""
        with self.house.database.read() as session:
            events = session.scalars(select(AuditEvent.event).order_by(AuditEvent.id))
            return [event for event in events if event.startswith(noun)]


def hosted_on(house: House, host: FakeGitHub) -> Hosted:
    """Connects the source and adds the project, which has not been imported yet."""
    allowing = house.settings.model_copy(update={"outbound_allow": ("127.0.0.1",)})
    house = replace(house, settings=allowing)
    host.tokens[TOKEN] = FakeToken(scopes=("repo",))
    remote = host.add(FakeProject(12, "acme/widgets"))
    remote.push_branch("main", {"composer.json": b'{"name": "acme/widgets"}'})
    repository_id = factories.repository(house, "acme")
    house.desk.connect(OPERATOR, "github", filled_in("github", host.address, {"token": TOKEN}))
    house.desk.add(OPERATOR, "github", ["acme/widgets"], Wish(repository_id))
    with house.database.read() as session:
        return Hosted(house, host, remote, session.scalars(select(Project.id)).one())
