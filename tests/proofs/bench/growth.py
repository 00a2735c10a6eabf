"""Case: what p2 costs with 100, 10,000 and 100,000 packages, over the same pairs and over everything."""

from functools import partial
from pathlib import Path
from typing import Final

from tests.proofs.bench.compare import Contest, Effort, contest
from tests.proofs.bench.load import Ask, ask
from tests.proofs.bench.ours import Ours, running_ours
from tests.proofs.bench.results import Result, at_most
from tests.proofs.bench.seeding import Seed, fill
from tests.proofs.bench.stage import PACKAGES, PREFIX, Stage, staged
from tests.proofs.bench.wire import names

SIZES: Final = (100, 10_000, 100_000)
# Few versions: at 100,000 packages the database is half a gigabyte already, and p2 reads documents alone.
VERSIONS: Final = 2

WARMING_SECONDS: Final = 10


def growth(folder: Path, effort: Effort) -> list[Result]:
    """One registry that grows; at each size a worker started anew, next to nginx with the files of the same pairs."""
    measured: dict[int, Contest] = {}
    with staged(folder, versions=VERSIONS) as stage:
        filled = PACKAGES
        for size in SIZES:
            fill(stage.house, Seed(stage.repository_id, size - filled, VERSIONS, first=filled))
            filled = size
            with running_ours(stage.house.settings) as ours:
                measured[size] = _at_size(stage, ours, size, effort)
    return [row for size in SIZES for row in _rows(size, measured)]


def _at_size(stage: Stage, ours: Ours, size: int, effort: Effort) -> Contest:
    pairs = stage.pairs(names(stage))
    everything = [
        Ask(f"{PREFIX}/p2/{name}.json", stage.headers(stage.tokens[number % len(stage.tokens)]))
        for number, name in enumerate(Seed(stage.repository_id, size, VERSIONS).names)
    ]
    # What fits into the cache is in it before anything counts; of 100,000 documents about a third does.
    ask(ours, everything, WARMING_SECONDS)
    contestants = {
        "nginx": partial(ask, stage.nginx, pairs, effort.seconds),
        "pairs": partial(ask, ours, pairs, effort.seconds),
        "all": partial(ask, ours, everything, effort.seconds, in_turn=False),
    }
    return contest(contestants, effort.rounds)


def _rows(size: int, measured: dict[int, Contest]) -> list[Result]:
    def cost(of: str, size: int) -> float:
        # In requests of nginx, so that a machine that grew slower meanwhile does not count.
        return 1 / measured[size].ratio("nginx", of)

    smallest = SIZES[0]
    detail = f"{measured[size].cpu('pairs'):.0f} µs of CPU"
    case = f"p2, {size:,} packages, the same 2,000 pairs, CPU as a multiple of that with {smallest}"
    grown = cost("pairs", size) / cost("pairs", smallest)
    pairs = Result(case, "1", detail=detail) if size == smallest else at_most(case, grown, 1.2, detail)
    return [
        pairs,
        Result(
            f"p2, {size:,} packages, all of them, likewise",
            f"{cost('all', size) / cost('pairs', smallest):.2f}",
            detail=f"{measured[size].cpu('all'):.0f} µs of CPU",
        ),
    ]
