"""The job engine, DBOS, behind the few verbs we need of it. The only file that imports it: that costs 0.6 s and 35 MB.

A job is one workflow, and its key the workflow's id: the engine's own unique index keeps a key from being begun twice.
The workflow is a single step, because the rows know how far the work came. What fails is an outcome here, not an error.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from sqlite3 import Connection as SQLiteConnection
from typing import Final

from dbos import DBOS, DBOSConfig, SetWorkflowAttributes, SetWorkflowID, WorkflowStatus, error
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from packistry.errors import Unavailable

# Rows outlive releases, so work that an older release began is taken up by a newer one.
APPLICATION_VERSION: Final = "1"
SCHEMA: Final = "dbos"
# A job whose process ended this many times is not simply begun again: it may be what ends them.
DEATHS: Final = 20
# Beside the jobs themselves: the engine's own look for work to take up again.
SPARE_THREADS: Final = 2
BATCH: Final = 500
SQLITE_BUSY_MILLISECONDS: Final = 30_000

_ACTIVE: Final = ("ENQUEUED", "PENDING", "DELAYED")
_DEAD_FAULT: Final = "the process that did it ended again and again"


class State(Enum):
    """How the engine remembers a job."""

    ACTIVE = "active"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Memory:
    """What the engine remembers of a job. `faults` are those in a row, this one included."""

    state: State
    ended_at: datetime | None
    faults: int
    fault: str


@dataclass(frozen=True, slots=True)
class Order:
    """A job as it is given to the engine and comes back from it, perhaps elsewhere. `fault` is the last one's."""

    kind: str
    key: str
    ids: tuple[int, ...]
    faults: int = 0
    fault: str = ""


class JobEngine:
    """The engine of this process; there can be one only.

    `run` does an order and returns its fault, or "". A job whose process ended more than `deaths` times has failed.
    """

    def __init__(
        self,
        target: "Target",
        executor: str,
        threads: int,
        run: Callable[[Order], str],
        log_level: str,
        *,
        deaths: int = DEATHS,
    ) -> None:
        self._target = target
        self._deaths = deaths
        _share_our_log()
        DBOS(config=_config(target, executor, threads + SPARE_THREADS, log_level))
        self._workflow = DBOS.workflow(name="job", max_recovery_attempts=deaths)(_workflow(run))
        _launch(target)

    def close(self) -> None:
        """Ends the engine. What is being done is abandoned, and taken up again by whoever comes next."""
        DBOS.destroy(destroy_registry=True)
        if self._target.engine is not None:
            self._target.engine.dispose()

    def begin(self, order: Order) -> bool:
        """Begins a job in a thread of its own; False when the engine remembers its key already."""
        arguments = (order.kind, order.key, list(order.ids), order.faults, order.fault)
        once = SetWorkflowID(order.key, workflow_id_reuse_policy="reject")
        with once, SetWorkflowAttributes({"faults": order.faults, "deaths": 0}):
            try:
                DBOS.start_workflow(self._workflow, *arguments)
            except error.DBOSWorkflowIDInUseError:
                return False
        return True

    def memories(self, keys: Sequence[str]) -> dict[str, Memory]:
        """What is remembered of these jobs; nothing of those that were never begun, or forgotten."""
        found = DBOS.list_workflows(workflow_ids=list(keys), load_input=False) if keys else []
        return {status.workflow_id: _memory(status) for status in found}

    def begin_again(self, order: Order, alone: AbstractContextManager[bool]) -> bool:
        """Begins a job that has ended before. `alone` keeps other processes from doing the same at the same time."""
        with alone as is_alone:
            memory = self.memories([order.key]).get(order.key) if is_alone else None
            # None: another one is here. Active: it was faster, and its job must not be taken away from under it.
            if memory is None or memory.state is State.ACTIVE:
                return False
            DBOS.delete_workflows([order.key])
            return self.begin(order)

    def executors(self) -> set[str]:
        """Those that work on something, or did when they ended."""
        pending = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
        return {status.executor_id for status in pending if status.executor_id}

    def take_over(self, executor: str) -> Sequence[str]:
        """Has the jobs of a dead executor taken up by those that live; returns their keys."""
        pending = DBOS.list_workflows(status="PENDING", executor_id=executor, load_input=False, load_output=False)
        for status in pending:
            attributes = status.attributes or {}
            deaths = int(attributes.get("deaths", 0)) + 1
            if deaths > self._deaths:
                DBOS.cancel_workflow(status.workflow_id)
                continue
            # Resuming makes the engine's own count begin anew.
            DBOS.update_workflow_attributes(status.workflow_id, {**attributes, "deaths": deaths})
            DBOS.resume_workflow(status.workflow_id)
        return [status.workflow_id for status in pending]

    def forget(self, before: datetime) -> int:
        """Forgets what ended before a moment; returns how many jobs that were."""
        forgotten = 0
        while old := DBOS.list_workflows(
            completed_before=before.isoformat(), limit=BATCH, load_input=False, load_output=False
        ):
            DBOS.delete_workflows([status.workflow_id for status in old])
            forgotten += len(old)
        return forgotten


