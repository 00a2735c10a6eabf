"""Keeping copies of rows in memory, safely: under the changes they depend on, never older than what was told."""

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from packistry.db.changes import ChangeKey

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Copy(Generic[V]):
    """Something read in one snapshot: which generation that was, and under which changes the copy ends."""

    value: V
    generation: int
    depends_on: frozenset[ChangeKey]
    weight: int = 1


class Keeper(Generic[K, V]):
    """Copies by key, the least recently used out first. For one thread: the worker's event loop."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._weight = 0
        self._copies: OrderedDict[K, Copy[V]] = OrderedDict()
        self._dependents: dict[ChangeKey, set[K]] = {}
        self._generation = -1

    def get(self, key: K) -> V | None:
        """The copy, if one is kept. Good only after the watcher's look in the same request."""
        copy = self._copies.get(key)
        if copy is None:
            return None
        self._copies.move_to_end(key)
        return copy.value

    def put(self, key: K, copy: Copy[V]) -> None:
        """Keeps the copy, unless a change was told meanwhile that its snapshot may not have seen."""
        if copy.generation < self._generation or copy.weight > self._capacity:
            return
        self.drop(key)
        self._copies[key] = copy
        self._weight += copy.weight
        for change in copy.depends_on:
            self._dependents.setdefault(change, set()).add(key)
        while self._weight > self._capacity:
            self.drop(next(iter(self._copies)))

    def drop(self, key: K) -> None:
        """Forgets one copy."""
        copy = self._copies.pop(key, None)
        if copy is None:
            return
        self._weight -= copy.weight
        for change in copy.depends_on:
            dependents = self._dependents[change]
            dependents.discard(key)
            if not dependents:
                del self._dependents[change]

    def forget(self, changes: Sequence[ChangeKey] | None, generation: int) -> None:
        """Drops what depends on these changes (None: everything), which were made up to this generation."""
        self._generation = generation
        if changes is None:
            self._copies.clear()
            self._dependents.clear()
            self._weight = 0
            return
        for key in _affected(self._dependents, changes):
            self.drop(key)

    def __len__(self) -> int:
        return len(self._copies)


def _affected(dependents: dict[ChangeKey, set[K]], changes: Iterable[ChangeKey]) -> set[K]:
    return {key for change in changes for key in dependents.get(change, ())}
