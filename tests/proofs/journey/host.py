"""The code host of a first run: a fake GitHub that takes its time, and knows how long it took."""

import time
from typing import Final

from tests.fakes.github import FakeGitHub
from tests.fakes.host import FakeProject, FakeToken
from tests.fakes.loopback import Reply, Request

TOKEN: Final = "token-of-the-journey"
CHOSEN: Final = ("acme/widgets", "acme/gears")
TAGS: Final = 5


class TimedGitHub(FakeGitHub):
    """Notes when it was at work, archives included."""

    def __init__(self) -> None:
        super().__init__()
        self._at_work: list[tuple[float, float]] = []

    def seconds_between(self, begin: float, end: float) -> float:
        """How much of that time it was at work; what it did at once counts once."""
        total, reached = 0.0, begin
        for started, stopped in sorted(self._at_work):
            first, last = max(started, reached), min(stopped, end)
            total += max(0.0, last - first)
            reached = max(reached, last)
        return total

    def _answer(self, request: Request) -> Reply:
        started = time.perf_counter()
        try:
            return super()._answer(request)
        finally:
            self._at_work.append((started, time.perf_counter()))

    def _archive(self, request: Request) -> Reply:
        started = time.perf_counter()
        try:
            time.sleep(self.latency_seconds)
            return super()._archive(request)
        finally:
            self._at_work.append((started, time.perf_counter()))


def filled_host(latency_seconds: float) -> TimedGitHub:
    """A host with two packages to choose and some more; it is not running yet."""
    host = TimedGitHub()
    host.latency_seconds = latency_seconds
    host.tokens[TOKEN] = FakeToken(scopes=("repo", "admin:repo_hook"))
    names = [*CHOSEN, *(f"acme/part-{number}" for number in range(1, 9))]
    for number, name in enumerate(names, start=1):
        _fill(host.add(FakeProject(number, name)))
    host.add(FakeProject(99, "acme/handbook")).push_branch("main", {"README.md": b"No package."})
    return host


def _fill(project: FakeProject) -> None:
    manifest = b'{"name": "%s", "description": "A part", "license": "MIT"}' % project.full_name.encode()
    for number in range(TAGS):
        files = {"composer.json": manifest, "README.md": b"# Release %d" % number}
        project.push_tag(f"1.{number}.0", project.push_branch("main", files))
