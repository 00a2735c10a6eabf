"""Working off an import run: ask the host for its refs, prepare several at once, publish in batches.

The rows are the truth: after a kill the same function is called again for the same run, and goes on with what waits.
No session is open while a host is asked.
"""

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from packistry import clock
from packistry.archives.limits import Limits
from packistry.composer.refs import import_order
from packistry.db.engine import Database
from packistry.db.models import ImportRun, Project, Repository, Source
from packistry.errors import CredentialRefused, HostUnavailable, RateLimited, Refusal, StorageFull, Unavailable
from packistry.packages.documents import Address
from packistry.providers.base import Connection, Provider, Ref, RefKind
from packistry.providers.base import Project as HostProject
from packistry.sources.accepting import note_name
from packistry.sources.actions import (
    begin_run,
    cancel_runs,
    finish_run,
    follow_project,
    list_refs,
    put_off_run,
    wait_for_credential,
)
from packistry.sources.connecting import Connector
from packistry.sources.credentials import CredentialWatch
from packistry.sources.preparing import Preparer
from packistry.sources.queries import (
    expected_name,
    known_skips,
    live_versions,
    refs_of,
    refuse_anothers,
    served_versions,
    taken_refs,
)
from packistry.sources.states import GONE_AT_HOST, Cause, RefState, RunState
from packistry.sources.wanted import is_wanted
from packistry.sources.working import prepare_all
from packistry.sources.writing import Writer, version_of
from packistry.storage.base import BlobStorage

log = structlog.get_logger(__name__)

