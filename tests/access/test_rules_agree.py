"""On random houses: the rules as SQL, the view in memory, the explanation and product.md section 8 say the same.

Each house is built and asked in one transaction that is rolled back, so that hundreds fit into a test.
"""

import pytest
from hypothesis import HealthCheck, Phase, example, given
from hypothesis import settings as options
from sqlalchemy import ColumnElement, select

from packistry.access.actors import Anonymous, System
from packistry.access.explain import Explanation, explain_publish, explain_read
from packistry.access.permissions import Ability
from packistry.access.rules import (
    hosted_packages,
    repository_to_publish,
    visible_packages,
    visible_repositories,
    whole_repositories,
    writable_packages,
    writable_repositories,
)
from packistry.access.views import View, load_view
from packistry.db.engine import ReadSession
from packistry.db.models import Package, Repository
from packistry.errors import Forbidden, NotFound, Refusal, Unauthenticated
from packistry.house import House
from tests.access.graphs import (
    NAMES,
    PATHS,
    Built,
    Caller,
    Graph,
    Holder,
    Oracle,
    Place,
    Right,
    Thing,
    build,
    graphs,
)

_BOTH = frozenset({Ability.READ, Ability.WRITE})
# What no action leaves behind, and what chance seldom draws: a live package in a repository that was deleted, given to
# everybody with write, beside one of the same path that was made since.
BURIED = Graph(
    places=(Place("alpha", public=True, deleted=True), Place("alpha", public=False, deleted=False)),
    things=(Thing(0, "acme/lib", deleted=False), Thing(1, "acme/tool", deleted=True)),
    holders=tuple(
        Holder(
            is_user=is_user,
            is_administrator=False,
            rights=tuple(Right(to_place=False, target=at, write=True) for at in (0, 1)),
            abilities=(_BOTH,),
        )
        for is_user in (True, False)
    ),
)
# The database is the slow part and says nothing about time; rolled back, it serves every example.
on_random_houses = options(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)


@on_random_houses
@example(graph=BURIED)
@given(graph=graphs())
def test_everything_that_is_listed_is_what_is_found_one_by_one(house: House, graph: Graph) -> None:
    with house.database.write() as session:
        built = build(session, graph)
        for caller in built.callers:
            oracle = Oracle(graph, caller)
            actor = caller.actor
            view = load_view(session, actor)
            places, things = range(len(graph.places)), range(len(graph.things))
            live_places = [at for at in places if not graph.places[at].deleted]
            live_things = [
                at for at in things if not graph.things[at].deleted and not graph.places[graph.things[at].place].deleted
            ]

            assert _places(session, built, visible_repositories(actor)) == {
                at for at in places if oracle.sees_place(at)
            }
            assert _places(session, built, whole_repositories(actor)) == {at for at in places if oracle.sees_whole(at)}
            assert _things(session, built, visible_packages(actor)) == {at for at in things if oracle.sees_thing(at)}
            assert _things(session, built, hosted_packages(actor)) == {
                at for at in things if oracle.knows_vendor_of(at)
            }
            assert view.can_read == caller.may_read
            assert [at for at in live_places if _sees_place(view, built, at)] == [
                at for at in places if oracle.sees_place(at)
            ]
            assert [at for at in live_things if _sees_thing(view, built, at)] == [
                at for at in things if oracle.sees_thing(at)
            ]
            for at in live_places:
                row = built.places[at]
                assert view.sees_whole(row.id, public=row.public) == oracle.sees_whole(at)
        session.rollback()


@on_random_houses
@example(graph=BURIED)
@given(graph=graphs())
def test_who_may_publish_what_is_one_answer(house: House, graph: Graph) -> None:
    with house.database.write() as session:
        built = build(session, graph)
        for caller in built.callers:
            oracle = Oracle(graph, caller)
            places, things = range(len(graph.places)), range(len(graph.things))

            writable = _places(session, built, writable_repositories(caller.actor))
            assert writable == {at for at in places if oracle.writes_place(at)}
            writable = _things(session, built, writable_packages(caller.actor))
            assert writable == {at for at in things if oracle.writes_thing(at)}
            for path in PATHS:
                for name in NAMES:
                    expected = _publishing(oracle, built, path, name)
                    assert _try_to_publish(session, caller, path, name) == expected
        session.rollback()


