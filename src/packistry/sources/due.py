"""Which imports are to be worked off now, and in which order."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import and_, false, func, or_, select

from packistry import clock
from packistry.db.engine import ReadSession
from packistry.db.models import ImportRun, Project, Source
from packistry.sources.states import OPEN, RunState

# Of the four imports that a jobs process works on at once, so that one is left for other sources.
RUNS_OF_A_SOURCE: Final = 3
# A source with imports that were put off is taken for silent when it was not heard of for this long.
SILENCE: Final = timedelta(minutes=2)


def due_runs(session: ReadSession) -> Sequence[int]:
    """The runs to be worked off now, most urgent first; of each project one only.

    Of one source a few, and one while it does not answer: so a host that hangs never keeps others from being asked.
    """
    rows = _due(session)
    busy = Counter(source_id for _, source_id, state, _ in rows if state == RunState.RUNNING)
    due: list[int] = []
    for run_id, source_id, state, is_silent in rows:
        if state != RunState.RUNNING:
            busy[source_id] += 1
            if busy[source_id] > (1 if is_silent else RUNS_OF_A_SOURCE):
                continue
        due.append(run_id)
    return due


def _due(session: ReadSession) -> Sequence[tuple[int, int, str, bool]]:
    """Of each run that is due: its id, that of its source, its state, and whether that source seems not to answer.

    Of a project it is one that was begun: what it listed must not be brought in after what a later run finds. Else a
    push goes before a rebuild.
    """
    order = (ImportRun.started_at.is_(None), ImportRun.priority, ImportRun.id)
    turn = func.row_number().over(partition_by=ImportRun.project_id, order_by=order).label("turn")
    turns = select(ImportRun.id, turn).where(ImportRun.state.in_(OPEN)).subquery()
    put_off = (
        select(Project.source_id)
        .join(ImportRun, ImportRun.project_id == Project.id)
        .where(ImportRun.state.in_(OPEN), ImportRun.attempts > 0)
    )
    heard_lately = Source.last_contact_at > clock.now() - SILENCE
    is_silent = and_(Source.id.in_(put_off), ~func.coalesce(heard_lately, false()))
    rows = session.execute(
        select(ImportRun.id, Source.id, ImportRun.state, is_silent)
        .join(turns, turns.c.id == ImportRun.id)
        .join(Project, Project.id == ImportRun.project_id)
        .join(Source, Source.id == Project.source_id)
        .where(turns.c.turn == 1, ImportRun.due_at <= clock.now())
        .where(or_(Source.waits_until.is_(None), Source.waits_until <= clock.now()))
        .order_by(ImportRun.priority, is_silent, ImportRun.id)
    )
    return [(run_id, source_id, state, bool(silent)) for run_id, source_id, state, silent in rows]
