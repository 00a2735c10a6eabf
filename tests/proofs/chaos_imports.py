"""Killing what imports, again and again, while commits are pushed; what is there at the end must be what an import
that nobody disturbed brings from the same host.
"""

import random
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select

from packistry.db.models import ImportRef, ImportRun, Project, Repository
from packistry.house import House, archive_limits
from packistry.providers.base import RefKind
from packistry.sources.actions import add_project, add_source, request_run
from packistry.sources.connecting import Connector
from packistry.sources.pushes import request_push
from packistry.sources.states import OPEN, Cause
from packistry.sources.tasks import Importer
from tests import factories
from tests.fakes.git_host import GitHost
from tests.fakes.git_projects import GitProject, library, make_library
from tests.proofs.imported import faults_of, left_in, orphan_files
from tests.proofs.killing import opened, settings_of
from tests.proofs.site import Site
from tests.proofs.uploading import Uploader
from tests.server import Installation

# The branch that is pushed to meanwhile.
MOVING = "moving"
# Long, because two cores may have other work too.
SETTLE_SECONDS = 240.0
# This share of the kills comes so soon after the start before it, whatever is done: before the refs are listed, too.
BLINDLY = 0.25
BLIND_SECONDS = 3.0


@dataclass
class Story:
    """What happened, and what is wrong now."""

    killed: list[str] = field(default_factory=list[str])
    pushed: list[str] = field(default_factory=list[str])
    orphans: int = 0
    faults: list[str] = field(default_factory=list[str])

    def __str__(self) -> str:
        told = f"{len(self.killed)} kills, {len(self.pushed)} pushes, {self.orphans} files without a row"
        return f"{told}: " + ("; ".join(self.faults) or "as if undisturbed")


@dataclass(frozen=True)
class Plan:
    """How many refs there are, how often something is killed, and how many `packistry worker` run on PostgreSQL."""

    refs: int
    kills: int
    workers: int
    chance: random.Random


def killed_while_importing(installation: Installation, plan: Plan) -> Story:
    """The whole proof on one installation, whose data folder is there and whose database is empty."""
    folder = installation.data_dir.with_name("projects")
    installation.settings["outbound_allow"] = "127.0.0.1"
    with GitHost(folder).running() as host, opened(installation) as house:
        project = _project(folder, plan.refs)
        disturbed = _added(house, installation, host, project, "disturbed")
        story = _disturb(house, Site(installation, plan.workers), project, disturbed, plan)
        calm = _added(house, installation, host, project, "calm")
        _import_undisturbed(house, installation, calm)
        _judge(house, story, disturbed)
    return story


def _project(folder: Path, refs: int) -> GitProject:
    """Releases and branches in equal number, and some that give no version."""
    branches = ["main", MOVING, *(f"feature/{number}" for number in range(refs // 2))]
    project = make_library(folder, "acme/widgets.git", tags=refs // 2, branches=branches)
    project.push_branch("no-package", {"README.md": b"nothing"})
    project.push_tag("nightly", project.commit_of("refs/heads/main"))
    return project


def _added(house: House, installation: Installation, host: GitHost, project: GitProject, name: str) -> int:
    """The project in a repository of this name, from a source of its own, so that two imports share no mirror."""
    factories.repository(house, name)
    connector = _connector(installation)
    with house.database.write() as session:
        source = add_source(
            session,
            factories.OPERATOR,
            name=name,
            provider="git",
            address=host.address,
            credential=connector.sealer.seal({}),
            settings={},
        )
    with connector.connect(source) as (provider, connection):
        found = provider.project_named(connection, f"acme/{project.name}")
    with house.database.write() as session:
        repository = session.scalars(select(Repository).where(Repository.path == name)).one()
        return add_project(session, factories.OPERATOR, source, repository, found).id


def _connector(installation: Installation) -> Connector:
    return Connector(settings_of(installation).model_copy(update={"outbound_allow": ("127.0.0.1",)}))


def _disturb(house: House, site: Site, project: GitProject, project_id: int, plan: Plan) -> Story:
    story, token = Story(), factories.deploy_token(house, "disturbed")
    _request(house, project_id, Cause.FIRST)
    with site.running():
        for share in sorted(plan.chance.random() for _ in range(plan.kills)):
            _wait_for_a_moment(house, project_id, share, plan.chance)
            story.killed.append(site.kill(plan.chance))
            story.pushed.append(project.push_branch(MOVING, library(note=f"After kill {len(story.killed)}")))
            _tell_of_push(house, project_id)
        _wait(lambda: not _is_open(house, project_id))
        story.faults += _served_wrongly(site, token, story.pushed[-1])
    # As the server does when it starts.
    house.storage.sweep()
    return story


def _wait_for_a_moment(house: House, project_id: int, share: float, chance: random.Random) -> None:
    """Returns when this share of the refs is done or a little later, now and then just after the start."""
    if chance.random() < BLINDLY:
        time.sleep(chance.uniform(0, BLIND_SECONDS))
    else:
        _wait(lambda: _has_done(house, project_id, share))
        time.sleep(chance.uniform(0, 0.3))
    if not _is_open(house, project_id):
        # Faster than we were: all of it once more.
        _request(house, project_id, Cause.REBUILD)


def _has_done(house: House, project_id: int, share: float) -> bool:
    """Whether this share of the refs of the first import is done."""
    with house.database.read() as session:
        first = select(func.min(ImportRun.id)).where(ImportRun.project_id == project_id).scalar_subquery()
        states = session.scalars(select(ImportRef.state).where(ImportRef.run_id == first)).all()
    return bool(states) and sum(state != "waiting" for state in states) >= share * len(states)


def _request(house: House, project_id: int, cause: Cause) -> None:
    with house.database.write() as session:
        request_run(session, session.get_one(Project, project_id), cause)


def _tell_of_push(house: House, project_id: int) -> None:
    """As a delivery of the host does."""
    with house.database.write() as session:
        request_push(session, session.get_one(Project, project_id), [(RefKind.BRANCH, MOVING)])


def _is_open(house: House, project_id: int) -> bool:
    with house.database.read() as session:
        wanted = select(func.count()).where(ImportRun.project_id == project_id, ImportRun.state.in_(OPEN))
        return bool(session.scalar(wanted))


def _wait(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "the import does not go on"
        time.sleep(0.05)


def _served_wrongly(site: Site, token: str, last_commit: str) -> Generator[str]:
    """Whether clients get what was pushed last."""
    status, body = Uploader(site.port, token, "disturbed").get("/r/disturbed/p2/acme/widgets~dev.json")
    if status != 200 or last_commit.encode() not in body:
        yield f"the last commit of {MOVING} is not served ({status})"


def _import_undisturbed(house: House, installation: Installation, project_id: int) -> None:
    limits = archive_limits(settings_of(installation))
    importer = Importer(house.database, house.storage, limits, None, _connector(installation))
    with house.database.write() as session:
        run_id = request_run(session, session.get_one(Project, project_id), Cause.FIRST).id
    importer.work(run_id, threading.Event())


def _judge(house: House, story: Story, project_id: int) -> None:
    story.orphans = orphan_files(house)
    story.faults += faults_of(house, project_id)
    disturbed, calm = left_in(house, "disturbed"), left_in(house, "calm")
    assert calm.versions, "the undisturbed import brought nothing"
    for name in sorted(disturbed.versions.keys() | calm.versions.keys()):
        if disturbed.versions.get(name) != calm.versions.get(name):
            story.faults.append(f"{name} is another one than undisturbed")
    if disturbed.documents != calm.documents:
        story.faults.append("a p2 document differs")