@on_random_houses
@example(graph=BURIED)
@given(graph=graphs())
def test_an_explanation_agrees_with_the_decision_and_is_a_sentence(house: House, graph: Graph) -> None:
    with house.database.write() as session:
        built = build(session, graph)
        for caller in built.callers:
            oracle = Oracle(graph, caller)
            for at, row in enumerate(built.places):
                named = {thing.name: number for number, thing in enumerate(graph.things) if thing.place == at}
                reading = explain_read(session, System(), caller.actor, row)
                _check(reading, may=caller.may_read and oracle.sees_place(at))
                publishing = explain_publish(session, System(), caller.actor, row)
                _check(publishing, may=oracle.writes_place(at))
                for name in NAMES:
                    number = named.get(name)
                    reading = explain_read(session, System(), caller.actor, row, name)
                    seen = number is not None and oracle.sees_thing(number)
                    _check(reading, may=caller.may_read and seen)
                    publishing = explain_publish(session, System(), caller.actor, row, name)
                    written = oracle.writes_place(at) or (number is not None and oracle.writes_thing(number))
                    _check(publishing, may=written)
        session.rollback()


def _check(explanation: Explanation, *, may: bool) -> None:
    assert explanation.may == may, explanation
    assert explanation.reasons, "a decision without a reason"
    for sentence in explanation.reasons:
        assert sentence.endswith("."), sentence
        assert (" no grant" in sentence or "lacks" in sentence or "was deleted" in sentence) <= (not may), explanation
        assert ("was given" in sentence or "it is public" in sentence or "by role" in sentence) <= may, explanation


def _places(session: ReadSession, built: Built, condition: ColumnElement[bool]) -> set[int]:
    numbers = {row.id: at for at, row in enumerate(built.places)}
    return {numbers[found] for found in session.scalars(select(Repository.id).where(condition))}


def _things(session: ReadSession, built: Built, condition: ColumnElement[bool]) -> set[int]:
    numbers = {row.id: at for at, row in enumerate(built.things)}
    return {numbers[found] for found in session.scalars(select(Package.id).where(condition))}


def _sees_place(view: View, built: Built, at: int) -> bool:
    row = built.places[at]
    return view.sees_repository(row.id, public=row.public)


def _sees_thing(view: View, built: Built, at: int) -> bool:
    row = built.things[at]
    place = next(place for place in built.places if place.id == row.repository_id)
    return view.sees_package(place.id, row.id, public=place.public)


def _publishing(oracle: Oracle, built: Built, path: str, name: str) -> int | type[Refusal]:
    """The repository's id, or the refusal."""
    graph = oracle.graph
    if isinstance(oracle.caller.actor, Anonymous):
        return Unauthenticated
    at = next((at for at, place in enumerate(graph.places) if place.path == path and not place.deleted), None)
    if at is None or not oracle.sees_place(at):
        return NotFound
    named = [number for number, thing in enumerate(graph.things) if (thing.place, thing.name) == (at, name)]
    if oracle.writes_place(at) or any(oracle.writes_thing(number) for number in named):
        return built.places[at].id
    return Forbidden


def _try_to_publish(session: ReadSession, caller: Caller, path: str, name: str) -> int | type[Refusal]:
    try:
        return repository_to_publish(session, caller.actor, path, name).id
    except Refusal as refusal:
        return type(refusal)


@pytest.mark.parametrize("path", PATHS)
def test_nobody_at_all_publishes(house: House, path: str) -> None:
    with house.database.read() as session, pytest.raises(Unauthenticated, match="needs a token"):
        repository_to_publish(session, Anonymous(), path, "acme/lib")