# A host that does not answer is asked again after 10 s, 40 s, ... an hour, and given up after a day or so.
FIRST_PAUSE: Final = timedelta(seconds=10)
LONGEST_PAUSE: Final = timedelta(hours=1)
MOST_ATTEMPTS: Final = 24
# So often is a ref asked for that the host does not give while it gives others: 10 s, 40 s and 160 s later.
REF_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class Importer:
    """Works off runs. One per process; thread-safe."""

    database: Database
    storage: BlobStorage
    limits: Limits
    public_url: str | None
    connector: Connector

    def work(self, run_id: int, stopping: threading.Event) -> None:
        """Brings the refs of the run in. Returns when it is over, put off, or `stopping` is set."""
        plan = self._begin(run_id)
        if plan is None:
            return
        try:
            with self.connector.connect(plan.source) as (provider, connection):
                self._import(_Asking(plan, provider, connection, stopping))
        except RateLimited as refusal:
            self._put_off(plan, refusal, refusal.until)
        except (Unavailable, StorageFull) as refusal:
            self._try_later(plan, refusal)
        except Refusal as refusal:
            self._fail(plan, refusal)

    def give_up(self, run_id: int, reason: str) -> None:
        """After faults of ours, which the log has in full: the run says so, and its other refs stay as they are."""
        sentence = f"Something failed inside Packistry ({reason}); the server's log has the details. Then retry it."
        with self.database.write() as session:
            finish_run(session, session.get_one(ImportRun, run_id), RunState.FAILED, sentence)

    def _begin(self, run_id: int) -> "_Plan | None":
        with self.database.write() as session:
            run = session.get(ImportRun, run_id)
            if run is None:
                return None
            project = session.get_one(Project, run.project_id)
            source = session.get_one(Source, project.source_id)
            if project.deleted_at is not None:
                # With its repository, for then nobody looked at its runs.
                cancel_runs(session, project)
                return None
            if wait_for_credential(session, run, source) or not begin_run(session, run):
                return None
            repository = session.get_one(Repository, project.repository_id)
            return _Plan(run, project, source, Address(self.public_url, repository.path))

    def _import(self, asking: "_Asking") -> None:
        plan = asking.plan
        found = asking.provider.project(asking.connection, plan.project.remote_id)
        with self.database.write() as session:
            project = session.get_one(Project, plan.project.id)
            follow_project(project, found)
            if project.problem == GONE_AT_HOST:
                project.problem = None
            session.get_one(Source, plan.source.id).last_contact_at = clock.now()
        writer = Writer(self.database, self.storage, plan.project.id, plan.run.id, plan.address)
        if plan.run.partial:
            self._look_up(asking, found, writer)
        elif not plan.run.listed:
            self._list(asking, found)
        preparer = self._preparer(asking, found)
        if not self._work_off(asking, preparer, writer):
            return
        writer.finish()

    def _list(self, asking: "_Asking", found: HostProject) -> None:
        refs = {(ref.kind, ref.name): ref for ref in _wanted(asking, found)}
        ordered = import_order([(kind.value, name) for kind, name in refs], found.default_branch)
        with self.database.write() as session:
            run = session.get_one(ImportRun, asking.plan.run.id)
            list_refs(session, run, (refs[RefKind(kind), name] for kind, name in ordered))

    def _look_up(self, asking: "_Asking", found: HostProject, writer: Writer) -> None:
        """Asks what the refs stand for now that a push told of. All that wait, each time: an answer is soon old."""
        plan = asking.plan
        with self.database.read() as session:
            rows = refs_of(session, plan.run, RefState.WAITING)
            live = live_versions(session, plan.project.id)
        answers = [
            (row, asking.provider.find_ref(asking.connection, found, RefKind(row.kind), row.name)) for row in rows
        ]
        gone = [row for row, ref in answers if ref is None]
        # Another ref may give the same version: "v1.0.0" is gone, and "1.0.0" is not.
        asks_again = bool(live & {version_of(row.kind, row.name) for row in gone})
        still = {version_of(ref.kind, ref.name) for ref in _wanted(asking, found)} if asks_again else set[str | None]()
        writer.note_answers({row.id: ref.commit for row, ref in answers if ref is not None}, gone, still)

    def _preparer(self, asking: "_Asking", found: HostProject) -> Preparer:
        plan = asking.plan
        with self.database.read() as session:
            rows = refs_of(session, plan.run)
            served = served_versions(session, plan.project.package_id)
            expected = expected_name(session, plan.project)
            skipped = known_skips(session, plan.project.id)
            taken = taken_refs(session, plan.project.id) if plan.run.partial else {}
        for row in rows:
            if (row.kind, row.name) in taken:
                skipped[row.kind, row.name, row.commit] = taken[row.kind, row.name]
        default = next(
            (
                Ref(RefKind.BRANCH, row.name, row.commit)
                for row in rows
                if row.commit and _is_default(row.kind, row.name, found)
            ),
            None,
        )
        preparer = Preparer(
            provider=asking.provider,
            connection=asking.connection,
            project=found,
            directory=plan.project.directory,
            package=expected,
            served=served,
            skipped=skipped,
            storage=self.storage,
            limits=self.limits,
            anew=plan.run.cause == Cause.REBUILD or (plan.run.partial and plan.run.cause == Cause.RETRY),
            run_id=plan.run.id,
        )
        if default is None and expected is None and plan.run.partial and found.default_branch is not None:
            # Where the name of the package is, when no ref of the run tells it.
            default = asking.provider.find_ref(asking.connection, found, RefKind.BRANCH, found.default_branch)
        preparer = preparer.named(default)
        if preparer.package is not None:
            # Before anything is downloaded, again and again, that could not be published.
            with self.database.read() as session:
                refuse_anothers(session, plan.project, preparer.package)
        if preparer.says is not None:
            with self.database.write() as session:
                note_name(session, session.get_one(Project, plan.project.id), preparer.says)
        return preparer

    def _work_off(self, asking: "_Asking", preparer: Preparer, writer: Writer) -> bool:
        """Brings in what waits; False when it was told to stop, or cancelled, before the end.

        Refuses with HostUnavailable when refs were not given, which then still wait: the run is to be put off. After a
        few attempts they have failed, unless the host gives none at all.
        """
        plan = asking.plan
        with self.database.read() as session:
            rows = refs_of(session, plan.run)
        last: str | None = None
        with closing(prepare_all(preparer, rows, asking.stopping, _threads(plan))) as batches:
            for batch in batches:
                if not writer.write(batch):
                    return False
                last = next((outcome.not_given for outcome in batch if outcome.not_given), last)
        if asking.stopping.is_set():
            return False
        if last and plan.run.attempts < REF_ATTEMPTS:
            raise HostUnavailable(last)
        return True

    def _try_later(self, plan: "_Plan", refusal: Refusal) -> None:
        if plan.run.attempts >= MOST_ATTEMPTS:
            self._fail(plan, refusal)
            return
        pause = min(FIRST_PAUSE * 4**plan.run.attempts, LONGEST_PAUSE)
        self._put_off(plan, refusal, clock.now() + pause)

    def _put_off(self, plan: "_Plan", refusal: Refusal, until: datetime) -> None:
        log.info("import.waits", run=plan.run.id, project=plan.project.full_name, until=until.isoformat())
        with self.database.write() as session:
            if isinstance(refusal, RateLimited):
                session.get_one(Source, plan.source.id).waits_until = until
            put_off_run(session, session.get_one(ImportRun, plan.run.id), until, refusal.sentence)

    def _fail(self, plan: "_Plan", refusal: Refusal) -> None:
        log.warning("import.failed", run=plan.run.id, project=plan.project.full_name, sentence=refusal.sentence)
        if isinstance(refusal, CredentialRefused):
            self._look_at_credential(plan, refusal)
        with self.database.write() as session:
            if session.get_one(Source, plan.source.id).credential_refused is None:
                session.get_one(Project, plan.project.id).problem = refusal.sentence
            finish_run(session, session.get_one(ImportRun, plan.run.id), RunState.FAILED, refusal.sentence)

    def _look_at_credential(self, plan: "_Plan", refusal: CredentialRefused) -> None:
        """Whether the host refuses it for every project, so that the source stops, or for this one only."""
        try:
            CredentialWatch(self.database, self.connector).look(plan.source, suspected=refusal.sentence)
        except Refusal as fault:
            log.warning("source.not_looked_at", source=plan.source.name, sentence=fault.sentence)


def _threads(plan: "_Plan") -> int:
    """How many refs are worked on at once: half as many each time that the host made the run wait.

    Refs under way begin anew after a wait. Of more than the host allows in one go, none would ever be finished.
    """
    return max(1, plan.source.concurrency >> plan.run.attempts)


@dataclass(frozen=True, slots=True)
class _Plan:
    """The rows that a run is about, as they were when it began."""

    run: ImportRun
    project: Project
    source: Source
    address: Address


@dataclass(frozen=True, slots=True)
class _Asking:
    """A run whose host can be asked."""

    plan: _Plan
    provider: Provider
    connection: Connection
    stopping: threading.Event


def _wanted(asking: _Asking, found: HostProject) -> Iterator[Ref]:
    """The refs that the host has, as far as the project takes them."""
    for ref in asking.provider.refs(asking.connection, found):
        if is_wanted(asking.plan.project, ref.kind, ref.name, found.default_branch):
            yield ref


def _is_default(kind: str, name: str, found: HostProject) -> bool:
    return kind == RefKind.BRANCH and name == found.default_branch
