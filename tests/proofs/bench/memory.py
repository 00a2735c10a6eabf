"""Case: what a worker weighs when it has answered for everything."""

from pathlib import Path
from typing import Final

from tests.proofs.bench import machine
from tests.proofs.bench.compare import Effort
from tests.proofs.bench.load import Ask, ask
from tests.proofs.bench.results import Result, at_most
from tests.proofs.bench.seeding import Seed
from tests.proofs.bench.stage import PREFIX, Stage, staged

PACKAGES: Final = 10_000
VERSIONS: Final = 20
MB: Final = 1_000_000


def memory(folder: Path, effort: Effort) -> list[Result]:
    """A worker that has served every document of 10,000 packages of 20 versions."""
    with staged(folder, packages=PACKAGES, versions=VERSIONS) as stage:
        before, _ = machine.memory_bytes(stage.ours.worker)
        asked = _ask_for_everything(stage, effort)
        resident, proportional = machine.memory_bytes(stage.ours.worker)
    case = f"memory of a worker, {PACKAGES:,} packages of {VERSIONS} versions served"
    detail = f"{before / MB:.0f} MB after start, {proportional / MB:.0f} MB proportional, {asked:,} answers"
    return [at_most(case, resident / MB, 160, detail, unit=" MB")]


def _ask_for_everything(stage: Stage, effort: Effort) -> int:
    """Asks until each document was sent at least once; how many answers that took."""
    seed = Seed(stage.repository_id, PACKAGES, VERSIONS)
    asks = [Ask(f"{PREFIX}/p2/{name}.json", stage.headers()) for name in seed.names]
    answers = ask(stage.ours, [Ask(f"{PREFIX}/packages.json", stage.headers())], 1).requests
    while True:
        # wrk begins with the first address again each time, so one run must get through all of them.
        seen = ask(stage.ours, asks, max(effort.seconds, 10)).requests
        answers += seen
        if seen >= len(asks):
            return answers
