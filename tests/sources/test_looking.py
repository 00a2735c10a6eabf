"""Which projects of a host are packages, for a person who lists them."""

from collections.abc import Iterator

import pytest

from packistry.house import House
from packistry.sources import desk
from tests import factories
from tests.fakes.github import FakeGitHub
from tests.fakes.host import FakeProject
from tests.fakes.loopback import Reply
from tests.sources.hosted import Hosted, hosted_on

PACKAGE = {"composer.json": b"{}"}


@pytest.fixture
def hosted(house: House) -> Iterator[Hosted]:
    """A source whose project acme/widgets was added; it shows three more, of which one is a package."""
    with FakeGitHub().running() as host:
        hosted = hosted_on(house, host)
        host.add(FakeProject(13, "acme/gadgets")).push_branch("main", PACKAGE)
        host.add(FakeProject(14, "acme/handbook")).push_branch("main", {"README.md": b""})
        host.add(FakeProject(15, "acme/empty", default_branch=None))
        host.requests.clear()
        yield hosted


def listed(hosted: Hosted, *, quick: bool = False) -> dict[str, bool | None]:
    seen = hosted.house.desk.projects(factories.OPERATOR, "github", quick=quick)
    return {each.project.full_name.removeprefix("acme/"): each.is_package for each in seen}


def test_each_project_is_marked_as_a_package_or_none(hosted: Hosted) -> None:
    assert listed(hosted) == {"widgets": True, "gadgets": True, "handbook": False, "empty": False}


def test_those_that_were_added_are_marked(hosted: Hosted) -> None:
    seen = hosted.house.desk.projects(factories.OPERATOR, "github")

    assert [(each.project.id, list(each.added)) for each in seen if each.added] == [("12", [hosted.project_id])]


def test_a_quick_list_asks_for_none_of_them(hosted: Hosted) -> None:
    assert listed(hosted, quick=True) == {"widgets": None, "gadgets": None, "handbook": None, "empty": None}
    assert len(hosted.host.requests) == 1


def test_what_was_found_out_is_remembered_for_the_next_list(hosted: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    for project in hosted.host.projects.values():
        project.changed_at = project.changed_at.replace(year=2020)
    first = listed(hosted)

    assert listed(hosted, quick=True) == first


def test_no_more_than_so_many_are_asked_for(hosted: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "MOST_ASKED", 2)

    assert list(listed(hosted).values()).count(None) == 2


def test_a_host_that_asks_to_wait_leaves_the_rest_unknown(hosted: Hosted) -> None:
    answered: list[str] = []
    refuse = hosted.host.refuse

    def refuse_later(request: object) -> Reply | None:
        answered.append("")
        return Reply(429, {}, {"Retry-After": "3600"}) if len(answered) > 1 else refuse(request)  # pyright: ignore[reportArgumentType]

    hosted.host.refuse = refuse_later

    assert listed(hosted) == {"widgets": None, "gadgets": None, "handbook": None, "empty": None}
