"""A real git server over http with one library, and a source in front of it."""

import io
import tarfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from packistry.outbound.client import Client
from packistry.providers.base import Connection, Project, RefKind
from packistry.providers.git import PlainGit
from packistry.providers.git_process import GitLimits
from tests.fakes.git_host import GitHost, Reply
from tests.fakes.git_projects import GitProject, make_library

NAME = "acme/widgets.git"


@dataclass(frozen=True, slots=True)
class Scene:
    """A source in front of a git server that has one library."""

    host: GitHost
    source: GitProject
    connection: Connection
    provider: PlainGit

    @property
    def project(self) -> Project:
        return self.provider.project(self.connection, NAME)

    def refs(self) -> dict[str, str]:
        folders = {RefKind.BRANCH: "refs/heads/", RefKind.TAG: "refs/tags/"}
        return {folders[ref.kind] + ref.name: ref.commit for ref in self.provider.refs(self.connection, self.project)}

    def read(self, commit: str, path: str = "composer.json") -> bytes | None:
        return self.provider.read_file(self.connection, self.project, commit, path)

    def archive(self, commit: str) -> dict[str, bytes]:
        return archived(self.provider, self.connection, self.project, commit)

    def mirror(self, *words: str) -> str:
        """What git says of the one mirror there is."""
        (path,) = (self.connection.folder / "mirrors").iterdir()
        return GitProject(path).git(*words)


def archived(provider: PlainGit, connection: Connection, project: Project, commit: str) -> dict[str, bytes]:
    """The files in the archive of a commit, below its one top folder."""
    buffer = io.BytesIO()
    provider.download_archive(connection, project, commit, buffer)
    buffer.seek(0)
    with tarfile.open(fileobj=buffer) as archive:
        members = [member for member in archive.getmembers() if member.isfile()]
        assert {member.name.partition("/")[0] for member in archive.getmembers()} == {f"widgets-{commit[:12]}"}
        return {
            member.name.partition("/")[2]: (archive.extractfile(member) or io.BytesIO()).read() for member in members
        }


@contextmanager
def open_scene(tmp_path: Path, client: Client) -> Generator[Scene]:
    """A server with the library, and a source of its own that has asked nothing yet."""
    source = make_library(tmp_path / "srv", NAME)
    with GitHost(tmp_path / "srv").running() as host:
        yield Scene(host, source, Connection(host.address, {}, {}, client, tmp_path / "source"), PlainGit())


def patient(seconds: float) -> PlainGit:
    """A provider whose git may take so long for anything."""
    return PlainGit(GitLimits(question_seconds=seconds, fetch_seconds=seconds, archive_seconds=seconds))


@contextmanager
def troubled(scene: Scene, answer: Callable[[str], Reply | None]) -> Generator[None]:
    scene.host.trouble = answer
    yield
    scene.host.trouble = lambda path: None
