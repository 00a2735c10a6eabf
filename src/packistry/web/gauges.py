"""What is told to monitoring, read from the rows when it is asked for: so it is right whichever worker answers.

Nothing is counted in this process; a name of a person, a package or an address is told of nobody.
"""

import shutil
from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from packistry import clock
from packistry.db.engine import Database, ReadSession
from packistry.db.schema import current_revision
from packistry.errors import Refusal
from packistry.jobs.presence import count_working
from packistry.packages.queries import count_published
from packistry.sources.health import count_project_troubles, hook_counts, import_health, source_health
from packistry.sources.states import HookStatus, RefState, RunState
from packistry.web.exposition import Family, Sample, by_state, one
from packistry.web.processes import server_processes


def families(database: Database, data_dir: Path) -> Iterator[Family]:
    """All there is to tell; without what is in the database when that does not answer."""
    yield from _of_this_machine(data_dir)
    try:
        told = list(_of_the_database(database, data_dir))
    except Refusal:
        yield one("database_up", "Whether the database answers.", 0)
        return
    yield one("database_up", "Whether the database answers.", 1)
    yield from told


def _of_this_machine(data_dir: Path) -> Iterator[Family]:
    yield one("build_info", "The version that runs; the value is always 1.", 1, version=version("packistry"))
    memory = [Sample(each.memory_bytes, {"process": each.role, "pid": str(each.pid)}) for each in server_processes()]
    yield Family("process_resident_memory_bytes", "Memory of each process of this server.", memory)
    yield one("data_free_bytes", "Room left on the disk of the data folder.", shutil.disk_usage(data_dir).free)


def _of_the_database(database: Database, data_dir: Path) -> Iterator[Family]:
    yield one("schema_info", "Revision of the database; the value is 1.", 1, revision=current_revision(database) or "")
    yield one(
        "jobs_processes", "Jobs processes that live; with 0 nothing is imported.", count_working(database, data_dir)
    )
    with database.read() as session:
        yield from _of_packages(session)
        yield from _of_sources(session)
        yield from _of_imports(session)
        yield by_state("hooks", "Hooks at code hosts.", hook_counts(session), HookStatus)


def _of_packages(session: ReadSession) -> Iterator[Family]:
    counts = count_published(session)
    yield one("repositories", "Repositories.", counts.repositories)
    yield one("packages", "Packages, of all repositories.", counts.packages)
    yield one("versions", "Versions in the metadata.", counts.versions)


def _of_sources(session: ReadSession) -> Iterator[Family]:
    sources = source_health(session)
    refused = sum(source.credential_refused is not None for source in sources)
    counts = {"good": len(sources) - refused, "refused": refused}
    yield by_state("sources", "Sources by what their host says of the credential.", counts, ())
    yield Family(
        "source_credential_expires_seconds",
        "Time until the credential of a source ends, below 0 once it has; only where the host tells.",
        [
            Sample((source.credential_expires_at - clock.now()).total_seconds(), {"source": source.name})
            for source in sources
            if source.credential_expires_at is not None
        ],
    )
    yield Family(
        "source_credential_refused",
        "1 for a source whose credential the host does not take.",
        [Sample(source.credential_refused is not None, {"source": source.name}) for source in sources],
    )
    yield Family(
        "source_last_contact_seconds",
        "Time since the host of a source last gave a good answer.",
        [
            Sample(_seconds_since(source.last_contact_at), {"source": source.name})
            for source in sources
            if source.last_contact_at is not None
        ],
    )
    yield Family(
        "source_refused_deliveries_total",
        "Calls of hooks that were not signed as they should be.",
        [Sample(source.refused_deliveries, {"source": source.name}) for source in sources],
        kind="counter",
    )
    troubles = count_project_troubles(session)
    yield one("projects_with_problem", "Projects that need somebody; `packistry project list` tells why.", troubles)


def _of_imports(session: ReadSession) -> Iterator[Family]:
    health = import_health(session)
    yield by_state("import_runs", "Imports that wait or run, and those that ended within a day.", health.runs, RunState)
    yield by_state("import_refs", "Branches and tags looked at within a day.", health.refs, RefState)
    due = 0.0 if health.due_since is None else _seconds_since(health.due_since)
    yield one("import_due_seconds", "How long the import waits that waits longest with nothing in its way.", due)


def _seconds_since(moment: datetime) -> float:
    return (clock.now() - moment).total_seconds()
