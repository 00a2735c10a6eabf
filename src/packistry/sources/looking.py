"""Whether projects at a host are Composer packages: asked for once, remembered, and asked again when they may have
changed. No session is open while a host is asked.
"""

import threading
from collections.abc import Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, insert, select

from packistry import clock
from packistry.db.engine import Database
from packistry.db.models import ProjectLook, Source
from packistry.db.statements import hold
from packistry.errors import CredentialRefused, HostRefused, NotFound
from packistry.providers.base import Connection, Provider, RefKind
from packistry.providers.base import Project as HostProject
from packistry.sources.preparing import COMPOSER_JSON

# Looked at, and then written, at once.
BATCH_PROJECTS: Final = 50
# Whatever a host tells of changes, a project is looked at once a day.
AGAIN: Final = timedelta(days=1)
# GitLab tells of one change an hour, and clocks differ: a project that changed shortly before it was looked at may
# have changed after that too, without a word.
SLACK: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Look:
    """A project, and whether it has a composer.json on its default branch; None when the host did not let us see."""

    project: HostProject
    is_package: bool | None
    # Why it did not.
    reason: str | None = None
    # Of the default branch; "" when there is none.
    commit: str = ""
    # Whether the host was asked for it just now.
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Looker:
    """Looks at the projects of one source, as many at once as the source says."""

    database: Database
    source: Source
    provider: Provider
    connection: Connection

    def look_at(
        self, projects: Sequence[HostProject], stopping: threading.Event, *, anew: bool = False
    ) -> Generator[Sequence[Look]]:
        """As `look`, in batches; ends early, without a word, when `stopping` is set."""
        for batch in batches_of(projects):
            if stopping.is_set():
                return
            yield self.look(batch, anew=anew)

    def look(
        self, projects: Sequence[HostProject], *, anew: bool = False, most: int = BATCH_PROJECTS
    ) -> Sequence[Look]:
        """A batch of projects, in their order. With `anew` each is asked for the commit of its default branch at least.

        At most `most` are asked for; of the others that would have to be, it stays unknown. Refuses with
        CredentialRefused and with what is Unavailable; a no to one project is the reason in its look.
        """
        known = self._known(projects)
        settled = {each.id: _settled(known.get(each.id), each, anew=anew) for each in projects}
        unsure = [each for each in projects if settled[each.id] is None][:most]
        with ThreadPoolExecutor(self.source.concurrency, thread_name_prefix="look") as executor:
            asked = executor.map(self._look, unsure, [known.get(each.id) for each in unsure])
            looks = {look.project.id: look for look in asked}
        self._remember(looks.values())
        return [looks.get(each.id) or settled[each.id] or Look(each, None) for each in projects]

    def _look(self, project: HostProject, before: ProjectLook | None) -> Look:
        try:
            return self._asked(project, before)
        except CredentialRefused:
            raise
        except (HostRefused, NotFound) as refusal:
            return Look(project, None, refusal.sentence, asked=True)

    def _asked(self, project: HostProject, before: ProjectLook | None) -> Look:
        # Bitbucket Data Center tells the default branch of no project in a list; of an empty one nobody does.
        found = project if project.default_branch else self.provider.project(self.connection, project.id)
        branch = found.default_branch and self.provider.find_ref(
            self.connection, found, RefKind.BRANCH, found.default_branch
        )
        if not branch:
            return Look(found, is_package=False, asked=True)
        if before is not None and before.is_package is not None and before.commit == branch.commit:
            return Look(found, before.is_package, commit=branch.commit, asked=True)
        content = self.provider.read_file(self.connection, found, branch.commit, COMPOSER_JSON)
        return Look(found, content is not None, commit=branch.commit, asked=True)

    def _known(self, projects: Sequence[HostProject]) -> Mapping[str, ProjectLook]:
        ids = [project.id for project in projects]
        wanted = select(ProjectLook).where(ProjectLook.source_id == self.source.id, ProjectLook.remote_id.in_(ids))
        with self.database.read() as session:
            return {look.remote_id: look for look in session.scalars(wanted)}

    def _remember(self, found: Iterable[Look]) -> None:
        looks = [look for look in found if look.asked]
        if not looks:
            return
        with self.database.write() as session:
            # Somebody else may look at the same projects: a rule while a person lists them.
            hold(session, f"looks of source {self.source.id}")
            ids = [look.project.id for look in looks]
            session.execute(
                delete(ProjectLook).where(ProjectLook.source_id == self.source.id, ProjectLook.remote_id.in_(ids))
            )
            session.execute(insert(ProjectLook), [self._row(look) for look in looks])

    def _row(self, look: Look) -> dict[str, object]:
        return {
            "source_id": self.source.id,
            "remote_id": look.project.id,
            "commit": look.commit,
            "is_package": look.is_package,
            "reason": look.reason,
            "looked_at": clock.now(),
        }


def batches_of(projects: Sequence[HostProject]) -> Generator[Sequence[HostProject]]:
    for start in range(0, len(projects), BATCH_PROJECTS):
        yield projects[start : start + BATCH_PROJECTS]


def _settled(before: ProjectLook | None, project: HostProject, *, anew: bool) -> Look | None:
    """What is known without asking; None when the project may have changed since it was looked at."""
    if anew or before is None or before.looked_at + AGAIN <= clock.now():
        return None
    if project.changed_at is None or project.changed_at >= before.looked_at - SLACK:
        return None
    return Look(project, before.is_package, before.reason, before.commit)
