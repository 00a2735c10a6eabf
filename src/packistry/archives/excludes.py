"""Which files `archive.exclude` of composer.json keeps out of an archive, as `composer archive` reads it.

Whoever may push writes these patterns. As regular expressions a few stars would keep a worker busy for hours, so all
of them become one automaton, whose steps are kept and whose work is counted.
Source: Composer's ComposerExcludeFilter and BaseExcludeFilter.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from packistry.archives.globs import SLASH, DeadPattern, Either, NoDot, One, Parts, parse_glob
from packistry.errors import InvalidManifest

# Far beyond any package; what is longer than a file name matches none.
_RULES: Final = 500
_RULE_BYTES: Final = 255
# Some seconds: one unit is a byte of a path. What must be worked out for the first time is kept, up to 200 MB, and
# costs more.
_WORK: Final = 40_000_000
_FIRST_TIME: Final = 20

# Stands for the byte behind the last one.
_END: Final = -1
_AT_END: Final = frozenset({_END, *SLASH})
_NOT_BEFORE: Final = frozenset({_END, *b"."})


@dataclass(frozen=True, slots=True)
class _Read:
    """Takes one byte of these and goes on."""

    of: frozenset[int]
    then: int


@dataclass(frozen=True, slots=True)
class _Fork:
    """Goes on in all of these."""

    to: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Look:
    """Goes on where a name does not begin with a dot."""

    then: int


@dataclass(frozen=True, slots=True)
class _Found:
    """The rule matches, if a name ends here."""

    rule: int


_State: TypeAlias = _Read | _Fork | _Look | _Found
_States: TypeAlias = frozenset[int]


class Excludes:
    """Asked about the files of one package, in any order. Refuses with InvalidManifest what would take too long."""

    def __init__(self, rules: Iterable[object]) -> None:
        """What is no text among the rules is passed over: Composer's own archiver aborts on it, no client does."""
        # Of the rules that match a path the last one has it: True keeps the file.
        self._keeps: list[bool] = []
        self._states: list[_State] = []
        self._starts: set[int] = set()
        # Where a rule that is not bound to the root may begin: at every byte.
        self._floating: set[int] = set()
        self._steps: dict[tuple[_States, int], tuple[_States, int]] = {}
        # One object for equal sets: comparing two of hundreds of states is most of a step's time.
        self._same: dict[_States, _States] = {}
        self._work = 0
        for rule in rules:
            if isinstance(rule, str):
                self._add(rule)
        self._start = frozenset(self._starts)

    def covers(self, path: str) -> bool:
        """Whether the file at this path, from composer.json's folder on, is kept out."""
        if not self._keeps:
            return False
        states, found = self._start, 0
        for byte in b"/" + path.encode():
            states, matched = self._step(states, byte)
            found |= matched
        found |= self._step(states, _END)[1]
        return found != 0 and not self._keeps[found.bit_length() - 1]

    def _step(self, states: _States, byte: int) -> tuple[_States, int]:
        """The states behind a byte, and a bit for each rule that matched before it."""
        known = self._steps.get((states, byte))
        if known is None:
            known = self._steps[states, byte] = self._first_step(states, byte)
        self._spend(1)
        return known

    def _first_step(self, states: _States, byte: int) -> tuple[_States, int]:
        left, seen = list(states), set[int]()
        reached, found = set(self._floating), 0
        while left:
            at = left.pop()
            if at in seen:
                continue
            seen.add(at)
            state = self._states[at]
            match state:
                case _Read() if byte in state.of:
                    reached.add(state.then)
                case _Fork():
                    left += state.to
                case _Look() if byte not in _NOT_BEFORE:
                    left.append(state.then)
                case _Found() if byte in _AT_END:
                    found |= 1 << state.rule
                case _:
                    pass
        self._spend(_FIRST_TIME * (len(seen) + len(reached)))
        after = frozenset(reached)
        return self._same.setdefault(after, after), found

    def _spend(self, work: int) -> None:
        # Stops patterns that would keep a worker busy for hours, each file new states.
        self._work += work
        if self._work > _WORK:
            raise _too_much("they take too long to be compared with the files of this package")

    def _add(self, rule: str) -> None:
        keeps = rule.startswith("!")
        bare = rule.lstrip("!") if keeps else rule
        if len(self._keeps) == _RULES or len(bare.encode("utf-8", "surrogatepass")) > _RULE_BYTES:
            raise _too_much(f"only {_RULES} patterns of {_RULE_BYTES} bytes are read")
        slash = bare.find("/")
        try:
            parts = parse_glob(bare.strip("/").encode("utf-8", "surrogatepass"))
        except DeadPattern:
            return
        # Without a slash, or with one at its end, a pattern names a file or folder anywhere. With one between it may
        # even begin in the middle of a name: Composer's way, not git's.
        if slash in {-1, 0, len(bare) - 1}:
            parts = (One(SLASH), *parts)
        start = self._link(parts, self._new(_Found(len(self._keeps))))
        self._keeps.append(keeps)
        self._starts.add(start)
        if slash != 0:
            self._floating.add(start)

    def _link(self, parts: Parts, then: int) -> int:
        """The state in which these parts begin, when `then` is what follows them."""
        for part in reversed(parts):
            match part:
                case One(of):
                    then = self._new(_Read(of, then))
                case NoDot():
                    then = self._new(_Look(then))
                case Either(choices):
                    then = self._new(_Fork(tuple([self._link(choice, then) for choice in choices])))
                case _:
                    again = self._new(_Fork(()))
                    self._states[again] = _Fork((self._link(part.parts, again), then))
                    then = again
        return then

    def _new(self, state: _State) -> int:
        self._states.append(state)
        return len(self._states) - 1


def _too_much(what: str) -> InvalidManifest:
    return InvalidManifest(
        f"The patterns in archive.exclude of composer.json are too much, {what}: write fewer and simpler ones.",
        field="archive.exclude",
    )
