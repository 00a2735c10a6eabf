"""What a person does with sources at a door: connect one, look at its projects, add some. Mixes the host's answers with
rows, because somebody waits; no session is open while a host is asked.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from packistry.access.actors import Actor
from packistry.db.engine import Database, WriteSession
from packistry.db.models import Package, Project, Repository, Source
from packistry.errors import InvalidInput, Unavailable
from packistry.providers.base import CheckReport
from packistry.providers.base import Project as HostProject
from packistry.sources.actions import (
    CONCURRENCY,
    add_project,
    add_source,
    rebuild_package,
    request_run,
    rotate_source,
    update_source,
)
from packistry.sources.connecting import Connector, Filled, filled_in, find_provider
from packistry.sources.credentials import CredentialWatch
from packistry.sources.hooks import find_hook, hook_path, make_manual, rotate_hook, settle_hook
from packistry.sources.looking import Look, Looker, batches_of
from packistry.sources.projects import delete_project
from packistry.sources.queries import added_projects, find_source, list_projects, source_at
from packistry.sources.readdressing import Readdresser
from packistry.sources.states import Cause

# A person waits, and each costs two requests: more would use up what a host gives in an hour.
MOST_ASKED: Final = 500


@dataclass(frozen=True, slots=True)
class SeenProject:
    """A project at the host, and the ids of our projects that were made from it. `is_package`: whether composer.json is
    on its default branch; None when that is not known.
    """

    project: HostProject
    added: Sequence[int]
    is_package: bool | None


@dataclass(frozen=True, slots=True)
class Wish:
    """How projects are to be added: where to, which directory and which refs."""

    repository_id: int
    directory: str = ""
    tags: Sequence[str] = ()
    branches: Sequence[str] = ()
    hooked: bool = True


@dataclass(frozen=True, slots=True)
class HookSecret:
    """What a person puts into a host that we cannot tell: the end of the address in a repository, and the secret.

    There is no secret where the host is told of it by us.
    """

    hook_id: int
    repository: str
    path: str
    secret: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Added:
    """A project that was added: its first import, and its hook's secret where a person has to put it in."""

    run_id: int
    hook: HookSecret | None


