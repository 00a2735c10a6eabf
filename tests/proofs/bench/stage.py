"""The stage of most cases: a seeded registry served by us, and the very answers of it served by nginx."""

import random
from collections.abc import Generator, Iterable, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Final

from packistry.house import House, open_house
from packistry.settings import Settings
from tests import factories
from tests.postgresql import running_cluster
from tests.proofs.bench import machine
from tests.proofs.bench.load import Ask, Served
from tests.proofs.bench.nginx import Nginx, running_nginx
from tests.proofs.bench.ours import Ours, running_ours
from tests.proofs.bench.seeding import Seed, fill

PATH: Final = "acme"
PREFIX: Final = f"/r/{PATH}"
# What the sizes are compared over: 2,000 pairs of a token and a package.
TOKENS: Final = 20
PACKAGES: Final = 100


@dataclass(frozen=True)
class Stage:
    """Both servers with one repository at PREFIX, and the tokens that may read and write it."""

    ours: Ours
    nginx: Nginx
    house: House
    repository_id: int
    tokens: Sequence[str]

    def pairs(self, names: Sequence[str], **headers: str) -> list[Ask]:
        """Every token asks for the p2 document of every name, in an order like any other."""
        asks = [
            Ask(f"{PREFIX}/p2/{name}.json", self.headers(token) | headers) for token in self.tokens for name in names
        ]
        random.Random(1).shuffle(asks)
        return asks

    def headers(self, token: str | None = None) -> dict[str, str]:
        """What Composer sends of interest to us."""
        return {"Authorization": f"Bearer {token or self.tokens[0]}", "Accept-Encoding": "gzip"}

    def mirror(self, addresses: Iterable[str]) -> None:
        """Has nginx answer these addresses below PREFIX with what we answer to someone who came by its address."""
        for address in addresses:
            answer = fetch(self.ours, PREFIX + address, self.headers() | {"Host": f"127.0.0.1:{self.nginx.port}"})
            packed = ".gz" if answer.headers["Content-Encoding"] == "gzip" else ""
            self.nginx.put(PREFIX + address + packed, answer.body, answer.modified)


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: int
    headers: dict[str, str | None] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def modified(self) -> int | None:
        """Last-Modified in seconds since 1970."""
        date = self.headers["Last-Modified"]
        return None if date is None else int(parsedate_to_datetime(date).timestamp())


def fetch(server: Served, path: str, headers: dict[str, str], *, expect: int = 200) -> Answer:
    """One GET; fails when the answer is another than the one expected."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    answer = Answer(response.status, _headers(response), response.read())
    connection.close()
    if answer.status != expect:
        raise RuntimeError(f"{path} answered {answer.status}, not {expect}: {answer.body[:300]!r}")
    return answer


def _headers(response: HTTPResponse) -> dict[str, str | None]:
    return {name: response.getheader(name) for name in ("Content-Encoding", "Last-Modified", "Content-Length", "ETag")}


@contextmanager
def staged(
    folder: Path, *, packages: int = PACKAGES, versions: int = 20, postgresql: bool = False, serve: bool = True
) -> Generator[Stage]:
    """A stage in an empty folder. The first PACKAGES documents and packages.json are mirrored."""
    with ExitStack() as stack:
        settings, helpers = _settings(stack, folder, postgresql=postgresql)
        house = stack.enter_context(open_house(settings))
        repository_id = factories.repository(house, PATH)
        tokens = [factories.deploy_token(house, PATH, abilities="read write") for _ in range(TOKENS)]
        seed = Seed(repository_id, packages, versions)
        fill(house, seed)
        nginx = stack.enter_context(running_nginx(folder / "nginx", PREFIX))
        ours = stack.enter_context(running_ours(settings, helpers))
        stage = Stage(ours, nginx, house, repository_id, tokens)
        stage.mirror(["/packages.json", *(f"/p2/{name}.json" for name in seed.names[:PACKAGES])])
        yield stage


def _settings(stack: ExitStack, folder: Path, *, postgresql: bool) -> tuple[Settings, list[int]]:
    """The settings of a fresh data folder, and the processes beside the server whose CPU is ours."""
    data = folder / "data"
    data.mkdir(parents=True)
    if not postgresql:
        return Settings(data_dir=data), []
    with machine.pinned(machine.SERVING_CORE):
        # As a real installation keeps its data, unlike a test's.
        cluster = stack.enter_context(running_cluster(fsync="on", synchronous_commit="on", autovacuum="on"))
    return Settings(data_dir=data, database_url=cluster.url(cluster.create())), [cluster.process.pid]
