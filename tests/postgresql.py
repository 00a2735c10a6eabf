"""A PostgreSQL cluster of the test run's own: on loopback, in a temporary folder, and gone however the run ends."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import sql

from tests.tools import dying_with_us, free_port, require_tool

ADMINISTRATOR = "packistry"
# A language's order, not that of bytes: a list that is only sorted by chance must not pass.
LOCALE = ["--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"]
# Durability is what a test run needs least; `chaos` proves it with a cluster that has it.
SPEED = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "shared_buffers": "64MB",
    "max_wal_size": "4GB",
    "max_connections": "200",
}


@dataclass(frozen=True)
class Cluster:
    """A running cluster. To make a database takes the processor for 0.1 to 0.4 s: see `lending`."""

    port: int
    process: subprocess.Popen[bytes]

    def url(self, database: str) -> str:
        """The address of a database, in the form the setting takes."""
        return f"postgresql://{ADMINISTRATOR}@127.0.0.1:{self.port}/{database}"

    def create(self, template: str = "template0") -> str:
        """The name of a new database: empty, or a copy of a `template` that nobody is connected to."""
        name = f"t{uuid4().hex}"
        self._execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        return name

    def rename(self, database: str) -> str:
        """The new name of a database that nobody is connected to."""
        name = f"t{uuid4().hex}"
        self._execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(database), sql.Identifier(name)))
        return name

    def drop(self, database: str) -> None:
        """Removes a database, whoever is still connected to it."""
        self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def running_cluster(**overrides: str) -> Generator[Cluster, None, None]:
    """A cluster with `overrides` of its server settings, stopped and removed at the end."""
    programs = require_tool(_programs(), "postgresql")
    folder = Path(tempfile.mkdtemp(prefix="packistry-postgresql-"))
    # initdb refuses root, so that a hole in the server is not root's
    user = require_tool(_unprivileged_user(), "the user postgres") if os.getuid() == 0 else None
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    try:
        _initialise(programs / "initdb", folder, user)
        cluster = _start(programs / "postgres", folder, user, SPEED | overrides)
        try:
            yield cluster
        finally:
            cluster.process.send_signal(signal.SIGINT)  # stop now, without waiting for clients
            cluster.process.wait(30)
    finally:
        shutil.rmtree(folder)


def _programs() -> Path | None:
    """The folder of the newest PostgreSQL; Debian keeps it off the PATH."""
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    found = shutil.which("postgres")
    if folders:
        return max(folders, key=lambda folder: int(folder.parent.name))
    return Path(found).parent if found else None


def _unprivileged_user() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return None


def _initialise(initdb: Path, folder: Path, user: pwd.struct_passwd | None) -> None:
    subprocess.run(
        [initdb, "-D", folder / "data", "-U", ADMINISTRATOR, "--auth=trust", "--no-sync", *LOCALE],
        check=True,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        user=user and user.pw_uid,
        group=user and user.pw_gid,
        extra_groups=[] if user else None,
    )


def _start(postgres: Path, folder: Path, user: pwd.struct_passwd | None, settings: dict[str, str]) -> Cluster:
    port = free_port()
    settings = settings | {"listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": ""}
    become = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"] if user else []
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*dying_with_us("INT", *become), postgres, "-D", folder / "data"]
            + [word for name, value in settings.items() for word in ("-c", f"{name}={value}")],
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    cluster = Cluster(port, process)
    _wait_until_it_answers(cluster, log)
    return cluster


def _wait_until_it_answers(cluster: Cluster, log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(cluster.url("postgres"), connect_timeout=5).close()
        except psycopg.OperationalError as error:
            if cluster.process.poll() is not None or time.monotonic() > deadline:
                cluster.process.kill()
                raise RuntimeError(f"PostgreSQL does not start:\n{log.read_text()}") from error
            time.sleep(0.02)
        else:
            return
