"""What one process takes away, no worker of another gives: `python -m tests.proofs.staleness [--tries N]`.

A real server with two workers answers under load. This process, which is none of them, revokes tokens, takes grants,
deletes versions and shuts repositories, and then asks each worker at once, on connections of which the kernel says
whose they are. An answer of before the change is stale; there must be none. docs/staleness.md has the last figures.
"""

import argparse
import gzip
import http.client
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from packistry.access.grants import Grant
from packistry.accounts.actions import update_user
from packistry.db.models import Package, Repository, Token, User, Version
from packistry.house import House, open_house
from packistry.packages.actions import delete_version
from packistry.packages.documents import Address
from packistry.repositories.actions import update_repository
from packistry.settings import Settings
from packistry.tokens.actions import revoke_token, update_deploy_token
from tests import factories
from tests.factories import OPERATOR
from tests.postgresql import running_cluster
from tests.server import Installation, Server
from tests.tools import dying_with_us, program

WORKERS = 2
CONNECTIONS_EACH = 2
# The kernel gives new connections to whichever worker is free; with so many each has got some.
MOST_CONNECTIONS = 400
P2 = "/r/acme/p2/acme/lib.json"


@dataclass
class Tally:
    """What was tried, how many answers each worker gave, and those of them that were stale."""

    tries: Counter[str] = field(default_factory=Counter[str])
    answers: Counter[int] = field(default_factory=Counter[int])
    stale: list[str] = field(default_factory=list[str])

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {kind}" for kind, count in self.tries.items())
        answers = " and ".join(str(count) for count in self.answers.values())
        return f"{self.tries.total()} tries ({kinds}), answers of the workers: {answers}; stale: {len(self.stale)}"


class Line:
    """One kept connection to one worker."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.get("/health", None)
        self.worker = _owner(self._connection, port)

    def get(self, path: str, token: str | None) -> tuple[int, bytes]:
        """Status and body."""
        headers = {"Accept-Encoding": "gzip"} | ({"Authorization": f"Bearer {token}"} if token else {})
        self._connection.request("GET", path, headers=headers)
        answer = self._connection.getresponse()
        body = answer.read()
        return answer.status, gzip.decompress(body) if answer.headers["content-encoding"] == "gzip" else body

    def close(self) -> None:
        self._connection.close()


def _owner(connection: http.client.HTTPConnection, port: int) -> int:
    """The process at the other end, found by the socket's inode."""
    own_port = connection.sock.getsockname()[1]
    wanted = f"0100007F:{port:04X} 0100007F:{own_port:04X} "
    [line] = [line for line in Path("/proc/net/tcp").read_text().splitlines() if wanted in line]
    socket = f"socket:[{line.split()[9]}]"
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(descriptor.readlink()) == socket:
                return int(descriptor.parts[2])
        except OSError:
            continue  # It ended, or was closed, while we looked.
    raise LookupError("nobody has the other end")


@contextmanager
def lines_to_all(server: Server) -> Generator[list[Line]]:
    """Some connections to each worker."""
    kept: dict[int, list[Line]] = {}
    with ExitStack() as stack:
        for _ in range(MOST_CONNECTIONS):
            line = Line(server.port)
            stack.callback(line.close)
            mine = kept.setdefault(line.worker, [])
            if len(mine) < CONNECTIONS_EACH:
                mine.append(line)
            if len(kept) == WORKERS and all(len(lines) == CONNECTIONS_EACH for lines in kept.values()):
                break
        assert len(kept) == WORKERS, f"only {len(kept)} of {WORKERS} workers answer"
        yield [line for lines in kept.values() for line in lines]


