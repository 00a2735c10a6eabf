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
from packistry.errors import HostUnavailable, InvalidInput, RateLimited, Unavailable
from packistry.providers.base import Ref, RefKind
from packistry.sources.preparing import Prepared, Preparer, Verdict
from packistry.sources.states import TAKEN, RefState

# What one transaction publishes at most: a document is rendered once for all of it. SQLite has one writer, and twice as
# many refs would keep uploads and deliveries of hooks waiting for a fifth of a second.
BATCH_REFS: Final = 50
BATCH_SECONDS: Final = 1.0
# After so many refs that it does not give, the host is taken for silent, and spared the rest.
SILENT_REFS: Final = 5
# A ref that is so has the version that it stands for.
HAVING: Final = frozenset({RefState.IMPORTED, RefState.UNCHANGED, RefState.KEPT})


@dataclass(frozen=True, slots=True)
class Outcome:
    """A ref that was looked at."""

    row: ImportRef
    result: Prepared | Verdict

    @property
    def not_given(self) -> str | None:
        """Why the host did not give it now; it waits."""
        if isinstance(self.result, Verdict) and self.result.state is RefState.WAITING:
            return self.result.reason
        return None


def prepare_all(
    preparer: Preparer, rows: Sequence[ImportRef], stopping: threading.Event, threads: int
) -> Generator[list[Outcome]]:
    """Batches of outcomes, in the order in which they are ready. Ends early, without a word, when `stopping` is set.

    `rows` are all refs of the run: those that were looked at before have the versions that others compete for.

    Raises what the host refused, after the batch of all that was ready before; HostUnavailable also when it does not
    give several in a row. Closing it waits for what is being prepared.
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
        yield from _batched(ready, len(groups), stopping, ended)
    finally:
        ended.set()
        executor.shutdown(cancel_futures=True)


def _batched(
    ready: "queue.Queue[Outcome | Exception | None]", groups: int, stopping: threading.Event, ended: threading.Event
) -> Generator[list[Outcome]]:
    batch: list[Outcome] = []
    in_a_row = 0
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
            in_a_row = in_a_row + 1 if result.not_given else 0
            if result.not_given and in_a_row >= SILENT_REFS:
                ended.set()
                yield batch
                raise HostUnavailable(result.not_given)
        if batch and (len(batch) >= BATCH_REFS or time.monotonic() - began >= BATCH_SECONDS):
            yield batch
            batch = []
    if batch:
        yield batch


def _prepare_group(preparer: Preparer, group: Sequence[ImportRef]) -> Iterable[Outcome]:
    """Refs that stand for one version: the first that gives one has it, and the others say so."""
    taken: ImportRef | None = None
    for row in group:
        if row.state != RefState.WAITING:
            taken = row if row.state in HAVING else taken
        elif taken is not None:
            yield Outcome(row, Verdict(RefState.SKIPPED, f"The {taken.kind} {taken.name!r} {TAKEN}"))
        else:
            result = _tried(preparer, row)
            if isinstance(result, Prepared) or result.state in HAVING:
                taken = row
            yield Outcome(row, result)
            if isinstance(result, Verdict) and result.state is RefState.WAITING:
                # Those after it could take its version away from it.
                return


def _tried(preparer: Preparer, row: ImportRef) -> Prepared | Verdict:
    """What became of the ref. One that the host does not give now waits, and those after it get their turn."""
    try:
        return preparer.prepare(Ref(RefKind(row.kind), row.name, row.commit))
    except RateLimited:
        raise
    except Unavailable as refusal:
        return Verdict(RefState.WAITING, refusal.sentence)


def _grouped(rows: Sequence[ImportRef]) -> list[list[ImportRef]]:
    """The refs that compete for one version together, in their order; last those that the host did not give before."""
    groups: dict[object, list[ImportRef]] = {}
    for row in rows:
        groups.setdefault(_competing_for(row), []).append(row)
    waiting = [group for group in groups.values() if any(row.state == RefState.WAITING for row in group)]
    return sorted(waiting, key=lambda group: any(row.state == RefState.WAITING and row.reason for row in group))


def _competing_for(row: ImportRef) -> object:
    version = version_named(row.kind, row.name)
    # One that gives no version will say why.
    return (row.kind, row.name) if version is None else comparable(version)


def version_named(kind: str, name: str) -> str | None:
    """The version that the name of a ref stands for; None when it stands for none."""
    try:
        return ref_version(kind, name)
    except InvalidInput:
        return None
