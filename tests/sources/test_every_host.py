"""From every code host into the root and into a sub-repository: what a client is told of the versions that arrived."""

import hashlib
import io
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from packistry import clock
from packistry.composer.metadata import expand
from packistry.db.models import ImportRun, Repository
from packistry.house import House
from packistry.providers import PROVIDERS
from packistry.sources.connecting import filled_in
from packistry.sources.desk import Wish
from packistry.sources.queries import refs_of
from tests import factories
from tests.factories import OPERATOR
from tests.fakes.git_host import GitHost
from tests.fakes.git_host import Reply as GitReply
from tests.fakes.git_projects import FIRST_COMMIT_AT, library, make_project
from tests.fakes.host import FakeHost, FakeProject, FakeToken, RateLimit
from tests.fakes.loopback import Reply
from tests.providers.conftest import KINDS, TOKEN, Kind

LATER = FIRST_COMMIT_AT + timedelta(days=3)

# Requests a second: fewer than the import needs, and more than two refs at once do.
ALLOWED = 10

# Where a client clones from, below the address of the host or at the one that its API names.
CLONED_FROM = {
    "bitbucket": "{address}/acme/widgets.git",
    "bitbucket-server": "{address}/scm/acme/widgets.git",
    "git": "{address}/acme/widgets.git",
    "gitea": "https://gitea.example/acme/widgets.git",
    "github": "https://github.example/acme/widgets.git",
    "gitlab": "https://gitlab.example/acme/widgets.git",
}


@dataclass
class Remote:
    """A host with a project, whose first commit has the annotated tag v1.0.0, and whose last is the one of main."""

    provider: str
    address: str
    fields: Mapping[str, str]
    name: str
    first: str
    last: str
    # From now on it asks us to wait, again and again.
    hurry: "Hurry"


class Hurry:
    """How a host is made one that we are too fast for, and whether we were."""

    def __init__(self, host: FakeHost | GitHost) -> None:
        self._host = host

    def begin(self) -> None:
        if isinstance(self._host, FakeHost):
            self._host.troubles.append(Reply(429, headers={"Retry-After": "1"}))
            self._host.limit = RateLimit(requests=ALLOWED, seconds=1)
            self._host.requests.clear()
            return
        replies = iter([GitReply(429)])
        self._host.trouble = lambda path: next(replies, None)

    @property
    def was_met(self) -> bool:
        """Whether more was asked for than is allowed at once. Plain git is made to wait once, and names no limit."""
        return isinstance(self._host, GitHost) or len(self._host.requests) > ALLOWED


@contextmanager
def hosted(kind: Kind) -> Generator[Remote]:
    with kind.fake(base_path=kind.base_path).running() as host:
        host.tokens[TOKEN] = FakeToken(scopes=kind.scopes)
        project = host.add(FakeProject(12, "acme/widgets"))
        first = project.push_branch("main", library(), at=FIRST_COMMIT_AT)
        project.push_tag("v1.0.0", first, annotated=True)
        for name in ("1.x", "2.x", "3.x"):
            project.push_branch(name, library(note=name), at=LATER)
        last = project.push_branch("main", library(note="Later"), at=LATER)
        fields = {**kind.settings, **kind.credential, kind.secret: TOKEN}
        yield Remote(kind.name, host.address, fields, "acme/widgets", first, last, Hurry(host))


@contextmanager
def plain_git(folder: Path) -> Generator[Remote]:
    with GitHost(folder).running() as host:
        project = make_project(folder, "acme/widgets.git")
        first = project.push_branch("main", library())
        project.push_tag("v1.0.0", first, annotated=True)
        for name in ("1.x", "2.x", "3.x"):
            project.push_branch(name, library(note=name), at=LATER)
        last = project.push_branch("main", library(note="Later"), at=LATER)
        yield Remote("git", host.address, {}, "acme/widgets.git", first, last, Hurry(host))


