"""Flushing: one gatherer that fails keeps none of the others, and no later flush, from being written."""

import threading

import pytest
from structlog.testing import capture_logs

from packistry.db.engine import Database
from packistry.house import House
from packistry.web.flushing import Flusher


class Failing:
    """Cannot write: the disk is full, say."""

    def flush(self, database: Database) -> None:
        raise OSError(28, "No space left on device")


class Counting:
    """Counts its flushes, and tells when there were three."""

    def __init__(self) -> None:
        self.flushes = 0
        self.three = threading.Event()

    def flush(self, database: Database) -> None:
        self.flushes += 1
        if self.flushes >= 3:
            self.three.set()


@pytest.fixture(params=[[Failing, Counting], [Counting, Failing]], ids=["fails first", "fails last"])
def gatherers(request: pytest.FixtureRequest) -> list[Failing | Counting]:
    return [make() for make in request.param]


def test_a_gatherer_that_fails_is_logged_and_stops_nothing(house: House, gatherers: list[Failing | Counting]) -> None:
    [counting] = [gatherer for gatherer in gatherers if isinstance(gatherer, Counting)]
    flusher = Flusher(house.database, gatherers, 0.01)

    with capture_logs() as logged:
        flusher.start()
        assert counting.three.wait(30)
        flusher.stop()

    assert {(line["event"], line["gatherer"]) for line in logged} == {("flush.failed", "Failing")}


def test_a_stop_flushes_once_more(house: House) -> None:
    counting = Counting()
    flusher = Flusher(house.database, [counting], 3_600)
    flusher.start()

    flusher.stop()

    assert counting.flushes == 1
