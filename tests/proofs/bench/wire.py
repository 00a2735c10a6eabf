"""Cases of the wire: metadata, "not modified", packages.json and archives, next to nginx."""

import random
from pathlib import Path
from typing import Final

from tests import factories
from tests.proofs.bench.compare import Contest, Effort, against_nginx
from tests.proofs.bench.load import Ask
from tests.proofs.bench.results import Result, at_least
from tests.proofs.bench.seeding import Seed
from tests.proofs.bench.stage import PACKAGES, PREFIX, Stage, fetch, staged

MIB: Final = 1024 * 1024
# Archives come through few connections: Composer opens twelve.
DIST_CONNECTIONS: Final = 12


def p2(folder: Path, effort: Effort) -> list[Result]:
    """p2 with a bearer token on SQLite."""
    with staged(folder) as stage:
        measured = against_nginx(stage.nginx, stage.ours, stage.pairs(names(stage)), effort)
    return [_row("p2, bearer token, SQLite", measured, 0.22)]


def p2_postgresql(folder: Path, effort: Effort) -> list[Result]:
    """p2 with a bearer token on PostgreSQL, whose own CPU is counted as ours."""
    with staged(folder, postgresql=True) as stage:
        measured = against_nginx(stage.nginx, stage.ours, stage.pairs(names(stage)), effort)
    return [_row("p2, bearer token, PostgreSQL", measured, 0.10)]


def not_modified(folder: Path, effort: Effort) -> list[Result]:
    """p2 that the client has: both answer 304."""
    with staged(folder) as stage:
        asks: list[Ask] = []
        for asked in stage.pairs(names(stage)):
            known = fetch(stage.nginx, asked.path, dict(asked.headers)).headers["Last-Modified"]
            asks.append(Ask(asked.path, {**asked.headers, "If-Modified-Since": known or ""}))
        for server in (stage.nginx, stage.ours):
            fetch(server, asks[0].path, dict(asks[0].headers), expect=304)
        measured = against_nginx(stage.nginx, stage.ours, asks, effort)
    return [_row("p2 not modified (304)", measured)]


def root(folder: Path, effort: Effort) -> list[Result]:
    """packages.json."""
    with staged(folder) as stage:
        asks = [Ask(f"{PREFIX}/packages.json", stage.headers(token)) for token in stage.tokens]
        measured = against_nginx(stage.nginx, stage.ours, asks, effort)
    return [_row("packages.json", measured)]


def dist(folder: Path, effort: Effort) -> list[Result]:
    """An archive of 1 MiB, sent by ourselves."""
    with staged(folder) as stage:
        big: dict[str, str | bytes] = {"data.bin": random.Random(1).randbytes(MIB)}
        archive = factories.package_zip("acme/big", files=big)
        made = factories.publish(stage.house, "acme/big", archive=archive)
        address = f"/-/dist/acme/big/{made.version.id}/{made.archive.reference}.zip"
        stage.mirror([address])
        asks = [Ask(PREFIX + address, stage.headers(token)) for token in stage.tokens]
        measured = against_nginx(stage.nginx, stage.ours, asks, effort, connections=DIST_CONNECTIONS)
    return [_row("dist of 1 MiB, no front server", measured, 0.20)]


def names(stage: Stage) -> list[str]:
    """The packages that every case asks for."""
    return Seed(stage.repository_id, PACKAGES, 0).names


def _row(case: str, measured: Contest, target: float | None = None) -> Result:
    ratio = measured.ratio("nginx", "ours")
    detail = f"nginx {measured.cpu('nginx'):.0f} µs, ours {measured.cpu('ours'):.0f} µs of CPU"
    if target is None:
        return Result(case, f"{ratio:.2f}", detail=detail)
    return at_least(case, ratio, target, detail)
