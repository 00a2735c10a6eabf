"""A fake host of every kind, each with one project, a credential that it knows and a connection to it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from packistry.outbound.client import Client, OutboundLimits
from packistry.outbound.guard import Guard
from packistry.providers import PROVIDERS
from packistry.providers.access_tokens import AccessTokens
from packistry.providers.base import Connection, Project, Provider
from tests.fakes.bitbucket import EMAIL, KEY, FakeBitbucket
from tests.fakes.bitbucket_server import FakeBitbucketServer
from tests.fakes.gitea import FakeGitea
from tests.fakes.github import FakeGitHub
from tests.fakes.gitlab import FakeGitLab
from tests.fakes.host import FakeHost, FakeProject, FakeToken

TOKEN = "good-token-of-the-tests"

MANIFEST = b'{"name": "acme/widgets"}'


@dataclass(frozen=True, slots=True)
class Kind:
    """One way a provider is met: its fake, the path it lies below, and the scopes that reach everything."""

    name: str
    fake: Callable[..., FakeHost]
    scopes: Sequence[str]
    base_path: str = ""
    # What a connection needs beside the token.
    credential: Mapping[str, str] = field(default_factory=dict[str, str])
    # What the token is called among the fields.
    secret: str = "token"
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    # How the host identifies a project.
    identify: Callable[[FakeProject], str] = lambda project: str(project.id)
    # What the host tells nobody: "expiry" of a credential, "archived" of a project, when it was "changed", in its
    # deliveries "commits of tags", anything of a "limit", and only the "end of a limit".
    untold: Sequence[str] = ()


# What an API token of Bitbucket's needs for all that we do.
BITBUCKET_SCOPES = (
    "read:user:bitbucket",
    "read:repository:bitbucket",
    "read:webhook:bitbucket",
    "write:webhook:bitbucket",
    "delete:webhook:bitbucket",
)

# A provider with a fake has a row here, and so is tried by every test that takes `stage`. Those that may lie below a
# path do so here: what works there works at the root, which the tests of each provider alone use.
KINDS = [
    Kind("github", FakeGitHub, ("repo",), "/api/v3"),
    Kind("gitlab", FakeGitLab, ("api",), "/code/gitlab"),
    Kind("gitea", FakeGitea, ("write:repository", "read:user"), "/code", untold=("expiry",)),
    Kind(
        "bitbucket",
        FakeBitbucket,
        BITBUCKET_SCOPES,
        credential={"email": EMAIL},
        settings={"workspace": "acme"},
        identify=lambda project: project.uuid,
        untold=("expiry", "archived", "limit"),
    ),
    Kind(
        "bitbucket",
        FakeBitbucket,
        BITBUCKET_SCOPES,
        credential={"key": KEY},
        secret="secret",
        settings={"workspace": "acme"},
        identify=lambda project: project.uuid,
        untold=("expiry", "archived", "limit"),
    ),
    Kind(
        "bitbucket-server",
        FakeBitbucketServer,
        ("REPO_ADMIN",),
        "/code/bitbucket",
        untold=("expiry", "changed", "commits of tags", "end of a limit"),
    ),
]


@dataclass
class Stage:
    """A provider in front of its fake host, which has `fake_project`."""

    provider: Provider
    host: FakeHost
    client: Client
    folder: Path
    fake_project: FakeProject
    kind: Kind
    tokens: AccessTokens = field(default_factory=AccessTokens)

    @property
    def connection(self) -> Connection:
        return self.connection_with(TOKEN)

    @property
    def project(self) -> Project:
        """The project as the provider reads it."""
        return self.provider.project(self.connection, self.kind.identify(self.fake_project))

    def connection_with(self, token: str) -> Connection:
        credential = {**self.kind.credential, self.kind.secret: token}
        return Connection(self.host.address, credential, self.kind.settings, self.client, self.folder, self.tokens)

    def add_projects(self, count: int, owner: str = "acme") -> list[FakeProject]:
        return [self.host.add(FakeProject(1000 + number, f"{owner}/more-{number:03}")) for number in range(count)]


@pytest.fixture(scope="session")
def client() -> Iterator[Client]:
    """A client that may reach the fakes."""
    client = Client(OutboundLimits(pause_seconds=0.01), Guard(allow=["127.0.0.1"]))
    yield client
    client.close()


@pytest.fixture
def stage_of(client: Client, tmp_path: Path) -> Iterator[Callable[[Kind], Stage]]:
    """Opens a stage of a kind; its host is stopped after the test."""
    running: list[FakeHost] = []

    def open_stage(kind: Kind) -> Stage:
        host = kind.fake(base_path=kind.base_path)
        host.start()
        running.append(host)
        host.tokens[TOKEN] = FakeToken(scopes=kind.scopes)
        project = host.add(FakeProject(12, "acme/widgets"))
        project.push_branch("main", {"composer.json": MANIFEST, "src/a.php": b"<?php"})
        return Stage(PROVIDERS[kind.name], host, client, tmp_path, project, kind)

    yield open_stage
    for host in running:
        host.stop()


@pytest.fixture(params=KINDS, ids=lambda kind: f"{kind.name}{kind.base_path}-{kind.secret}")
def stage(request: pytest.FixtureRequest, stage_of: Callable[[Kind], Stage]) -> Stage:
    """A test that takes it runs for every provider with a fake."""
    return stage_of(request.param)
