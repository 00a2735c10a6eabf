"""`make corpus MANIFESTS=FOLDER`: publishes the versions of real projects and compares what clients get of them.

Run as `python -m tests.proofs.corpus FOLDER [--postgresql] [--projects N] [--without-composer]`. FOLDER holds one
*.jsonl.gz a project, one ref a line: `ref`, `kind` (branch or tag), `manifest` (its composer.json), or `reason` why
there is none; the default branch first. Ends with 1 when one key of one version is not what its author wrote.
"""

import argparse
import sys
import tempfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from packistry.settings import Settings
from tests.postgresql import running_cluster
from tests.proofs.corpus.projects import Project, projects_in
from tests.proofs.corpus.proof import Report, prove
from tests.proofs.corpus.registry import opened

# A cluster for tests saves what a real one must not.
DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "autovacuum": "on"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--postgresql", action="store_true", help="on a PostgreSQL of its own instead of SQLite")
    parser.add_argument("--projects", type=int, help="only the first so many")
    parser.add_argument("--without-composer", action="store_true", help="leave out what Composer itself would say")
    arguments = parser.parse_args()
    projects = islice(projects_in(arguments.folder), arguments.projects)
    with _settings(postgresql=arguments.postgresql) as settings:
        report = run(settings, projects, with_composer=not arguments.without_composer)
    print(report)
    return 0 if report.is_good else 1


def run(settings: Settings, projects: Iterable[Project], *, with_composer: bool) -> Report:
    """All of the proof, and the figures that can only be had while the registry is open."""
    with opened(settings) as registry:
        report = prove(registry, _progress(projects), with_composer=with_composer)
        report.measure(registry)
    return report


def _progress(projects: Iterable[Project]) -> Iterator[Project]:
    for number, project in enumerate(projects, 1):
        print(f"\r{number} {project.name:.60}\x1b[K", end="", file=sys.stderr, flush=True)
        yield project
    print("\r\x1b[K", end="", file=sys.stderr)


@contextmanager
def _settings(*, postgresql: bool) -> Generator[Settings]:
    with tempfile.TemporaryDirectory(prefix="packistry-corpus-") as folder:
        if not postgresql:
            yield Settings(data_dir=Path(folder))
            return
        with running_cluster(**DURABLE) as cluster:
            yield Settings(data_dir=Path(folder), database_url=cluster.url(cluster.create()))


if __name__ == "__main__":
    sys.exit(main())