@pytest.fixture(
    params=[*KINDS, "git"], ids=lambda kind: kind if isinstance(kind, str) else f"{kind.name}-{kind.secret}"
)
def remote(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Remote]:
    """A test that takes it runs for every provider."""
    with hosted(request.param) if isinstance(request.param, Kind) else plain_git(tmp_path / "projects") as opened:
        yield opened


def test_every_provider_is_tried_here() -> None:
    assert {"git", *(kind.name for kind in KINDS)} == CLONED_FROM.keys() == PROVIDERS.keys()


@pytest.mark.parametrize("path", ["", "acme"], ids=["root", "sub"])
def test_versions_arrive_with_all_that_a_client_is_told(
    house: House, client: TestClient, remote: Remote, path: str
) -> None:
    house = replace(house, settings=house.settings.model_copy(update={"outbound_allow": ("127.0.0.1",)}))
    run_id = added(house, remote, path)
    remote.hurry.begin()

    states = work(house, run_id)

    assert states == dict.fromkeys(("main", "1.x", "2.x", "3.x", "v1.0.0"), "imported")
    assert remote.hurry.was_met
    token = factories.deploy_token(house, path)
    base = f"/r/{path}" if path else ""
    [stable] = told(client, token, f"{base}/p2/acme/widgets.json")
    branches = {one["version"]: one for one in told(client, token, f"{base}/p2/acme/widgets~dev.json")}
    main, older = branches["dev-main"], branches["1.x-dev"]
    source = {"type": "git", "url": CLONED_FROM[remote.provider].format(address=remote.address)}
    assert (stable["version"], stable["source"]) == ("v1.0.0", {**source, "reference": remote.first})
    assert main["source"] == {**source, "reference": remote.last}
    assert [datetime.fromisoformat(one["time"]) for one in (stable, main)] == [FIRST_COMMIT_AT, LATER]
    assert [one.get("default-branch") for one in (stable, main, older)] == [None, True, None]
    for version in (stable, main, older):
        assert_installable(client, token, base, version)


def added(house: House, remote: Remote, path: str) -> int:
    """Connects the host and adds its project; the run that waits."""
    if path:
        factories.repository(house, path)
    with house.database.read() as session:
        repository_id = session.scalars(select(Repository.id).where(Repository.path == path)).one()
    house.desk.connect(OPERATOR, "here", filled_in(remote.provider, remote.address, remote.fields), concurrency=2)
    [project] = house.desk.add(OPERATOR, "here", [remote.name], Wish(repository_id))
    return project.run_id


def work(house: House, run_id: int) -> dict[str, str]:
    """Works off the run as the jobs process does, again whenever the host may be asked again; states by ref."""
    importer, reason = house.importer, None
    for _ in range(30):
        importer.work(run_id, threading.Event())
        with house.database.read() as session:
            run = session.get_one(ImportRun, run_id)
            if run.state == "done":
                return {row.name: row.state for row in refs_of(session, run)}
        assert run.state == "waiting", run.reason
        reason = run.reason
        # Plain git names no time, so it is given a minute, which need not be waited for here.
        time.sleep(min(max((run.due_at - clock.now()).total_seconds(), 0), 2))
    raise AssertionError(f"The run does not end: {reason}")


def told(client: TestClient, token: str, address: str) -> list[dict[str, Any]]:
    answer = client.get(address, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.text
    return expand(answer.json()["packages"]["acme/widgets"])


def assert_installable(client: TestClient, token: str, base: str, version: Mapping[str, Any]) -> None:
    """The archive is of the commit, and is what its checksum says."""
    dist = version["dist"]
    assert (dist["type"], dist["reference"]) == ("zip", version["source"]["reference"])
    assert dist["url"].startswith(f"http://packistry.test{base}/")
    archive = client.get(dist["url"], headers={"Authorization": f"Bearer {token}"}).content
    assert hashlib.sha1(archive, usedforsecurity=False).hexdigest() == dist["shasum"]
    with ZipFile(io.BytesIO(archive)) as opened:
        assert {name.partition("/")[2] for name in opened.namelist()} >= {"composer.json", "src/Widget.php"}
