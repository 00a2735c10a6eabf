"""A small slice of `python -m tests.proofs.staleness`: what is taken away in one process is refused by every worker."""

from pathlib import Path

from tests.proofs.staleness import WORKERS, prove
from tests.server import Installation

TRIES = 60


def test_no_worker_gives_what_another_process_took_away(database_url: str, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()

    tally = prove(Installation(data_dir, database_url), TRIES)

    assert tally.stale == []
    assert tally.tries.total() == TRIES
    # Each worker was seen to answer half of them.
    assert len(tally.answers) == WORKERS
    assert min(tally.answers.values()) == max(tally.answers.values()) >= 2 * TRIES
