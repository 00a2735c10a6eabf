"""A source is renamed, asked less, or moved to another address, to which no credential goes unasked."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from packistry.db.models import Project, Source
from packistry.errors import AlreadyExists, Conflict, HostUnavailable, InvalidInput
from packistry.house import House
from packistry.sources.connecting import filled_in
from packistry.sources.desk import SourceDesk, Wish
from tests import factories
from tests.fakes.github import FakeGitHub
from tests.fakes.host import FakeHost, FakeProject, FakeToken
from tests.fakes.loopback import Reply
from tests.sources.hosted import TOKEN, Hosted, hosted_on


@pytest.fixture
def hosted(house: House) -> Iterator[Hosted]:
    with FakeGitHub().running() as host:
        yield hosted_on(house, host)


@pytest.fixture
def other() -> Iterator[FakeGitHub]:
    """A host at another address, which knows the token and has no project yet."""
    with FakeGitHub().running() as host:
        host.tokens[TOKEN] = FakeToken(scopes=("repo",))
        yield host


@pytest.fixture
def desk(hosted: Hosted) -> SourceDesk:
    return hosted.house.desk


def test_the_name_and_how_much_is_asked_at_once_change(hosted: Hosted, desk: SourceDesk) -> None:
    desk.update(factories.OPERATOR, "github", name=" code ", concurrency=3)

    assert (hosted.source().name, hosted.source().concurrency) == ("code", 3)
    assert hosted.told("source.updated") == ["source.updated"]


def test_what_is_as_it_was_is_no_event(hosted: Hosted, desk: SourceDesk) -> None:
    desk.update(factories.OPERATOR, "github", name="github", concurrency=hosted.source().concurrency)

    assert hosted.told("source.updated") == []


def test_a_name_that_is_taken_is_refused(hosted: Hosted, desk: SourceDesk) -> None:
    desk.connect(factories.OPERATOR, "code", filled_in("github", hosted.host.address, {"token": TOKEN}))

    with pytest.raises(AlreadyExists):
        desk.update(factories.OPERATOR, "github", name="code")


@pytest.mark.parametrize("number", [0, -1, 33])
def test_a_senseless_concurrency_is_refused(desk: SourceDesk, number: int) -> None:
    with pytest.raises(InvalidInput):
        desk.update(factories.OPERATOR, "github", concurrency=number)


def test_the_same_host_is_found_under_its_new_address(hosted: Hosted, desk: SourceDesk, other: FakeHost) -> None:
    other.add(FakeProject(12, "acme/widgets"))

    desk.update(factories.OPERATOR, "github", url=f"{other.address}/", values={"token": TOKEN})

    assert hosted.source().address == other.address
    assert hosted.told("source.updated") == ["source.updated"]
    assert hosted.told("source.rotated") == ["source.rotated"]


def test_the_credential_goes_to_no_address_that_it_was_not_given_for(
    hosted: Hosted, desk: SourceDesk, other: FakeHost
) -> None:
    other.add(FakeProject(12, "acme/widgets"))

    with pytest.raises(InvalidInput, match="needs the credential again: give token"):
        desk.update(factories.OPERATOR, "github", url=other.address)

    assert other.requests == []
    assert hosted.source().address == hosted.host.address


OTHERS = {
    "the project is not there": None,
    "its number is another's": FakeProject(12, "acme/payroll"),
}


@pytest.mark.parametrize("there", OTHERS.values(), ids=OTHERS)
def test_another_host_is_no_new_address(
    hosted: Hosted, desk: SourceDesk, other: FakeHost, there: FakeProject | None
) -> None:
    if there:
        other.add(there)

    with pytest.raises(Conflict, match="connect another host as another source"):
        desk.update(factories.OPERATOR, "github", url=other.address, values={"token": TOKEN}, name="new")

    assert (hosted.source().address, hosted.source().name) == (hosted.host.address, "github")


def test_a_host_that_does_not_answer_changes_nothing(hosted: Hosted, desk: SourceDesk, other: FakeHost) -> None:
    other.troubles.extend([Reply(502, {})] * 20)

    with pytest.raises(HostUnavailable):
        desk.update(factories.OPERATOR, "github", url=other.address, values={"token": TOKEN})

    assert hosted.source().address == hosted.host.address


def test_a_credential_alone_is_rotated(desk: SourceDesk) -> None:
    with pytest.raises(InvalidInput, match="source rotate"):
        desk.update(factories.OPERATOR, "github", values={"token": TOKEN})


def test_a_source_without_a_credential_needs_none(house: House, hosted: Hosted, desk: SourceDesk) -> None:
    desk.connect(factories.OPERATOR, "git", filled_in("git", hosted.host.address, {}))

    changed = desk.update(factories.OPERATOR, "git", url=f"{hosted.host.address}/git")

    assert changed.address == f"{hosted.host.address}/git"


def test_a_source_whose_name_is_the_number_of_another_is_left_alone(hosted: Hosted, desk: SourceDesk) -> None:
    """Else the credential for one host would go to another."""
    github = hosted.source()
    other = desk.connect(factories.OPERATOR, str(github.id), filled_in("github", hosted.host.address, {"token": "x"}))
    with hosted.house.database.read() as session:
        repository_id = session.get_one(Project, hosted.project_id).repository_id

    rotated = desk.rotate(factories.OPERATOR, "github", {"token": TOKEN})
    changed = desk.update(factories.OPERATOR, "github", concurrency=3)
    desk.add(factories.OPERATOR, "github", ["acme/widgets"], Wish(repository_id))

    assert (rotated.id, changed.id) == (github.id, github.id)
    with hosted.house.database.read() as session:
        assert session.scalars(select(Project.source_id)).all() == [github.id]
        left_alone = session.get_one(Source, other.id)
        assert (left_alone.credential, left_alone.concurrency) == (other.credential, other.concurrency)
