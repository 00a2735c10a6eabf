"""Case: deliveries, each after a push: a few a second, and 1,000 in ten seconds. All are answered, and the
last commit of a branch wins.
"""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from statistics import quantiles
from typing import Final

from sqlalchemy import select

from packistry import clock
from packistry.db.models import Archive, Hook, ImportRef, ImportRun, Project, Version
from packistry.sources.hooks import HookSecrets, hook_path, seal_secrets
from packistry.sources.states import Cause, HookStatus
from tests.fakes.github import signed_delivery
from tests.fakes.host import Delivery
from tests.proofs.bench.compare import Effort
from tests.proofs.bench.host import Hosted
from tests.proofs.bench.importing import PATH, Importing, connected
from tests.proofs.bench.ours import Ours, running_ours
from tests.proofs.bench.results import Result, at_most

PROJECTS: Final = 100
BRANCHES: Final = ("main", "feature/1")
DELIVERIES: Final = 1_000
PER_SECOND: Final = 100
# As a busy company pushes: there is time for each import, and the answer is what somebody waits for.
CALM_DELIVERIES: Final = 100
CALM_PER_SECOND: Final = 5
HOSTED: Final = Hosted(projects=PROJECTS, branches=len(BRANCHES))
SECRET: Final = "a-secret-of-the-bench"
SETTLE_SECONDS: Final = 600.0


@dataclass(frozen=True)
class Answered:
    """Milliseconds until a delivery was answered, and the status."""

    milliseconds: float
    status: int


def hooks(folder: Path, _: Effort) -> list[Result]:
    """Pushes to two branches of each of 100 projects in turn, and their deliveries to the project's own address."""
    results: list[Result] = []
    for postgresql in (False, True):
        database = "PostgreSQL" if postgresql else "SQLite"
        with connected(folder / database, HOSTED, postgresql=postgresql) as importing:
            settings, helpers = importing.house.settings, importing.helpers
            with running_ours(settings, helpers, pinned=False) as ours:
                importing.add(*range(1, PROJECTS + 1))
                importing.wait(SETTLE_SECONDS)
                results += _pushed(importing, ours, database)
    return results


def _pushed(importing: Importing, ours: Ours, database: str) -> list[Result]:
    addresses = _take_over(importing)
    calm, _ = _deliver(importing, ours, addresses, CALM_DELIVERIES, CALM_PER_SECOND)
    importing.wait(SETTLE_SECONDS)
    answers, commits = _deliver(importing, ours, addresses, DELIVERIES, PER_SECOND)
    began = time.monotonic()
    importing.wait(SETTLE_SECONDS)
    seconds = time.monotonic() - began
    accepted = sum(answer.status == 202 for answer in answers)
    runs, refs = _worked_off(importing)
    calm_case = f"{CALM_DELIVERIES} deliveries, {CALM_PER_SECOND} a second, {database}"
    case = f"{DELIVERIES:,} deliveries in 10 s for {PROJECTS} projects, {database}"
    answered = f"{_spread(answers)}; {accepted:,} answered 202"
    worked = f"{runs} runs, {refs} refs imported; the last one {seconds:.0f} s after the last delivery"
    return [
        at_most(f"{calm_case}: p99 of the answer", _percentile(calm, 99), 100, _spread(calm), unit=" ms"),
        at_most(f"{case}: not accepted", DELIVERIES - accepted, 0, answered, unit=" deliveries"),
        at_most(f"{case}: branches without their last commit", _wrong(importing, commits), 0, worked, unit=" branches"),
    ]


def _spread(answers: Sequence[Answered]) -> str:
    p50, p99 = _percentile(answers, 50), _percentile(answers, 99)
    return f"p50 {p50:.1f} ms, p99 {p99:.0f} ms, at most {max(answer.milliseconds for answer in answers):.0f} ms"


def _percentile(answers: Sequence[Answered], percent: int) -> float:
    return quantiles([answer.milliseconds for answer in answers], n=100, method="inclusive")[percent - 1]


def _take_over(importing: Importing) -> Mapping[int, str]:
    """Gives every hook our secret, as if it was put in by hand; the addresses of the projects, by their number."""
    with importing.house.database.write() as session:
        hooks = session.scalars(select(Hook)).all()
        for hook in hooks:
            hook.secret = seal_secrets(importing.desk.connector.sealer, HookSecrets(SECRET))
            hook.state, hook.due_at = HookStatus.MANUAL, clock.now() + timedelta(days=1)
        return {int(hook.remote_id): f"/r/{PATH}/{hook_path(session, hook)}" for hook in hooks}


def _deliver(
    importing: Importing, ours: Ours, addresses: Mapping[int, str], deliveries: int, per_second: int
) -> tuple[Sequence[Answered], Mapping[tuple[int, str], str]]:
    """What each delivery was answered, and the last commit of each branch."""
    commits: dict[tuple[int, str], str] = {}
    posted: list[Future[Answered]] = []
    with ThreadPoolExecutor(16) as pool:
        beginning = time.monotonic()
        for number in range(deliveries):
            project, branch = number % PROJECTS + 1, BRANCHES[number // PROJECTS % len(BRANCHES)]
            commits[project, branch] = importing.host.push(project, branch)
            delivery = _delivery(project, branch, commits[project, branch])
            posted.append(pool.submit(_post, ours.port, addresses[project], delivery))
            time.sleep(max(0.0, beginning + (number + 1) / per_second - time.monotonic()))
    return [each.result() for each in posted], commits


def _delivery(project: int, branch: str, commit: str) -> Delivery:
    repository = {"id": project, "full_name": f"acme/package-{project:06}", "default_branch": "main"}
    payload = {"ref": f"refs/heads/{branch}", "after": commit, "deleted": False, "head_commit": {"id": commit}}
    return signed_delivery("push", {**payload, "repository": repository}, SECRET)


def _post(port: int, address: str, delivery: Delivery) -> Answered:
    """Over a connection of its own, as hosts post."""
    began = time.perf_counter()
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", address, delivery.body, dict(delivery.headers))
        answer = connection.getresponse()
        answer.read()
    finally:
        connection.close()
    return Answered((time.perf_counter() - began) * 1000, answer.status)


def _worked_off(importing: Importing) -> tuple[int, int]:
    """How many runs came of it, and how many refs these imported."""
    with importing.house.database.read() as session:
        runs = session.scalars(select(ImportRun.id).where(ImportRun.cause == Cause.PUSH)).all()
        states = session.scalars(select(ImportRef.state).where(ImportRef.run_id.in_(runs))).all()
    return len(runs), states.count("imported")


def _wrong(importing: Importing, commits: Mapping[tuple[int, str], str]) -> int:
    """How many branches are served from another commit than the one they had last."""
    with importing.house.database.read() as session:
        rows = session.execute(
            select(Project.remote_id, Version.version, Archive.reference)
            .join(Version, Version.project_id == Project.id)
            .join(Archive, Archive.id == Version.archive_id)
        )
        served = {(int(remote_id), version): reference for remote_id, version, reference in rows}
    return sum(served.get((project, f"dev-{branch}")) != commit for (project, branch), commit in commits.items())
