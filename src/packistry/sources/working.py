"""Preparing many refs at once, and handing on what is ready in batches for one transaction each."""

import queue
import threading
import time
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from packistry.composer.refs import comparable, ref_version
from packistry.db.models import ImportRef
from packistry.errors import InvalidInput
from packistry.providers.base import Ref, RefKind
from packistry.sources.preparing import Prepared, Preparer, Verdict
from packistry.sources.states import TAKEN, RefState

# What one transaction publishes at most: a document is rendered once for all of it.
BATCH_REFS: Final = 50
BATCH_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """A ref that was looked at."""

    row: ImportRef
    result: Prepared | Verdict


def prepare_all(
    preparer: Preparer, rows: Sequence[ImportRef], stopping: threading.Event, threads: int
) -> Generator[list[Outcome]]:
    """Batches of outcomes, in the order in which they are ready. Ends early, without a word, when `stopping` is set.

    Raises what the host refused, after the batch of all that was ready before. Closing it waits for what is being
    prepared.
    """
    groups = _grouped(rows)
    ready: queue.Queue[Outcome | Exception | None] = queue.Queue()
    ended = threading.Event()

    def work(group: Sequence[ImportRef]) -> None:
        try:
            for outcome in _prepare_group(preparer, group):
                ready.put(outcome)
                if stopping.is_set() or ended.is_set():
                    break
        except Exception as failure:  # noqa: BLE001 - handed to the one who waits, with its traceback
            ready.put(failure)
        ready.put(None)

    executor = ThreadPoolExecutor(threads, thread_name_prefix="ref")
    try:
        for group in groups:
            executor.submit(work, group)
        yield from _batched(ready, len(groups), stopping)
    finally:
        ended.set()
        executor.shutdown(cancel_futures=True)


def _batched(
    ready: "queue.Queue[Outcome | Exception | None]", groups: int, stopping: threading.Event
) -> Generator[list[Outcome]]:
    batch: list[Outcome] = []
    began = time.monotonic()
    while groups and not stopping.is_set():
        try:
            result = ready.get(timeout=0.1)
        except queue.Empty:
            result = ()
        if isinstance(result, Exception):
            if batch:
                yield batch
            raise result
        if result is None:
            groups -= 1
        elif isinstance(result, Outcome):
            began = began if batch else time.monotonic()
            batch.append(result)
        if batch and (len(batch) >= BATCH_REFS or time.monotonic() - began >= BATCH_SECONDS):
            yield batch
            batch = []
    if batch:
        yield batch


def _prepare_group(preparer: Preparer, group: Sequence[ImportRef]) -> Iterable[Outcome]:
    """Refs that stand for one version: the first that gives one has it, and the others say so."""
    taken: ImportRef | None = None
    for row in group:
        if taken is not None:
            yield Outcome(row, Verdict(RefState.SKIPPED, f"The {taken.kind} {taken.name!r} {TAKEN}"))
            continue
        result = preparer.prepare(Ref(RefKind(row.kind), row.name, row.commit))
        if isinstance(result, Prepared) or result.state in {RefState.UNCHANGED, RefState.KEPT}:
            taken = row
        yield Outcome(row, result)


def _grouped(rows: Sequence[ImportRef]) -> list[list[ImportRef]]:
    """The refs that compete for one version together, in their order."""
    groups: dict[object, list[ImportRef]] = {}
    for row in rows:
        groups.setdefault(_competing_for(row), []).append(row)
    return list(groups.values())


def _competing_for(row: ImportRef) -> object:
    version = version_named(row)
    # One that gives no version will say why.
    return (row.kind, row.name) if version is None else comparable(version)


def version_named(row: ImportRef) -> str | None:
    """The version that the name of the ref stands for; None when it stands for none."""
    try:
        return ref_version(row.kind, row.name)
    except InvalidInput:
        return None
