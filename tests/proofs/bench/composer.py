"""Case: `composer update` of a project with 100 packages, from us and from the same files served by nginx."""

import random
import shutil
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Final

import orjson

from tests import factories
from tests.composer.client import ComposerProject, composer
from tests.proofs.bench import machine
from tests.proofs.bench.compare import Effort
from tests.proofs.bench.load import Served
from tests.proofs.bench.results import Result, at_most
from tests.proofs.bench.seeding import manifest
from tests.proofs.bench.stage import PATH, PREFIX, Stage, fetch, staged

CLIENT: Final = "composer-latest"
PACKAGES: Final = 100
VERSIONS: Final = ("1.0.0", "1.1.0", "2.0.0")
# A wall clock is less steady than CPU: of five rounds the median still went from 0.9 to 1.2.
LEAST_ROUNDS: Final = 9


def composer_update(folder: Path, effort: Effort) -> list[Result]:
    """The same client with an empty cache and with a full one; what it installed is gone each time."""
    with staged(folder, packages=1) as stage:
        names = _publish_project(stage)
        _mirror(stage, names)
        servers = {"nginx": stage.nginx, "ours": stage.ours}
        projects = {name: _project(folder / name, stage, server, names) for name, server in servers.items()}
        for project in projects.values():
            _update(project, cold=True)
        times: dict[tuple[str, bool], list[float]] = {(name, cold): [] for name in servers for cold in (True, False)}
        for _ in range(max(effort.rounds, LEAST_ROUNDS)):
            for (name, cold), seconds in times.items():
                seconds.append(_update(projects[name], cold=cold))
    return [_row(cold, times["nginx", cold], times["ours", cold]) for cold in (True, False)]


def _row(cold: bool, nginx: Sequence[float], ours: Sequence[float]) -> Result:
    ratio = median(one / other for one, other in zip(ours, nginx, strict=True))
    detail = f"nginx {median(nginx):.2f} s, ours {median(ours):.2f} s"
    case = f"composer update of {PACKAGES} packages, {'empty' if cold else 'full'} cache, time as a multiple of nginx's"
    return at_most(case, ratio, 1.2, detail)


def _publish_project(stage: Stage) -> list[str]:
    names = [f"acme/part-{number:03}" for number in range(PACKAGES)]
    chance = random.Random(1)
    for name in names:
        for version in VERSIONS:
            # 20 KB, as small libraries have.
            files: dict[str, str | bytes] = {"src/data": chance.randbytes(20_000), "src/version": version}
            archive = factories.package_zip(files=files, **manifest(name, {"php": ">=7.2"}))
            factories.publish(stage.house, name, version, repository=PATH, archive=archive)
    return names


def _mirror(stage: Stage, names: Sequence[str]) -> None:
    """Everything the client asks for, archives included."""
    documents = [f"/p2/{name}{suffix}.json" for name in names for suffix in ("", "~dev")]
    stage.mirror(["/packages.json", *documents])
    for name in names:
        body = fetch(stage.ours, f"{PREFIX}/p2/{name}.json", {**stage.headers(), "Accept-Encoding": ""}).body
        newest = orjson.loads(body)["packages"][name][0]
        stage.mirror([newest["dist"]["url"].partition(PREFIX)[2]])


def _project(folder: Path, stage: Stage, server: Served, names: Sequence[str]) -> ComposerProject:
    project = ComposerProject(composer(CLIENT), folder, [f"http://127.0.0.1:{server.port}{PREFIX}"])
    project.bearer(stage.tokens[0])
    project.write(require=dict.fromkeys(names, "*"))
    return project


def _update(project: ComposerProject, *, cold: bool) -> float:
    """Seconds of an update that resolves, downloads and installs everything."""
    for path in ("vendor", "composer.lock"):
        _remove(project.folder / path)
    if cold:
        with ExitStack() as stack:
            for cache in (project.home / "cache", project.home / ".cache"):
                stack.callback(_remove, cache)
    with machine.pinned(machine.ASKING_CORE):
        began = time.monotonic()
        project.run("update")
        return time.monotonic() - began


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
