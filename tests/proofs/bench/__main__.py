"""Speed next to nginx: `python -m tests.proofs.bench [--only p2,dist] [--rounds 5] [--seconds 2] [--write]`.

Both servers run on one core and wrk on another, in turns, and what is compared is the CPU of one request: user and
system time of all processes of a server (of PostgreSQL too, where it works for us) divided by the answers that wrk
got. So other work on the machine disturbs little; quiet is still better. Exit code 1 if a target is missed.
"""

import argparse
import os
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from packistry import clock
from tests.proofs.bench import machine
from tests.proofs.bench.beside import import_beside_reads
from tests.proofs.bench.compare import Effort
from tests.proofs.bench.composer import composer_update
from tests.proofs.bench.growth import growth
from tests.proofs.bench.hooks import hooks
from tests.proofs.bench.importing import import_memory, import_speed
from tests.proofs.bench.memory import memory
from tests.proofs.bench.pages import pages
from tests.proofs.bench.publishing import latency, p2_while_publishing
from tests.proofs.bench.results import Result, table, write_page
from tests.proofs.bench.wire import dist, not_modified, p2, p2_postgresql, root

CASES: dict[str, Callable[[Path, Effort], list[Result]]] = {
    "p2": p2,
    "p2-postgresql": p2_postgresql,
    "304": not_modified,
    "packages.json": root,
    "dist": dist,
    "growth": growth,
    "publishing": p2_while_publishing,
    "latency": latency,
    "memory": memory,
    "composer": composer_update,
    "import": import_speed,
    "import-memory": import_memory,
    "import-beside": import_beside_reads,
    "hooks": hooks,
    "pages": pages,
}


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    # Taken before we are busy ourselves.
    circumstances = f"{machine.facts()}, load {os.getloadavg()[0]:.1f} before"
    results: list[Result] = []
    for case in options.only:
        began = time.monotonic()
        with TemporaryDirectory(prefix="packistry-bench-") as folder:
            rows = CASES[case](Path(folder), Effort(options.rounds, options.seconds))
        for row in rows:
            print(f"{row.case}: {row.measured} {row.target} {row.verdict} ({row.detail})", flush=True)
        print(f"  [{case}: {time.monotonic() - began:.0f} s]", file=sys.stderr)
        results += rows
    print(f"\n{circumstances}\n\n{table(results)}")
    if options.write:
        command = f"make bench ARGUMENTS='{shlex.join(arguments)}'" if arguments else "make bench"
        write_page(results, command, f"{clock.now():%Y-%m-%d}", circumstances)
    return int(any(row.reached is False for row in results))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="Speed next to nginx.")
    parser.add_argument("--only", type=_cases, default=list(CASES), help=f"some of {','.join(CASES)}")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each contest; the median counts")
    parser.add_argument("--seconds", type=float, default=2, help="how long wrk asks in each")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    return parser.parse_args(arguments)


def _cases(text: str) -> list[str]:
    chosen = text.split(",")
    if unknown := set(chosen) - CASES.keys():
        raise argparse.ArgumentTypeError(f"there is no case {', '.join(sorted(unknown))}")
    return chosen


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
