"""Writing what a run brought: versions, documents and what became of each ref, in one transaction a batch."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from packistry import clock
from packistry.access.actors import System
from packistry.composer.versions import normalise
from packistry.db.engine import Database, WriteSession
from packistry.db.models import ImportRef, ImportRun, Package, Project, Repository, Version
from packistry.db.statements import hold
from packistry.errors import Refusal, Unavailable, VersionConflict
from packistry.packages.actions import refresh_package, take_out_version
from packistry.packages.documents import Address
from packistry.packages.holding import held_package, package_to_publish
from packistry.packages.publishing import Outcome as PublishOutcome
from packistry.packages.publishing import Publication, Publishing, Submission
from packistry.packages.upload import refuse_reserved
from packistry.sources.accepting import note_refused_move
from packistry.sources.actions import finish_run, forget_idle_syncs
from packistry.sources.preparing import Prepared
from packistry.sources.queries import refs_of, refuse_anothers
from packistry.sources.states import NOTHING_AT_HOST, OPEN, RefState, RunState
from packistry.sources.working import Outcome, version_named
from packistry.storage.base import BlobStorage
from packistry.storage.keys import archive_key

IMPORTER: Final = System(name="import")


# What a ref is written in: nothing, or a savepoint.
_Guard = Callable[[WriteSession], AbstractContextManager[object]]
# State, reason and version of a ref that was worked off.
_End = tuple[RefState, str | None, int | None]


class _RefRefused(Exception):
    """A ref was refused where nothing keeps what it began apart from the other refs."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes the outcomes of one run."""

    database: Database
    storage: BlobStorage
    project_id: int
    run_id: int
    address: Address

    def write(self, batch: Sequence[Outcome]) -> bool:
        """All of the batch or nothing. False when the run was cancelled meanwhile: then nothing was written."""
        try:
            return self._write(batch, nullcontext)
        except _RefRefused:
            # Seldom, so savepoints are not paid for before.
            return self._write(batch, Session.begin_nested)

    def _write(self, batch: Sequence[Outcome], guarded: "_Guard") -> bool:
        with self.database.write() as session:
            run = session.get_one(ImportRun, self.run_id, populate_existing=True)
            if run.state not in OPEN:
                return False
            self._hold_files(session, batch)
            writing = _Batch(session, session.get_one(Project, self.project_id), guarded)
            ends = writing.ends_of(batch)
            for package_id, versions in writing.touched.items():
                refresh_package(session, session.get_one(Package, package_id), self.address, versions)
            # Last, so that they are one statement for all.
            for row in session.scalars(select(ImportRef).where(ImportRef.id.in_(ends))):
                row.state, row.reason, row.version_id = ends[row.id]
                # One that the host did not give waits.
                row.finished_at = None if row.state == RefState.WAITING else clock.now()
        return True

    def _hold_files(self, session: WriteSession, batch: Sequence[Outcome]) -> None:
        """Against a purge between storing a file and its row."""
        submissions = [each.result.submission for each in batch if isinstance(each.result, Prepared)]
        keys = {archive_key(submission.archive.sha256) for submission in submissions}
        hold(session, *keys)
        if not all(map(self.storage.exists, keys)):
            raise Unavailable("An archive was purged while it was imported; the import goes on in a moment.")

    def note_answers(self, commits: Mapping[int, str], gone: Sequence[ImportRef], still: Set[str | None]) -> None:
        """What the host said of the refs that a push told of: their commits by row, and which are gone.

        These leave the metadata as after a look at all refs, but for the versions that other refs `still` give.
        """
        with self.database.write() as session:
            run = session.get_one(ImportRun, self.run_id)
            if run.state not in OPEN:
                return
            for row_id, commit in commits.items():
                session.get_one(ImportRef, row_id).commit = commit
            for row in [session.get_one(ImportRef, each.id) for each in gone]:
                row.state, row.finished_at = RefState.DELETED, clock.now()
                row.reason = "It is gone at the host; archives that were served stay for old locks."
            versions = {version_of(row.kind, row.name) for row in gone} - still
            self._take_out(session, [each for each in self._live(session) if each.normalised in versions])

    def finish(self) -> None:
        """The run is done: what is gone at the host leaves the metadata, and its archives stay."""
        with self.database.write() as session:
            run = session.get_one(ImportRun, self.run_id)
            if run.state not in OPEN:
                return
            project = session.get_one(Project, self.project_id)
            if not run.partial:
                self._take_out_what_is_gone(session, run, project)
                project.synced_at = clock.now()
            finish_run(session, run, RunState.DONE, project.problem)
            forget_idle_syncs(session, run)

    def _take_out_what_is_gone(self, session: WriteSession, run: ImportRun, project: Project) -> None:
        there = {version_of(row.kind, row.name) for row in refs_of(session, run)}
        live = self._live(session)
        if not there and live:
            # Somebody emptied or made anew a project by mistake far more often than all of its packages are to go.
            project.problem = NOTHING_AT_HOST
            return
        if project.problem == NOTHING_AT_HOST:
            project.problem = None
        self._take_out(session, [each for each in live if each.normalised not in there])

    def _live(self, session: WriteSession) -> Sequence[Version]:
        live = select(Version).where(Version.project_id == self.project_id, Version.deleted_at.is_(None))
        return session.scalars(live).all()

    def _take_out(self, session: WriteSession, versions: Iterable[Version]) -> None:
        gone: dict[int, set[str]] = {}
        for version in versions:
            package = held_package(session, session.get_one(Package, version.package_id))
            take_out_version(session, IMPORTER, package, version, withdrawn=True)
            gone.setdefault(package.id, set()).add(version.normalised)
        for package_id, normalised in gone.items():
            refresh_package(session, session.get_one(Package, package_id), self.address, normalised)


