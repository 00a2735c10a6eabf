"""A host that allows little at once: the import gets through, however many refs are worked on at once at first."""

import threading
import time
from collections.abc import Iterator

import pytest

from packistry import clock
from packistry.db.models import ImportRun
from packistry.house import House
from tests.fakes.github import FakeGitHub
from tests.fakes.host import RateLimit
from tests.sources.hosted import Hosted, hosted_on

# Fewer than the six refs that are begun at once need together, and enough for one of them with what comes before.
ALLOWED = 7
# Each is a second; of six at once none would ever be done.
MOST_WAITS = 30


@pytest.fixture
def hosted(house: House) -> Iterator[Hosted]:
    """With six branches to be imported, main among them."""
    with FakeGitHub().running() as host:
        opened = hosted_on(house, host)
        for number in range(5):
            opened.remote.push_branch(
                f"{number}.x", {"composer.json": b'{"name": "acme/widgets"}', "n": bytes([number])}
            )
        yield opened


def test_an_import_gets_through_where_little_is_allowed_at_once(hosted: Hosted) -> None:
    hosted.host.limit = RateLimit(requests=ALLOWED, seconds=1)

    run = hosted.run()
    waits = 0
    while run.state == "waiting" and waits < MOST_WAITS:
        waits += 1
        time.sleep(max(0.0, (run.due_at - clock.now()).total_seconds()) + 0.05)
        hosted.house.importer.work(run.id, threading.Event())
        with hosted.house.database.read() as session:
            run = session.get_one(ImportRun, run.id)

    assert waits > 0, "the host allowed all of it at once"
    assert run.state == "done", run.reason
