"""Rules add the projects of an organisation: those of now, those of tomorrow, and none that a person took away."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from packistry.background import KINDS
from packistry.db.models import AuditEvent, ImportRun, Project, Repository, Rule, Source
from packistry.errors import CredentialRefused, HostRefused, NotFound
from packistry.house import House
from packistry.sources.actions import delete_source, rotate_source
from packistry.sources.connecting import filled_in
from packistry.sources.desk import Wish
from packistry.sources.gathering import Gathered, Gatherer, RuleWish
from packistry.sources.projects import delete_project, move_project
from packistry.sources.queries import find_source
from packistry.sources.rules import LOOK_EVERY, delete_rule, due_rules, find_rule, list_rules
from tests import factories
from tests.fakes.github import FakeGitHub
from tests.fakes.host import FakeProject, FakeToken
from tests.fakes.loopback import Reply, Request
from tests.providers.conftest import KINDS as KINDS_OF_HOSTS
from tests.providers.conftest import TOKEN, Kind

PACKAGE = {"composer.json": b'{"name": "acme/anything"}'}
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Organisation:
    """A house connected with a GitHub on which acme has projects."""

    house: House
    host: FakeGitHub
    repository_id: int

    @property
    def gatherer(self) -> Gatherer:
        return self.house.gatherer

    def has(self, name: str, *, package: bool = True, archived: bool = False) -> FakeProject:
        """A project that was not touched for long."""
        number = 100 + len(self.host.projects)
        project = self.host.add(FakeProject(number, name if "/" in name else f"acme/{name}", archived=archived))
        project.push_branch("main", PACKAGE if package else {"README.md": b"nothing"})
        project.changed_at = LONG_AGO
        return project

    def add(self, *, each: Mapping[str, object] | None = None, **wish: object) -> dict[str, str]:
        """A rule for acme; the fates of the projects by name."""
        wish = {"owner": "acme", **wish}
        how = Wish(self.repository_id, **(each or {}))  # pyright: ignore[reportArgumentType]
        return fates(self.gatherer.add(factories.OPERATOR, "github", RuleWish(how, **wish)))  # pyright: ignore[reportArgumentType]

    def work(self, rule_id: int = 1) -> None:
        self.gatherer.work(rule_id, threading.Event())

    def added(self) -> list[str]:
        """The projects that are followed."""
        with self.house.database.read() as session:
            live = select(Project.full_name).where(Project.deleted_at.is_(None)).order_by(Project.full_name)
            return [name.removeprefix("acme/") for name in session.scalars(live)]

    def rule(self, rule_id: int = 1) -> Rule:
        with self.house.database.read() as session:
            return session.get_one(Rule, rule_id)

    def asked(self, *, of: str) -> int:
        """How many requests since the last call were for a path with this in it."""
        seen = sum(of in request.path for request in self.host.requests)
        self.host.requests.clear()
        return seen


def fates(gathered: Gathered) -> dict[str, str]:
    return {each.project.full_name.removeprefix("acme/"): each.fate.value for each in gathered.projects}


@pytest.fixture
def acme(house: House) -> Iterator[Organisation]:
    with FakeGitHub().running() as host:
        allowing = house.settings.model_copy(update={"outbound_allow": ("127.0.0.1",)})
        house = replace(house, settings=allowing)
        host.tokens[TOKEN] = FakeToken(scopes=("repo",))
        repository_id = factories.repository(house, "acme")
        house.desk.connect(factories.OPERATOR, "github", filled_in("github", host.address, {"token": TOKEN}))
        yield Organisation(house, host, repository_id)


def test_all_packages_of_the_organisation_are_added_and_the_rest_is_told_of(acme: Organisation) -> None:
    acme.has("widgets")
    acme.has("lib-old")
    acme.has("handbook", package=False)
    acme.has("attic", archived=True)
    acme.has("console").fork_of = "symfony/console"
    acme.has("other/gadgets")
    acme.host.add(FakeProject(99, "acme/empty", default_branch=None))

    told = acme.add(projects=["!lib-*"])

    assert told == {
        "widgets": "added",
        "lib-old": "left_out",
        "handbook": "no_package",
        "attic": "archived",
        "console": "fork",
        "empty": "no_package",
    }
    assert acme.added() == ["widgets"]


def test_what_is_added_gets_what_the_rule_says_and_waits_for_its_import(acme: Organisation) -> None:
    acme.has("widgets")

    acme.add(each={"tags": ["v*"], "branches": ["main"], "hooked": False})

    with acme.house.database.read() as session:
        project = session.scalars(select(Project)).one()
        assert (project.tags, project.branches, project.hooked, project.rule_id) == (["v*"], ["main"], False, 1)
        assert [run.cause for run in session.scalars(select(ImportRun))] == ["first"]


def test_archived_projects_are_added_when_they_are_wanted(acme: Organisation) -> None:
    acme.has("attic", archived=True)

    assert acme.add(with_archived=True) == {"attic": "added"}


def test_without_an_owner_all_that_the_credential_sees_is_added(acme: Organisation) -> None:
    acme.has("widgets")
    acme.has("other/gadgets")

    assert acme.add(owner="") == {"widgets": "added", "other/gadgets": "added"}


def test_a_project_that_is_created_later_is_added_by_itself(acme: Organisation) -> None:
    acme.has("widgets")
    acme.add()
    acme.has("gadgets")

    acme.work()

    assert acme.added() == ["gadgets", "widgets"]
    with acme.house.database.read() as session:
        last = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first()
        assert last is not None
        assert (last.event, last.actor_name, last.details["rule"]) == ("project.added", "the rules", 1)


def test_a_project_that_becomes_a_package_later_is_added_by_itself(acme: Organisation) -> None:
    plain = acme.has("handbook", package=False)
    acme.add()
    plain.push_branch("main", PACKAGE)

    acme.work()

    assert acme.added() == ["handbook"]


def test_what_did_not_change_is_not_asked_for_again(acme: Organisation) -> None:
    for number in range(5):
        acme.has(f"plain-{number}", package=False)
    acme.add()
    assert acme.asked(of="/contents/") == 5

    acme.work()

    assert acme.asked(of="/repos/acme/plain") == 0


def test_a_change_without_another_commit_costs_one_question(acme: Organisation) -> None:
    plain = acme.has("handbook", package=False)
    acme.add()
    plain.changed_at = datetime.now(UTC)
    acme.asked(of="")

    acme.work()

    assert acme.asked(of="/contents/") == 0


def test_after_a_day_each_project_is_looked_at_whatever_the_host_says(
    acme: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = acme.has("handbook", package=False)
    acme.add()
    plain.push_branch("main", PACKAGE)
    plain.changed_at = LONG_AGO
    acme.work()
    assert acme.added() == []

    monkeypatch.setattr("packistry.clock.now", lambda: datetime.now(UTC) + timedelta(days=1))
    acme.work()

    assert acme.added() == ["handbook"]


def test_who_looks_on_purpose_sees_what_the_host_did_not_tell(acme: Organisation) -> None:
    plain = acme.has("handbook", package=False)
    acme.add()
    plain.push_branch("main", PACKAGE)
    plain.changed_at = LONG_AGO

    assert fates(acme.gatherer.run(factories.OPERATOR, 1)) == {"handbook": "added"}


@pytest.mark.parametrize("by", ["deleting", "moving"])
def test_what_a_person_took_away_is_not_added_again(acme: Organisation, by: str) -> None:
    acme.has("widgets")
    acme.add()
    elsewhere = factories.repository(acme.house, "internal")
    with acme.house.database.write() as session:
        project = session.scalars(select(Project)).one()
        if by == "deleting":
            delete_project(session, factories.OPERATOR, project)
        else:
            move_project(session, factories.OPERATOR, project, session.get_one(Repository, elsewhere))
    before = acme.added()

    acme.work()

    assert acme.added() == before
    # Nor by the same rule made again; by name it is.
    assert acme.add() == {"widgets": "deleted"}
    acme.house.desk.add(factories.OPERATOR, "github", ["acme/widgets"], Wish(acme.repository_id))
    assert acme.add() == {"widgets": "there"}


def test_a_project_of_which_a_directory_was_added_is_there(acme: Organisation) -> None:
    acme.has("monorepo")
    acme.house.desk.add(factories.OPERATOR, "github", ["acme/monorepo"], Wish(acme.repository_id, directory="lib"))

    assert acme.add() == {"monorepo": "there"}


def test_the_same_rule_again_is_the_same_rule_with_other_patterns(acme: Organisation) -> None:
    acme.has("widgets")
    acme.has("gadgets")
    acme.add(projects=["widgets"])

    acme.add(owner="acme/", projects=["g*"])

    with acme.house.database.read() as session:
        [summary] = list_rules(session, factories.OPERATOR)
    assert (summary.rule.projects, summary.projects) == (["g*"], 2)
    assert _events(acme) == ["rule.created", "rule.updated"]


def test_a_deleted_rule_adds_nothing_and_its_projects_stay(acme: Organisation) -> None:
    acme.has("widgets")
    acme.add()
    with acme.house.database.write() as session:
        delete_rule(session, factories.OPERATOR, find_rule(session, factories.OPERATOR, 1))
    acme.has("gadgets")

    acme.work()

    assert acme.added() == ["widgets"]
    assert _due(acme) == []
    assert _events(acme) == ["rule.created", "rule.deleted"]
    with acme.house.database.read() as session, pytest.raises(NotFound):
        find_rule(session, factories.OPERATOR, 1)


def test_a_rule_ends_with_its_source(acme: Organisation) -> None:
    acme.has("widgets")
    acme.add()
    with acme.house.database.write() as session:
        delete_source(session, factories.OPERATOR, find_source(session, factories.OPERATOR, "github"))

    assert acme.rule().deleted_at is not None


def test_a_look_that_fails_leaves_its_reason_and_the_next_one_takes_it_away(acme: Organisation) -> None:
    acme.has("widgets")
    acme.add()
    acme.host.troubles.extend([Reply(500, {})] * 20)
    acme.work()
    assert acme.rule().problem is not None
    assert "answered 500" in (acme.rule().problem or "")
    acme.host.troubles.clear()

    acme.work()

    assert acme.rule().problem is None


def test_a_limit_of_the_host_lets_all_its_rules_wait(acme: Organisation) -> None:
    acme.has("widgets")
    acme.add()
    _look_is_due(acme)
    assert _due(acme) == [1]
    acme.host.troubles.append(Reply(429, {}, {"Retry-After": "7200"}))

    acme.work()
    _look_is_due(acme)

    assert _due(acme) == []


def test_a_host_that_refuses_the_list_makes_no_rule(acme: Organisation) -> None:
    acme.host.tokens.clear()

    with pytest.raises(CredentialRefused):
        acme.add()

    with acme.house.database.read() as session:
        assert list_rules(session, factories.OPERATOR) == []


def test_a_credential_that_is_refused_stops_the_source_and_a_new_one_lets_it_go_on(acme: Organisation) -> None:
    acme.has("widgets")
    acme.add()
    acme.host.tokens.clear()
    acme.work()
    _look_is_due(acme)
    assert _due(acme) == []

    with acme.house.database.write() as session:
        source = session.scalars(select(Source)).one()
        rotate_source(session, factories.OPERATOR, source, source.credential)

    assert _due(acme) == [1]


def test_one_project_that_is_closed_to_us_keeps_no_other_from_being_added(acme: Organisation) -> None:
    acme.has("closed")
    acme.has("widgets")
    _close(acme.host, "closed")

    told = acme.add()

    assert told == {"closed": "unknown", "widgets": "added"}
    assert "1 projects could not be looked at; acme/closed: " in (acme.rule().problem or "")


def test_plain_git_has_no_list_to_make_a_rule_of(acme: Organisation) -> None:
    acme.house.desk.connect(factories.OPERATOR, "git", filled_in("git", acme.host.address, {}))

    with pytest.raises(HostRefused, match="add each by its path"):
        acme.gatherer.add(factories.OPERATOR, "git", RuleWish(Wish(acme.repository_id)))


def test_a_rule_is_due_every_half_hour(acme: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    acme.add()
    assert _due(acme) == []

    monkeypatch.setattr("packistry.clock.now", lambda: datetime.now(UTC) + LOOK_EVERY)

    assert _due(acme) == [1]


def test_the_jobs_process_finds_what_is_due_and_does_it(acme: Organisation) -> None:
    acme.add()
    acme.has("widgets")
    _look_is_due(acme)
    [kind] = [kind for kind in KINDS if kind.name == "rule"]

    [job] = kind.find_due(acme.house.database)
    kind.work(acme.house, job)

    assert acme.added() == ["widgets"]
    assert list(kind.find_due(acme.house.database)) == []


def test_a_fault_of_ours_is_told_in_the_rule_and_it_has_its_next_turn_in_time(acme: Organisation) -> None:
    acme.add()
    _look_is_due(acme)
    [kind] = [kind for kind in KINDS if kind.name == "rule"]
    [job] = kind.find_due(acme.house.database)

    assert kind.give_up is not None
    kind.give_up(acme.house, job, "KeyError: 1")

    assert "KeyError: 1" in (acme.rule().problem or "")
    assert _due(acme) == []


def test_whoever_is_told_to_stop_leaves_the_rule_due(acme: Organisation) -> None:
    acme.add()
    acme.has("widgets")
    _look_is_due(acme)
    stopping = threading.Event()
    stopping.set()

    acme.gatherer.work(1, stopping)

    assert acme.added() == []
    assert _due(acme) == [1]


@pytest.mark.parametrize("kind", KINDS_OF_HOSTS, ids=lambda kind: f"{kind.name}-{kind.secret}")
def test_the_packages_of_an_organisation_are_added_from_every_host(house: House, kind: Kind) -> None:
    house = replace(house, settings=house.settings.model_copy(update={"outbound_allow": ("127.0.0.1",)}))
    with kind.fake(base_path=kind.base_path).running() as host:
        host.tokens[TOKEN] = FakeToken(scopes=kind.scopes)
        host.add(FakeProject(12, "acme/widgets")).push_branch("main", PACKAGE)
        host.add(FakeProject(13, "acme/handbook")).push_branch("main", {"README.md": b""})
        host.add(FakeProject(14, "acme/console", fork_of="symfony/console")).push_branch("main", PACKAGE)
        host.add(FakeProject(15, "acme/empty", default_branch=None))
        fields = {**kind.settings, **kind.credential, kind.secret: TOKEN}
        house.desk.connect(factories.OPERATOR, "host", filled_in(kind.name, host.address, fields))
        wish = RuleWish(Wish(factories.repository(house, "acme")), owner="acme")

        told = fates(house.gatherer.add(factories.OPERATOR, "host", wish))

    assert told == {"widgets": "added", "handbook": "no_package", "console": "fork", "empty": "no_package"}


def test_thousands_of_projects_are_paged_to_the_end(acme: Organisation) -> None:
    for number in range(2_500):
        acme.host.add(FakeProject(1_000_000 + number, f"acme/plain-{number}", archived=True))
    acme.has("last")

    told = acme.add()

    assert len(told) == 2_501
    assert acme.added() == ["last"]


def _close(host: FakeGitHub, name: str) -> None:
    """From now on the host answers 403 to all that is below the project."""
    refuse = host.refuse

    def refuse_also(request: Request) -> Reply | None:
        if request.path.startswith(f"/repos/acme/{name}/"):
            return Reply(403, {"message": "Resource not accessible by personal access token"})
        return refuse(request)

    host.refuse = refuse_also


def _look_is_due(acme: Organisation) -> None:
    with acme.house.database.write() as session:
        session.execute(update(Rule).values(looked_at=LONG_AGO))


def _due(acme: Organisation) -> Sequence[int]:
    with acme.house.database.read() as session:
        return due_rules(session)


def _events(acme: Organisation) -> list[str]:
    with acme.house.database.read() as session:
        events = session.scalars(select(AuditEvent.event).order_by(AuditEvent.id))
        return [event for event in events if event.startswith("rule.")]
