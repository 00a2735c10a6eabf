"""A credential that ends is told of in time, one that is refused stops its source, and a good one lets it go on."""

import threading
from collections.abc import Generator
from datetime import timedelta

import pytest
from sqlalchemy import select

from packistry import clock
from packistry.db.models import ImportRun, Project
from packistry.house import House
from packistry.sources.actions import request_run, request_syncs
from packistry.sources.due import due_runs
from packistry.sources.states import Cause, RunState
from tests.fakes.github import FakeGitHub
from tests.fakes.host import FakeProject
from tests.fakes.loopback import Reply, Request
from tests.sources.hosted import OPERATOR, TOKEN, Hosted, hosted_on

MOMENT = clock.now().replace(microsecond=0)


@pytest.fixture
def hosted(house: House) -> Generator[Hosted]:
    with FakeGitHub().running() as host:
        yield hosted_on(house, host)


def test_each_threshold_is_told_of_once(hosted: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    hosted.token.expires_at = MOMENT + timedelta(days=20)
    told: list[int] = []

    for day in range(24):
        monkeypatch.setattr(clock, "now", lambda day=day: MOMENT + timedelta(days=day, hours=1))
        before = len(hosted.told())
        hosted.house.credentials.look_at_all()
        hosted.house.credentials.look_at_all()
        told += [day] * (len(hosted.told()) - before)

    # 14, 7 and 1 days before, and when it has ended.
    assert told == [6, 13, 19, 20]
    assert hosted.told() == [*["source.credential_expiring"] * 3, "source.credential_expired"]


def test_a_credential_that_was_made_longer_is_told_of_anew(hosted: Hosted) -> None:
    for days in (5, 6):
        hosted.token.expires_at = MOMENT + timedelta(days=days)
        hosted.house.credentials.look_at_all()

    assert len(hosted.told()) == 2
    assert hosted.source().credential_expires_at == hosted.token.expires_at


def test_the_end_is_told_of_while_the_host_is_down(hosted: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    hosted.token.expires_at = MOMENT + timedelta(days=30)
    hosted.house.credentials.look_at_all()
    hosted.host.troubles.extend([Reply(500)] * 20)
    monkeypatch.setattr(clock, "now", lambda: MOMENT + timedelta(days=25))

    hosted.house.credentials.look_at_all()

    assert hosted.told() == ["source.credential_expiring"]
    assert hosted.source().credential_refused is None


def test_a_test_of_a_refused_credential_does_not_call_it_good(hosted: Hosted) -> None:
    hosted.withdraw()

    report = hosted.house.desk.check(OPERATOR, "github")

    assert [line.finding for line in report.lines] == ["bad"]
    assert "does not accept the credential" in (hosted.source().credential_refused or "")


def test_a_refused_credential_stops_what_comes_by_itself(hosted: Hosted) -> None:
    hosted.run(Cause.FIRST)
    hosted.withdraw()
    refused = hosted.run()

    waiting = hosted.run(Cause.PUSH)

    assert refused.state == RunState.FAILED
    assert waiting.state == RunState.WAITING
    assert "packistry source rotate github" in (waiting.reason or "")
    with hosted.house.database.write() as session:
        assert request_syncs(session) == 0
        assert due_runs(session) == []


def test_what_a_person_asks_for_is_tried_all_the_same(hosted: Hosted) -> None:
    hosted.withdraw()
    hosted.run(Cause.FIRST)
    hosted.run(Cause.PUSH)

    retried = hosted.run(Cause.RETRY)

    assert retried.state == RunState.FAILED


def test_a_credential_that_is_good_again_lets_its_source_go_on(hosted: Hosted) -> None:
    token = hosted.withdraw()
    hosted.run(Cause.FIRST)
    waiting = hosted.run(Cause.PUSH)
    hosted.host.tokens[TOKEN] = token

    hosted.house.credentials.look_at_all(only_refused=True)

    assert hosted.told() == ["source.credential_refused", "source.credential_good"]
    with hosted.house.database.read() as session:
        assert due_runs(session) == [waiting.id]


def test_a_project_that_is_closed_to_the_credential_does_not_stop_its_source(
    hosted: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosted.run(Cause.FIRST)
    closed = hosted.host.add(FakeProject(13, "acme/closed"))
    with hosted.house.database.write() as session:
        other = Project(
            source_id=1,
            repository_id=session.scalars(select(Project.repository_id)).one(),
            remote_id=str(closed.id),
            full_name=closed.full_name,
            web_url="",
            clone_url="",
            tags=[],
            branches=[],
            created_at=clock.now(),
        )
        session.add(other)
        session.flush()
        run_id = request_run(session, other, Cause.FIRST).id
    ordinary = hosted.host.refuse

    def refuse(request: Request) -> Reply | None:
        is_closed = "/13" in request.path or "closed" in request.path
        return Reply(401, {}) if is_closed else ordinary(request)

    monkeypatch.setattr(hosted.host, "refuse", refuse)

    hosted.house.importer.work(run_id, threading.Event())

    with hosted.house.database.read() as session:
        assert session.get_one(ImportRun, run_id).state == RunState.FAILED
    assert hosted.source().credential_refused is None
