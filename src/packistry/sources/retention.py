"""Forgetting imports that are long over. What they brought in, and the audit log of it, stays."""

from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, select

from packistry.db.engine import Database
from packistry.db.models import ImportRun
from packistry.sources.states import OPEN, RunState

# Runs that one transaction takes away, each with a row a ref: others write meanwhile.
BATCH: Final = 50


_LAST: Final = select(func.max(ImportRun.id)).where(ImportRun.state.not_in(OPEN)).group_by(ImportRun.project_id)
_LAST_LOOK: Final = (
    select(func.max(ImportRun.id))
    .where(ImportRun.state == RunState.DONE, ImportRun.partial.is_(False))
    .group_by(ImportRun.project_id)
)


def forget_runs(database: Database, before: datetime) -> int:
    """Those that ended before that moment; how many.

    Of each project the last stays, and the last that looked at all refs and was done: the next import reads from it
    which refs gave no version.
    """
    forgotten = 0
    while True:
        with database.write() as session:
            old = select(ImportRun.id).where(ImportRun.finished_at < before)
            for stays in (_LAST, _LAST_LOOK):
                old = old.where(ImportRun.id.not_in(stays))
            ids = session.scalars(old.limit(BATCH)).all()
            session.execute(delete(ImportRun).where(ImportRun.id.in_(ids)))
        forgotten += len(ids)
        if len(ids) < BATCH:
            return forgotten
