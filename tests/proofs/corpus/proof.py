"""Publishing projects one after the other, comparing what is served of each, and the report."""

import hashlib
import resource
import statistics
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from packistry.errors import Refusal, answer_for
from tests.proofs.corpus.expectation import Published, Served, differences, package_mark
from tests.proofs.corpus.judge import expansion_differences, loading_differences
from tests.proofs.corpus.projects import Project, crawl
from tests.proofs.corpus.registry import Registry

# Known to everybody, and their latest versions easily looked up.
_SHOWN = ("symfony/console", "laravel/framework", "phpunit/phpunit", "monolog/monolog", "twig/twig", "drupal/core")


@dataclass
class Report:
    """What came of the corpus."""

    refs: int = 0
    published: int = 0
    refused: Counter[str] = field(default_factory=Counter[str])
    examples: dict[str, str] = field(default_factory=dict[str, str])
    explained: Counter[str] = field(default_factory=Counter[str])
    warnings: int = 0
    differences: list[str] = field(default_factory=list[str])
    judged: int = 0
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    figures: list[str] = field(default_factory=list[str])

    @property
    def is_good(self) -> bool:
        return self.published > 0 and not self.differences

    def refuse(self, kind: str, refusal: Refusal) -> None:
        """Counts a refusal of ours under what it is about, and keeps the first sentence of each."""
        reason = f"{kind}: {answer_for(refusal).code}, {refusal.field}"
        self.refused[reason] += 1
        self.examples.setdefault(reason, refusal.sentence)

    def measure(self, registry: Registry) -> None:
        """The figures of the registry as it is now."""
        packages, versions = registry.counts()
        assert versions == self.published, f"{versions} versions are in the database, {self.published} were published"
        times = sorted(registry.publishing)
        spent = sum(times)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        self.figures = [
            f"{packages} packages, {versions} versions, {versions / spent:.0f} a second",
            f"publishing {spent:.0f} s ({_quantiles(times)}), comparing {self.seconds['comparing']:.0f} s, "
            f"Composer's opinion {self.seconds['composer']:.0f} s",
            f"peak memory {peak:.0f} MiB, registry and proof in one process",
            f"database {_mib(registry.database_bytes())}, archives {_mib(registry.storage_bytes())}",
        ]
        latest = {name: registry.latest_version(name) for name in _SHOWN}
        self.figures += [f"latest version of {name}: {version}" for name, version in latest.items() if version]

    def __str__(self) -> str:
        lines = [
            f"{self.refs} refs: {self.published} published, {self.refused.total()} refused",
            *self.figures,
            f"{self.warnings} versions have warnings; {self.explained.total()} keys changed as a warning says",
            f"{self.judged} versions loaded by Composer",
        ]
        lines += ["\nrefused:", *_counted(self.refused), *(f"        {one}" for one in self.examples.values())]
        lines += ["\nchanged as a warning says:", *_counted(self.explained)]
        lines += [f"\n{len(self.differences)} differences", *self.differences[:50]]
        return "\n".join(lines)


def prove(registry: Registry, projects: Iterable[Project], *, with_composer: bool) -> Report:
    """Publishes and compares; each project is forgotten before the next one is read."""
    report, owners = Report(seconds={"comparing": 0.0, "composer": 0.0}), dict[str, str]()
    for project in projects:
        report.refs += len(project.refs)
        for name, published in _publish(registry, project, owners, report).items():
            _compare(registry, name, published, report, with_composer=with_composer)
    return report


def _publish(
    registry: Registry, project: Project, owners: dict[str, str], report: Report
) -> Mapping[str, list[Published]]:
    """What was published of the project, by package."""
    found = crawl(project)
    report.refused += found.refused
    by_package: dict[str, list[Published]] = {}
    for offer in found.offers:
        name = str(offer.manifest.get("name", "")).lower()
        if owners.setdefault(name, project.name) != project.name:
            report.refused[f"{offer.ref.kind}: the name is another project's"] += 1
            continue
        try:
            published = registry.publish(name, offer)
        except Refusal as refusal:
            report.refuse(offer.ref.kind, refusal)
            continue
        by_package.setdefault(name, []).append(published)
        report.published += 1
        report.warnings += bool(published.warnings)
    return by_package


def _compare(
    registry: Registry, name: str, published: Sequence[Published], report: Report, *, with_composer: bool
) -> None:
    started = time.perf_counter()
    documents = registry.documents(name)
    served = Served(name, registry.versions(documents), package_mark(published))
    if len(served.versions) > len(published):
        report.differences.append(f"{name}: {len(published)} published, {len(served.versions)} served")
    lost = [
        f"{name} {one.offer.version}: not there" for one in published if one.offer.normalised not in served.versions
    ]
    report.differences += lost
    if lost:
        return
    for one in published:
        report.differences += differences(one, served, report.explained)
    report.differences += _archive_differences(registry, published[-1], served)
    compared = time.perf_counter()
    report.seconds["comparing"] += compared - started
    if with_composer:
        report.differences += expansion_differences(name, documents)
        report.differences += loading_differences(published, served)
        report.judged += len(published)
        report.seconds["composer"] += time.perf_counter() - compared


def _archive_differences(registry: Registry, one: Published, served: Served) -> list[str]:
    """Whether one archive of the package, fetched from where its dist says, is what was uploaded."""
    version = served.versions[one.offer.normalised]
    sha1 = hashlib.sha1(registry.archive_at(version["dist"]["url"])).hexdigest()  # noqa: S324
    return [] if sha1 == one.sha1 else [f"{served.name} {one.offer.version}: other bytes behind its dist"]


def _counted(counter: Counter[str]) -> list[str]:
    return [f"{count:>7} {what}" for what, count in counter.most_common()]


def _quantiles(times: Sequence[float]) -> str:
    cuts = statistics.quantiles(times, n=100) if len(times) > 1 else [*times] * 99
    middle, late, last = (round(seconds * 1000) for seconds in (cuts[49], cuts[98], times[-1]))
    return f"an upload {middle} ms, one in a hundred over {late} ms, at most {last} ms"


def _mib(size: int) -> str:
    return f"{size / 1024**2:.0f} MiB"