@contextmanager
def load(server: Server, token: str) -> Generator[None]:
    """Somebody else who asks for the same document all the time, with the token whose grants come and go."""
    words = ["-t", "1", "-c", "6", "-d", "3600", "-H", f"Authorization: Bearer {token}", server.url + P2]
    process = subprocess.Popen([*dying_with_us("TERM"), program("wrk"), *words], stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


@dataclass
class Stage:
    """One installation: the house here, and the lines to the workers there."""

    house: House
    lines: list[Line]
    tally: Tally
    token: str

    def expect(self, kind: str, number: int, token: str | None, good: Callable[[int, bytes], bool]) -> None:
        """Asks on every line; an answer that is not good is stale."""
        for line in self.lines:
            status, body = line.get(P2, token)
            self.tally.answers[line.worker] += 1
            if not good(status, body):
                self.tally.stale.append(f"{kind} {number}: worker {line.worker} answered {status}")


def revoke(stage: Stage, number: int) -> None:
    """A token that was good is revoked."""
    token = factories.deploy_token(stage.house, "acme", name=f"revoked-{number}")
    stage.expect("new token", number, token, _is_there)
    with stage.house.database.write() as session:
        revoke_token(session, OPERATOR, session.scalars(select(Token).where(Token.name == f"revoked-{number}")).one())
    stage.expect("revoked", number, token, lambda status, _: status == 401)


def take_grant(stage: Stage, number: int) -> None:
    """A token keeps working, but not here; and then here again."""
    for grants, answer in (([], 404), ([Grant("acme")], 200)):
        with stage.house.database.write() as session:
            token = session.scalars(select(Token).where(Token.name == "load")).one()
            update_deploy_token(session, OPERATOR, token, grants=grants)
        stage.expect("grant", number, stage.token, lambda status, _, wanted=answer: status == wanted)


def delete(stage: Stage, number: int) -> None:
    """A version leaves the metadata, and comes back."""
    with stage.house.database.write() as session:
        version = session.scalars(select(Version).where(Version.normalised == "1.0.0.0")).one()
        package = session.get_one(Package, version.package_id)
        delete_version(session, OPERATOR, package, version, Address(None, "acme"))
    stage.expect("deleted", number, stage.token, lambda status, body: status == 200 and _versions(body) == ["2.0.0"])
    factories.publish(stage.house, "acme/lib", "1.0.0")
    stage.expect("restored", number, stage.token, lambda status, body: status == 200 and len(_versions(body)) == 2)


def shut(stage: Stage, number: int) -> None:
    """A repository is opened to everybody, and shut again."""
    for public, answer in ((True, 200), (False, 401)):
        with stage.house.database.write() as session:
            repository = session.scalars(select(Repository).where(Repository.path == "acme")).one()
            update_repository(session, OPERATOR, repository, public=public)
        stage.expect("public", number, None, lambda status, _, wanted=answer: status == wanted)


def switch_off(stage: Stage, number: int) -> None:
    """A user is switched off, and the personal token with the account; and on again."""
    with stage.house.database.write() as session:
        user = session.scalars(select(User)).first()
        found = None if user is None else user.id
    user_id = found or factories.user(stage.house, "ada@example.test", Grant("acme"))
    token = factories.personal_token(stage.house, user_id, name=f"personal-{number}")
    for active, answer in ((False, 401), (True, 200)):
        with stage.house.database.write() as session:
            update_user(session, OPERATOR, session.get_one(User, user_id), active=active)
        stage.expect("user", number, token, lambda status, _, wanted=answer: status == wanted)


TRIES: dict[str, Callable[[Stage, int], None]] = {
    "tokens revoked": revoke,
    "grants taken": take_grant,
    "versions deleted": delete,
    "repositories shut": shut,
    "users switched off": switch_off,
}


def _is_there(status: int, body: bytes) -> bool:
    return status == 200 and bool(_versions(body))


def _versions(body: bytes) -> list[str]:
    return [entry["version"] for entry in json.loads(body)["packages"]["acme/lib"]]


def prove(installation: Installation, tries: int) -> Tally:
    """All kinds in turns, `tries` of them, on a fresh installation."""
    tally = Tally()
    settings = Settings(data_dir=installation.data_dir, database_url=installation.database_url)
    with ExitStack() as stack:
        house = stack.enter_context(open_house(settings))
        factories.repository(house)
        for version in ("1.0.0", "2.0.0"):
            factories.publish(house, "acme/lib", version)
        token = factories.deploy_token(house, "acme", name="load")
        server = stack.enter_context(installation.serve(workers=WORKERS))
        lines = stack.enter_context(lines_to_all(server))
        stack.enter_context(load(server, token))
        stage = Stage(house, lines, tally, token)
        for number in range(tries):
            kind = list(TRIES)[number % len(TRIES)]
            TRIES[kind](stage, number)
            tally.tries[kind] += 1
    return tally


def main() -> int:
    """Both databases, and 1 when any answer was stale."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--tries", type=int, default=3_000, help="on each database (3000)")
    tries = arguments.parse_args().tries
    stale = 0
    with running_cluster() as cluster, tempfile.TemporaryDirectory() as folder:
        for name, address in (("SQLite", None), ("PostgreSQL", cluster.url(cluster.create()))):
            installation = Installation(Path(folder) / name / "data", address)
            installation.data_dir.mkdir(parents=True)
            began = time.monotonic()
            tally = prove(installation, tries)
            print(f"{name}: {tally}; {time.monotonic() - began:.0f} s", *tally.stale[:20], sep="\n  ", flush=True)
            stale += len(tally.stale)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
