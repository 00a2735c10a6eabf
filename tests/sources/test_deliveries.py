"""What is kept of deliveries, for how long, and playing one again."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from packistry import clock
from packistry.db.models import Delivery, ImportRun, Project
from packistry.errors import Conflict
from packistry.house import House
from packistry.sources.deliveries import KEPT, forget_all_deliveries, replay_delivery, unpack
from packistry.sources.projects import delete_project
from tests import factories
from tests.factories import OPERATOR
from tests.web.hosts import Hooked, git_delivery, hook


@pytest.fixture
def hooked(house: House, client: TestClient) -> Hooked:
    """With a push of main that was delivered."""
    factories.repository(house, "acme")
    hooked = hook(house, client, "git")
    assert hooked.post(git_delivery(ref="refs/heads/main")).status_code == 202
    return hooked


def kept(hooked: Hooked) -> int:
    with hooked.house.database.read() as session:
        return session.scalar(select(func.count()).select_from(Delivery)) or 0


def test_a_delivery_is_kept_for_thirty_days(hooked: Hooked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("packistry.sources.deliveries.FORGOTTEN_AT_ONCE", 2)
    for _ in range(4):
        hooked.post(git_delivery(ref="refs/heads/main"))
    came = clock.now()

    monkeypatch.setattr(clock, "now", lambda: came + KEPT - timedelta(minutes=1))
    forget_all_deliveries(hooked.house.database)
    assert kept(hooked) == 5

    monkeypatch.setattr(clock, "now", lambda: came + KEPT + timedelta(minutes=1))
    forget_all_deliveries(hooked.house.database)
    assert kept(hooked) == 0


def test_a_delivery_that_is_played_again_asks_for_a_run_of_its_own(hooked: Hooked) -> None:
    with hooked.house.database.write() as session:
        session.scalars(select(ImportRun)).one().state = "done"

    again = replay_delivery(hooked.house.database, OPERATOR, 1)

    first, second = hooked.runs()
    assert (first.state, second.state, again.runs, again.replay_of) == ("done", "waiting", [second.id], 1)
    with hooked.house.database.read() as session:
        stored = session.get_one(Delivery, again.id)
        session.refresh(stored, ["body"])
        assert unpack(stored) == git_delivery(ref="refs/heads/main").body


def test_a_delivery_of_a_project_that_was_removed_is_not_played_again(hooked: Hooked) -> None:
    with hooked.house.database.write() as session:
        delete_project(session, OPERATOR, session.get_one(Project, hooked.project_id))

    with pytest.raises(Conflict, match="was removed"):
        replay_delivery(hooked.house.database, OPERATOR, 1)