@dataclass(frozen=True, slots=True)
class _Batch:
    """One transaction's refs. `touched` are the normalised versions that they changed, by package."""

    session: WriteSession
    project: Project
    guarded: _Guard
    touched: dict[int, set[str]] = field(default_factory=dict[int, set[str]])
    # Held until the commit, so that a package is read once for all of its versions.
    _publishing: dict[str, Publishing] = field(default_factory=dict[str, Publishing])

    def ends_of(self, outcomes: Sequence[Outcome]) -> Mapping[int, _End]:
        """What becomes of each ref, by its row, once the rows of all are written."""
        ends = [(outcome.row.id, self._end_of(outcome)) for outcome in outcomes]
        self._settle()
        return {
            row_id: (state, reason, version.id if isinstance(version, Version) else version)
            for row_id, (state, reason, version) in ends
        }

    def _settle(self) -> None:
        for publishing in self._publishing.values():
            publishing.settle()

    def _end_of(self, outcome: Outcome) -> tuple[RefState, str | None, Version | int | None]:
        if not isinstance(outcome.result, Prepared):
            state, reason, moved = outcome.result
            version_id = None if moved is None else note_refused_move(self.session, moved, outcome.row.commit)
            return state, reason, version_id
        try:
            # A ref that is refused takes back what it began: the revival of a package that was deleted, say.
            with self.guarded(self.session):
                publication = self._publish(outcome.result.submission)
                if self.guarded is not nullcontext:
                    self._settle()
        except Refusal as refusal:
            if self.guarded is nullcontext:
                raise _RefRefused from refusal
            self._publishing.clear()
            return RefState.KEPT if isinstance(refusal, VersionConflict) else RefState.FAILED, refusal.sentence, None
        same = publication.outcome is PublishOutcome.UNCHANGED
        state = RefState.UNCHANGED if same else RefState.IMPORTED
        return state, outcome.result.warning, publication.version

    def _publish(self, submission: Submission) -> Publication:
        publication = self._package(submission.manifest.name).put(submission)
        package = publication.package
        publication.version.project_id = self.project.id
        if self.project.package_id is None:
            # From here on the package tells the name, also where it is a new one that was accepted.
            self.project.package_id, self.project.renamed_to = package.id, None
        if publication.outcome is not PublishOutcome.UNCHANGED:
            self.touched.setdefault(package.id, set()).update(publication.touched)
        return publication

    def _package(self, name: str) -> Publishing:
        if name not in self._publishing:
            refuse_reserved(name)
            refuse_anothers(self.session, self.project, name)
            repository = self.session.get_one(Repository, self.project.repository_id)
            package = package_to_publish(self.session, IMPORTER, repository, name)
            self._publishing[name] = Publishing(self.session, IMPORTER, package)
        return self._publishing[name]


def version_of(kind: str, name: str) -> str | None:
    """The version that the ref stands for, normalised, or None."""
    version = version_named(kind, name)
    return None if version is None else normalise(version)
