"""Credentials of sources: what a host says of one is kept in the row, told before it ends and after, and asked again.

Mixes rows with what hosts answer, because it is done between imports; no session is open while a host is asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from packistry import clock
from packistry.access.actors import System
from packistry.audit.events import Event
from packistry.audit.log import record
from packistry.db.engine import Database, WriteSession
from packistry.db.models import Project, Source
from packistry.errors import CredentialRefused, HostRefused, NotFound, Refusal
from packistry.providers.base import CheckReport, Connection, Provider
from packistry.sources.actions import hurry_waiting_runs, request_syncs, source_subject
from packistry.sources.connecting import Connector
from packistry.sources.queries import live_sources, projects_to_try

log = structlog.get_logger(__name__)

# Days before its end at which a credential is told of, and once more when it has ended. The first leaves time for a
# holiday, the last is for today.
WARNED_DAYS: Final = (14, 7, 1, 0)
# One project may be closed to a good credential; a few that are open show that it is good.
TRIED_PROJECTS: Final = 3
WATCH: Final = System(name="sources")


@dataclass(frozen=True, slots=True)
class Looked:
    """What the host said, and why it does not take the credential; None when it does."""

    report: CheckReport
    refused: str | None


@dataclass(frozen=True, slots=True)
class CredentialWatch:
    """Asks hosts about credentials. Thread-safe."""

    database: Database
    connector: Connector

    def look_at_all(self, *, only_refused: bool = False) -> None:
        """Looks at every source. One that cannot be looked at keeps no other from it, and its end is told of anyway."""
        with self.database.read() as session:
            sources = live_sources(session)
        for source in sources:
            if only_refused and source.credential_refused is None:
                continue
            try:
                self.look(source)
            except Refusal as refusal:
                log.warning("source.not_looked_at", source=source.name, sentence=refusal.sentence)
                self._warn(source)
            except Exception:
                log.exception("source.not_looked_at", source=source.name)

    def look(self, source: Source, *, suspected: str | None = None) -> Looked:
        """Asks the host about the credential and keeps the answer in the row.

        `suspected` is what an import was told just now: it may hold for one project only, so others are tried. Refuses
        with what keeps the host from being asked; of a host that does not answer nothing is learnt, and nothing kept.
        """
        with self.connector.connect(source) as (provider, connection):
            report = provider.check(connection)
            if report.refusal is not None and not isinstance(report.refusal, HostRefused | NotFound):
                self._warn(source)
                return Looked(report, source.credential_refused)
            refused = _refusal_in(report) or self._confirmed(source, suspected, provider, connection)
        self._note(source, refused, report)
        return Looked(report, refused)

    def _confirmed(
        self, source: Source, suspected: str | None, provider: Provider, connection: Connection
    ) -> str | None:
        """What a check cannot see of every host (a git server has no address to ask), projects show."""
        doubt = suspected or source.credential_refused
        if doubt is None:
            return None
        with self.database.read() as session:
            projects = projects_to_try(session, source, TRIED_PROJECTS)
        return doubt if projects and not _gives_one(provider, connection, projects) else None

    def _note(self, source: Source, refused: str | None, report: CheckReport) -> None:
        with self.database.write() as session:
            found = session.get_one(Source, source.id, populate_existing=True)
            if found.deleted_at is not None or found.credential != source.credential:
                # Another credential came meanwhile: nothing was said of that one.
                return
            expires_at = report.expires_at if report.refusal is None else found.credential_expires_at
            changed = note_credential(session, found, refused=refused, expires_at=expires_at)
        if changed and refused is None:
            log.info("source.credential_good", source=source.name)
        elif changed:
            log.warning("source.credential_refused", source=source.name, sentence=refused)
        self._warn(source)

    def _warn(self, source: Source) -> None:
        with self.database.write() as session:
            found = session.get_one(Source, source.id, populate_existing=True)
            days = warn_of_expiry(session, found)
            expires_at = found.credential_expires_at
        if days is not None and expires_at is not None:
            log.warning("source.credential_expiring", source=source.name, days=days, expires_at=expires_at.isoformat())


def note_credential(session: WriteSession, source: Source, *, refused: str | None, expires_at: datetime | None) -> bool:
    """Keeps why the host refused the credential, or when it ends; whether the host changed its mind.

    While it is refused nothing is asked of the host by itself; good again, what waited goes on.
    """
    changed = (refused is None) != (source.credential_refused is None)
    source.credential_refused = refused
    if refused is None:
        source.credential_expires_at, source.last_contact_at = expires_at, clock.now()
    if changed:
        event = Event.SOURCE_CREDENTIAL_GOOD if refused is None else Event.SOURCE_CREDENTIAL_REFUSED
        record(session, WATCH, event, source_subject(source), reason=refused)
    if changed and refused is None:
        hurry_waiting_runs(session, source)
        request_syncs(session, source)
    return changed


def warn_of_expiry(session: WriteSession, source: Source) -> int | None:
    """Leaves an audit line when one of WARNED_DAYS was passed since the last; returns it then.

    Each day of a credential's end is counted anew, so that one that was made longer is told of again.
    """
    ends = source.credential_expires_at
    if ends is None or source.deleted_at is not None:
        return None
    left = ends - clock.now()
    passed = [days for days in WARNED_DAYS if left <= timedelta(days=days)]
    warned = source.expiry_warned_days if source.expiry_warned_for == ends else None
    if not passed or (warned is not None and warned <= passed[-1]):
        return None
    source.expiry_warned_for, source.expiry_warned_days = ends, passed[-1]
    event = Event.SOURCE_CREDENTIAL_EXPIRING if passed[-1] else Event.SOURCE_CREDENTIAL_EXPIRED
    record(session, WATCH, event, source_subject(source), expires_at=ends.isoformat(), days=passed[-1])
    return passed[-1]


def _refusal_in(report: CheckReport) -> str | None:
    return report.refusal.sentence if isinstance(report.refusal, CredentialRefused) else None


def _gives_one(provider: Provider, connection: Connection, projects: Sequence[Project]) -> bool:
    """Whether the host answers for one of the projects, be it that it is gone."""
    for project in projects:
        try:
            provider.project(connection, project.remote_id)
        except CredentialRefused:
            continue
        except (HostRefused, NotFound):
            pass
        return True
    return False
