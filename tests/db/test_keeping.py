"""Keeping copies in memory: never one that is older than what was told, never more than fits."""

from collections.abc import Sequence

import pytest
from hypothesis import settings as options
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from packistry.db.changes import ChangeKey
from packistry.db.keeping import Copy, Keeper

A, B = ChangeKey("a"), ChangeKey("b")


def copy_of(value: str, generation: int = 0, *keys: ChangeKey, weight: int = 1) -> Copy[str]:
    return Copy(value, generation, frozenset(keys), weight)


def test_what_is_kept_is_found_until_it_is_dropped() -> None:
    keeper: Keeper[str, str] = Keeper(10)
    assert keeper.get("x") is None

    keeper.put("x", copy_of("value", 0, A))
    assert keeper.get("x") == "value"

    keeper.drop("x")
    keeper.drop("x")
    assert keeper.get("x") is None
    assert len(keeper) == 0


def test_a_change_drops_what_depends_on_it_and_nothing_else() -> None:
    keeper: Keeper[str, str] = Keeper(10)
    keeper.put("on a", copy_of("1", 0, A))
    keeper.put("on both", copy_of("2", 0, A, B))
    keeper.put("on b", copy_of("3", 0, B))
    keeper.put("on nothing", copy_of("4"))

    keeper.forget([A, ChangeKey("nobody's")], 1)

    assert [keeper.get(key) for key in ("on a", "on both", "on b", "on nothing")] == [None, None, "3", "4"]


def test_when_the_feed_was_lost_everything_goes() -> None:
    keeper: Keeper[str, str] = Keeper(10)
    keeper.put("on nothing", copy_of("1"))
    keeper.put("on a", copy_of("2", 0, A))

    keeper.forget(None, 5)

    assert len(keeper) == 0
    keeper.put("again", copy_of("3", 5, A))
    keeper.forget([A], 6)
    assert keeper.get("again") is None


@pytest.mark.parametrize(
    ("generation", "kept", "why"),
    [
        (4, False, "a change may have been told between its snapshot and now"),
        (5, True, "its snapshot saw everything that was told"),
        (6, True, "or more"),
    ],
)
def test_a_copy_older_than_what_was_told_is_not_kept(generation: int, kept: bool, why: str) -> None:
    keeper: Keeper[str, str] = Keeper(10)
    keeper.forget([B], 5)

    keeper.put("x", copy_of("value", generation, A))

    assert (keeper.get("x") is not None) == kept, why


def test_a_copy_that_is_refused_leaves_the_one_that_is_kept() -> None:
    keeper: Keeper[str, str] = Keeper(10)
    keeper.forget([], 5)
    keeper.put("x", copy_of("new", 5, A))

    keeper.put("x", copy_of("old", 4, A))
    keeper.put("x", copy_of("too heavy", 5, A, weight=11))

    assert keeper.get("x") == "new"


def test_the_least_recently_used_goes_first() -> None:
    keeper: Keeper[str, str] = Keeper(3)
    for name in ("x", "y", "z"):
        keeper.put(name, copy_of(name))
    keeper.get("x")

    keeper.put("new", copy_of("new"))

    assert [keeper.get(name) for name in ("x", "y", "z", "new")] == ["x", None, "z", "new"]


def test_what_is_put_again_weighs_once() -> None:
    keeper: Keeper[str, str] = Keeper(3)
    keeper.put("other", copy_of("other"))
    for _ in range(5):
        keeper.put("x", copy_of("x", 0, A, weight=2))

    assert (keeper.get("other"), keeper.get("x")) == ("other", "x")


NAMES = ["x", "y", "z"]
WATCHED = {"x": frozenset({A}), "y": frozenset({A, B}), "z": frozenset({B})}


class Reader(RuleBasedStateMachine):
    """A database whose things change, and one reader that keeps copies: looks, reads and changes in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.generation = 0
        # (generation, key) of all changes; a thing's state is the generation of the last change that touches it.
        self.feed: list[tuple[int, ChangeKey]] = []
        self.told = -1
        self.keeper: Keeper[str, int] = Keeper(3)
        self.reading: list[tuple[str, Copy[int]]] = []
        self.told_all(None)

    def told_all(self, changes: Sequence[ChangeKey] | None) -> None:
        self.keeper.forget(changes, self.generation)
        self.told = self.generation

    def state(self, name: str, *, upto: int) -> int:
        return max((number for number, key in self.feed if key in WATCHED[name] and number <= upto), default=0)

    @rule(keys=st.sets(st.sampled_from([A, B]), min_size=1))
    def somebody_changes(self, keys: set[ChangeKey]) -> None:
        self.generation += 1
        self.feed += [(self.generation, key) for key in sorted(keys)]

    @rule()
    def look(self) -> None:
        self.told_all([key for number, key in self.feed if number > self.told])

    @rule()
    def look_after_sleeping_too_long(self) -> None:
        self.told_all(None)

    @rule(name=st.sampled_from(NAMES))
    def begin_to_read(self, name: str) -> None:
        state = self.state(name, upto=self.generation)
        self.reading.append((name, Copy(state, self.generation, WATCHED[name], weight=2 if name == "y" else 1)))

    @rule(at=st.integers(0, 10))
    def have_read(self, at: int) -> None:
        if self.reading:
            self.keeper.put(*self.reading.pop(at % len(self.reading)))

    @rule(name=st.sampled_from(NAMES))
    def drop(self, name: str) -> None:
        self.keeper.drop(name)

    @invariant()
    def nothing_kept_is_older_than_what_was_told(self) -> None:
        kept = {name: value for name in NAMES if (value := self.keeper.get(name)) is not None}
        for name, value in kept.items():
            assert value >= self.state(name, upto=self.told)
        assert sum(2 if name == "y" else 1 for name in kept) <= 3
        assert len(self.keeper) == len(kept)


Reader.TestCase.settings = options(max_examples=60, stateful_step_count=30, deadline=None)
TestReader = Reader.TestCase