@dataclass(frozen=True, slots=True)
class Target:
    """Where the engine keeps its tables. `engine` is ours, where DBOS's own would not do."""

    url: URL
    engine: Engine | None = None


def sqlite_target(path: Path) -> Target:
    """A file of its own, beside ours: in one file our writes would wait for the engine's."""
    if not path.exists():
        path.touch(mode=0o600)
    engine = create_engine(f"sqlite:///{path}")

    def on_connect(connection: SQLiteConnection, _: object) -> None:
        connection.isolation_level = "IMMEDIATE"
        connection.execute("PRAGMA journal_mode = WAL")
        # After a power cut the last memories may be missing. The rows are not: what is due is found again.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA busy_timeout = {SQLITE_BUSY_MILLISECONDS}")

    event.listen(engine, "connect", on_connect)
    return Target(engine.url, engine)


def _config(target: Target, executor: str, threads: int, log_level: str) -> DBOSConfig:
    return {
        "name": "packistry",
        "system_database_url": target.url.render_as_string(hide_password=False),
        "system_database_engine": target.engine,
        "dbos_system_schema": SCHEMA,
        "application_version": APPLICATION_VERSION,
        "executor_id": executor,
        "max_executor_threads": threads,
        "sys_db_pool_size": threads + SPARE_THREADS,
        "log_level": "DEBUG" if log_level == "debug" else "WARNING",
        "enable_otlp": False,
        # We send no messages and use no schedules of the engine; the first is also how long its end takes.
        "use_listen_notify": False,
        "notification_listener_polling_interval_sec": 0.2,
        "scheduler_polling_interval_sec": 3600.0,
    }


def _launch(target: Target) -> None:
    try:
        DBOS.launch()
    except SQLAlchemyError as fault:
        where = target.url.render_as_string(hide_password=True)
        reason = str(fault).partition("\n")[0]
        raise Unavailable(
            f"The job engine cannot make or read its tables in {where}: {reason}. On PostgreSQL it has a schema"
            f' "{SCHEMA}" of its own, for which its user needs the right to create one (GRANT CREATE ON DATABASE).'
        ) from fault


def _share_our_log() -> None:
    """With a handler of its own already there, the engine does not bring one that writes past ours."""
    logger = logging.getLogger("dbos")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


def _workflow(run: Callable[[Order], str]) -> Callable[[str, str, list[int], int, str], str]:
    def job(kind: str, key: str, ids: list[int], faults: int, fault: str) -> str:
        order = Order(kind, key, tuple(ids), faults, fault)
        return DBOS.run_step({"name": kind}, lambda: run(order))

    return job


def _memory(status: WorkflowStatus) -> Memory:
    if status.status in _ACTIVE:
        return Memory(State.ACTIVE, None, 0, "")
    fault = str(status.output) if status.status == "SUCCESS" else _DEAD_FAULT
    faults = int((status.attributes or {}).get("faults", 0)) + 1 if fault else 0
    ended = status.completed_at or status.updated_at or 0
    state = State.FAILED if fault else State.DONE
    return Memory(state, datetime.fromtimestamp(ended / 1000, UTC), faults, fault)
