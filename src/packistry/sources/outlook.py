"""What is to be expected of a run: until when it waits and for what, and about when it will be over."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select

from packistry import clock
from packistry.db.engine import ReadSession
from packistry.db.models import ImportRef, ImportRun, Source
from packistry.sources.states import RefState, RunState

# The first few refs wait for the mirror of the project: of less than this a pace would be told that does not last.
LEAST_SPAN: Final = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Outlook:
    """Either is None where nothing is to be told: the run does not wait, or its pace is not known yet."""

    waits_until: datetime | None = None
    # Why, where the run itself does not say so.
    waits_for: str | None = None
    ends_at: datetime | None = None


def outlook_of(session: ReadSession, run: ImportRun, source: Source) -> Outlook:
    """From the rows alone; the estimate is the pace of the refs of this run so far."""
    if run.state == RunState.RUNNING:
        return Outlook(ends_at=_estimated_end(session, run))
    if run.state != RunState.WAITING:
        return Outlook()
    limited = source.waits_until if source.waits_until is not None and source.waits_until > clock.now() else None
    if limited is not None and limited >= run.due_at:
        return Outlook(limited, f"the limit of {source.name}: its host listens again then")
    return Outlook(run.due_at if run.due_at > clock.now() else None)


def _estimated_end(session: ReadSession, run: ImportRun) -> datetime | None:
    of_run = ImportRef.run_id == run.id
    done, first, last = session.execute(
        select(func.count(), func.min(ImportRef.finished_at), func.max(ImportRef.finished_at)).where(
            of_run, ImportRef.finished_at.is_not(None)
        )
    ).one()
    waiting = session.scalar(select(func.count()).where(of_run, ImportRef.state == RefState.WAITING)) or 0
    if first is None or last is None or last - first < LEAST_SPAN:
        return None
    return last + (last - first) / done * waiting
