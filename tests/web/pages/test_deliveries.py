"""Deliveries by page, and long lists of refs and projects, in SQL and by the address."""

import zlib
from datetime import timedelta

import pytest

from packistry import clock
from packistry.db.models import Delivery, Hook, ImportRef, ImportRun, Project, Source
from packistry.house import House
from tests.web.pages.browser import Browser

MOMENT = clock.now()


def source_row(name: str = "GitHub") -> Source:
    """A source, with as little as a row can have."""
    return Source(
        name=name, provider="github", address="https://github.test", credential=b"", settings={}, concurrency=1,
        created_at=MOMENT,
    )  # fmt: skip


def project_row(number: int, **more: object) -> Project:
    """A project of the first source."""
    name = f"acme/project-{number:03}"
    return Project(
        source_id=1, repository_id=1, remote_id=str(number), full_name=name, web_url="", clone_url="", tags=[],
        branches=[], created_at=MOMENT, **more,
    )  # fmt: skip


def delivery_row(number: int, status: int, runs: list[int], body: bytes = b"{}") -> Delivery:
    """A delivery of the first hook."""
    return Delivery(
        hook_id=1, event="push", headers={"x-github-event": "push"}, body=zlib.compress(body), status=status,
        answer="" if runs else f"answer {number}", runs=runs, received_at=MOMENT + timedelta(seconds=number),
    )  # fmt: skip


@pytest.fixture
def connected(administrator: Browser, house: House) -> Browser:
    """A source with 30 projects, a run with 40 refs, and three deliveries."""
    with house.database.write() as session:
        session.add_all([source_row(), source_row("Other")])
        session.flush()
        session.add_all(project_row(number) for number in range(1, 29))
        session.add_all([project_row(29, problem="It is gone."), project_row(30, archived=True)])
        session.flush()
        hook = Hook(
            source_id=1, repository_id=1, remote_id="1", secret=b"", state="active", due_at=MOMENT, created_at=MOMENT
        )
        run = ImportRun(project_id=1, cause="push", state="done", priority=1, due_at=MOMENT, created_at=MOMENT)
        session.add_all([hook, run])
        session.flush()
        states = ["imported"] * 38 + ["skipped", "failed"]
        session.add_all(
            ImportRef(run_id=1, kind="tag", name=f"v{at:02}", commit="c" * 40, position=at, state=state)
            for at, state in enumerate(states)
        )
        deliveries = [delivery_row(1, 202, [1], b'{"ref": "refs/heads/<b>"}'), delivery_row(2, 200, [])]
        session.add_all([*deliveries, delivery_row(3, 422, [], b"\xff no JSON")])
    return administrator


def test_refs_are_paged_with_those_that_failed_first(connected: Browser) -> None:
    first = connected.open("/-/imports/1").text
    second = connected.open("/-/imports/1?page=2").text

    assert "25 of 40" in first
    assert "v39 tag failed" in first
    assert "v38 tag skipped" not in first
    assert "v38 tag skipped" in second


def test_refs_are_found_and_filtered_by_the_address(connected: Browser) -> None:
    assert "v38" not in connected.open("/-/imports/1?state=failed").text
    assert "v07 tag" in connected.open("/-/imports/1?q=V07").text
    assert "No ref is like that." in connected.open("/-/imports/1?q=100%25").text
    assert "v00 tag" in connected.open("/-/imports/1?sort=name").text


def test_projects_of_a_source_are_paged_found_and_filtered(connected: Browser) -> None:
    first = connected.open("/-/sources/1").text
    problems = connected.open("/-/sources/1?show=problem").text

    assert "25 of 30" in first
    assert "acme/project-030" in connected.open("/-/sources/1?sort=-name").text
    assert "acme/project-029 It is gone." in problems
    assert "acme/project-001" not in problems
    assert "acme/project-030 archived" in connected.open("/-/sources/1?show=archived&q=PROJECT").text


def test_nothing_found_is_not_nothing_there(connected: Browser) -> None:
    assert "No project is like that." in connected.open("/-/sources/1?q=none").text
    assert "No project was added yet." in connected.open("/-/sources/2").text
    assert "No delivery is like that." in connected.open("/-/sources/1/deliveries?q=none").text
    assert "Nothing was delivered yet." in connected.open("/-/sources/2/deliveries").text


def test_only_the_list_is_sent_to_what_replaces_it(connected: Browser) -> None:
    part = connected.open("/-/sources/1?q=030", headers={"x-partial": "projects"}).html

    assert "acme/project-030" in part
    assert "<html" not in part


FILTERS = [("import", "import 1"), ("nothing", "answer 2"), ("refused", "answer 3")]


@pytest.mark.parametrize(("show", "shown"), FILTERS)
def test_deliveries_are_filtered_by_what_became_of_them(connected: Browser, show: str, shown: str) -> None:
    text = connected.open(f"/-/sources/1/deliveries?show={show}").text

    assert [each for _, each in FILTERS if each in text] == [shown]


def test_a_delivery_shows_what_came_and_what_became_of_it(connected: Browser) -> None:
    shown = connected.open("/-/sources/1/deliveries/1")
    broken = connected.open("/-/sources/1/deliveries/3")

    assert "x-github-event push" in shown.text
    assert '"ref": "refs/heads/<b>"' in shown.text
    assert "<b>" not in shown.html
    assert "/-/imports/1" in shown.links
    assert "no JSON" in broken.text


def test_a_delivery_is_played_again(connected: Browser) -> None:
    again = connected.send("/-/sources/1/deliveries/1/replay").leads_to

    assert again == "/-/sources/1/deliveries/4"
    assert "played again from 1" in connected.open(again).text


def test_a_delivery_is_found_at_its_own_source_alone(connected: Browser) -> None:
    connected.open("/-/sources/2/deliveries/1", status=404)
    connected.send("/-/sources/2/deliveries/1/replay", status=404)


def test_only_administrators_see_deliveries(plain_user: Browser) -> None:
    plain_user.open("/-/sources/1/deliveries", status=403)
    plain_user.open("/-/sources/1/deliveries/1", status=403)
    plain_user.send("/-/sources/1/deliveries/1/replay", status=403)
