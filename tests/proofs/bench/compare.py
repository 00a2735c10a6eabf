"""Comparing servers: asked in turns, so that what else the machine does meets all of them alike."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from tests.proofs.bench.load import CONNECTIONS, Ask, Measured, Served, ask


@dataclass(frozen=True)
class Effort:
    """How long to measure: rounds, and seconds of each."""

    rounds: int
    seconds: float


@dataclass(frozen=True)
class Contest:
    """All rounds of several contestants, by name and in order."""

    rounds: Mapping[str, Sequence[Measured]]

    def cpu(self, name: str) -> float:
        """Microseconds of CPU per request: the median of the rounds."""
        return median(measured.cpu_microseconds for measured in self.rounds[name])

    def per_second(self, name: str) -> float:
        """Answers per second: the median of the rounds, of use only on a quiet machine."""
        return median(measured.per_second for measured in self.rounds[name])

    def ratio(self, dividend: str, divisor: str) -> float:
        """CPU per request of one divided by that of the other: the median of the rounds' own ratios."""
        pairs = zip(self.rounds[dividend], self.rounds[divisor], strict=True)
        return median(one.cpu_microseconds / other.cpu_microseconds for one, other in pairs)


def contest(contestants: Mapping[str, Callable[[], Measured]], rounds: int) -> Contest:
    """Measures each contestant once a round, in turns, after one round that does not count."""
    for measure in contestants.values():
        measure()
    measured: dict[str, list[Measured]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, measure in contestants.items():
            measured[name].append(measure())
    return Contest(measured)


def against_nginx(
    nginx: Served, ours: Served, asks: Sequence[Ask], effort: Effort, *, connections: int = CONNECTIONS
) -> Contest:
    """Both servers over the same requests."""
    return contest(
        {
            "nginx": lambda: ask(nginx, asks, effort.seconds, connections=connections),
            "ours": lambda: ask(ours, asks, effort.seconds, connections=connections),
        },
        effort.rounds,
    )
