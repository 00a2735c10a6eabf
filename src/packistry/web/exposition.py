"""The text that Prometheus reads: families of samples with labels. Source: prometheus.io, exposition formats 0.0.4.

Ours and not a library's: each figure is read from the rows when it is asked for, so there is nothing to register and
nothing to add up between workers; what is left is writing lines.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Sample:
    """One value, told from its like by labels. Names come from people and hosts, so they may hold anything."""

    value: float
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Family:
    """What is measured. `name` is without the prefix and ends in its unit; a counter's in "_total"."""

    name: str
    help: str
    samples: Sequence[Sample]
    kind: Literal["gauge", "counter"] = "gauge"


def one(name: str, text: str, value: float, **labels: str) -> Family:
    """A gauge with a single value."""
    return Family(name, text, [Sample(value, labels)])


def by_state(name: str, text: str, counts: Mapping[str, int], states: Iterable[str]) -> Family:
    """A gauge for each state, 0 where nothing is in it: what is absent can be neither drawn nor alerted on."""
    told = dict.fromkeys(states, 0) | dict(counts)
    return Family(name, text, [Sample(count, {"state": state}) for state, count in told.items()])


def exposition(families: Iterable[Family]) -> bytes:
    """The families as text; one without samples is left out."""
    return "".join(f"{line}\n" for family in families if family.samples for line in _lines(family)).encode()


def _lines(family: Family) -> Iterator[str]:
    name = f"packistry_{family.name}"
    yield f"# HELP {name} {family.help}"
    yield f"# TYPE {name} {family.kind}"
    for sample in family.samples:
        labels = ",".join(f'{label}="{_escaped(value)}"' for label, value in sample.labels.items())
        yield f"{name}{{{labels}}} {sample.value:.15g}" if labels else f"{name} {sample.value:.15g}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