@dataclass(frozen=True, slots=True)
class SourceDesk:
    """Serves one actor after the other. One per process; thread-safe."""

    database: Database
    connector: Connector

    def connect(self, actor: Actor, name: str, filled: Filled, *, concurrency: int = CONCURRENCY) -> Source:
        """A new source, without asking the host: `check` does."""
        with self.database.write() as session:
            return add_source(
                session,
                actor,
                name=name,
                provider=filled.provider.name,
                address=filled.address,
                credential=self.connector.sealer.seal(filled.credential),
                settings=filled.settings,
                concurrency=concurrency,
            )

    def rotate(self, actor: Actor, named: str, values: Mapping[str, str]) -> Source:
        """Another credential for the source, whole: what is not given again is gone."""
        source = self._source(actor, named)
        filled = filled_in(source.provider, source.address, {**source.settings, **values})
        with self.database.write() as session:
            source = source_at(session, actor, source.id)
            rotate_source(session, actor, source, self.connector.sealer.seal(filled.credential))
            return source

    def update(
        self,
        actor: Actor,
        named: str,
        *,
        name: str | None = None,
        concurrency: int | None = None,
        url: str | None = None,
        values: Mapping[str, str] | None = None,
    ) -> Source:
        """Changes what is given of the source. `values` are its credential for another `url`, and only for that."""
        source = self._source(actor, named)
        if values and url is None:
            raise InvalidInput("A credential alone is replaced with `packistry source rotate`.", field="url")
        moved = Readdresser(self.database, self.connector).look(source, url, values or {}) if url else None
        with self.database.write() as session:
            found = source_at(session, actor, source.id)
            update_source(session, actor, found, name=name, concurrency=concurrency, moved=moved)
            return found

    def check(self, actor: Actor, named: str) -> CheckReport:
        """Asks the host about the credential, and remembers the answer. Refuses with what keeps it from being asked."""
        return CredentialWatch(self.database, self.connector).look(self._source(actor, named)).report

    def projects(
        self, actor: Actor, named: str, *, search: str = "", owner: str = "", quick: bool = False
    ) -> Iterator[SeenProject]:
        """The projects that the credential sees, to the last page.

        Whether they are packages is asked for the first MOST_ASKED of which it is not known; with `quick` for none.
        """
        source = self._source(actor, named)
        with self.database.read() as session:
            added = added_projects(session, source)
        with self.connector.connect(source) as (provider, connection):
            looker = Looker(self.database, source, provider, connection)
            listed = list(provider.projects(connection, search=search, owner=owner))
            for look in _looks(looker, listed, 0 if quick else MOST_ASKED):
                yield SeenProject(look.project, [each.id for each in added.get(look.project.id, ())], look.is_package)

    def add(self, actor: Actor, named: str, full_names: Sequence[str], wish: Wish) -> list[Added]:
        """Adds the projects, all or none, and asks for their first import. Returns them in the same order."""
        source = self._source(actor, named)
        with self.connector.connect(source) as (provider, connection):
            found = [provider.project_named(connection, name) for name in full_names]
        return self._add(actor, source, found, wish)

    def rebuild(self, actor: Actor, package_id: int) -> int:
        """Looks at every ref of the package's project anew; returns the run. Refuses an uploaded package."""
        with self.database.write() as session:
            return rebuild_package(session, actor, session.get_one(Package, package_id)).id

    def rebuild_all(self, actor: Actor) -> list[int]:
        """As `rebuild`, for every project."""
        with self.database.write() as session:
            projects = [added.project for added in list_projects(session, actor)]
            return [request_run(session, project, Cause.REBUILD).id for project in projects]

    def rotate_hook(self, actor: Actor, hook_id: int) -> HookSecret:
        """Another secret for the hook, shown where we cannot tell the host of it."""
        with self.database.write() as session:
            summary = find_hook(session, actor, hook_id)
            secret = rotate_hook(session, actor, self.connector.sealer, hook_id)
            shown = None if summary.hook.remote_hook_id else secret
            return HookSecret(hook_id, summary.repository.path, hook_path(session, summary.hook), shown)

    def delete_project(self, actor: Actor, project_id: int) -> None:
        """The project is followed no longer. What is kept of it on disk for imports goes with the next sweep."""
        with self.database.write() as session:
            project = session.get_one(Project, project_id)
            delete_project(session, actor, project)

    def _add(self, actor: Actor, source: Source, found: Sequence[HostProject], wish: Wish) -> list[Added]:
        directory = valid_directory(wish.directory)
        with self.database.write() as session:
            repository = session.get_one(Repository, wish.repository_id)
            source = source_at(session, actor, source.id)
            added = [
                add_project(
                    session,
                    actor,
                    source,
                    repository,
                    each,
                    directory=directory,
                    tags=wish.tags,
                    branches=wish.branches,
                    hooked=wish.hooked,
                )
                for each in found
            ]
            return [
                Added(request_run(session, project, Cause.FIRST).id, self._manual(session, source, repository, project))
                for project in added
            ]

    def _manual(
        self, session: WriteSession, source: Source, repository: Repository, project: Project
    ) -> HookSecret | None:
        """The hook of a host that cannot be told of it; a secret that was shown once is shown to nobody again."""
        hook = settle_hook(session, project)
        if hook is None or find_provider(source.provider).has_hooks:
            return None
        secret = make_manual(self.connector.sealer, hook)
        return HookSecret(hook.id, repository.path, hook_path(session, hook), secret) if secret else None

    def _source(self, actor: Actor, named: str) -> Source:
        with self.database.read() as session:
            return find_source(session, actor, named)


def _looks(looker: Looker, listed: Sequence[HostProject], left: int) -> Iterator[Look]:
    """Looks at the projects, of which so many may be asked for; none any more once the host does not answer."""
    for batch in batches_of(listed):
        try:
            looks = looker.look(batch, most=left)
        except Unavailable:
            left = 0
            looks = looker.look(batch, most=left)
        left -= sum(look.asked for look in looks)
        yield from looks


def valid_directory(directory: str) -> str:
    """A directory inside a project, without slashes at its ends; "" is all of it. Refuses with InvalidInput."""
    parts = [part for part in directory.replace("\\", "/").split("/") if part not in {"", "."}]
    if ".." in parts or any(part.startswith("-") for part in parts):
        raise InvalidInput(f"{directory} is no directory inside a project.", field="path")
    return "/".join(parts)
