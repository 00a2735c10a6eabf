"""Taking away what is kept on disk of projects and sources that are followed no longer: mirrors, and whole folders.

Not when they are deleted, for an import may just use them: every day what is left over then.
"""

import shutil
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import select

from packistry import clock
from packistry.db.engine import Database
from packistry.db.models import Project, Source
from packistry.providers import PROVIDERS
from packistry.sources.connecting import Connector
from packistry.sources.queries import live_sources

log = structlog.get_logger(__name__)

# An import that was going on when its source was deleted ends at its next batch; nothing takes this long.
GRACE: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Sweeper:
    """Sweeps the folders of sources. One at a time; what is in use is left for the next time."""

    database: Database
    connector: Connector

    def sweep(self) -> None:
        with self.database.read() as session:
            live = live_sources(session)
            rows = session.execute(select(Project.source_id, Project.remote_id).where(Project.deleted_at.is_(None)))
            followed: dict[int, set[str]] = {}
            for source_id, remote_id in rows:
                followed.setdefault(source_id, set()).add(remote_id)
            gone = session.scalars(select(Source).where(Source.deleted_at <= clock.now() - GRACE)).all()
        for source in live:
            folder = self.connector.folder(source)
            count = PROVIDERS[source.provider].keep_only(folder, followed.get(source.id, ()))
            if count:
                log.info("source.swept", source=source.name, projects=count)
        for source in gone:
            shutil.rmtree(self.connector.folder(source), ignore_errors=True)
