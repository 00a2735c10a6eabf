"""The background work of the house: every kind of job and every schedule, in one list.

Light to import: `serve` asks it whether there is anything to do at all. What a job needs is imported when it is done.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import structlog

from packistry import clock
from packistry.db.engine import Database
from packistry.house import House
from packistry.jobs.kinds import Job, Kind, Schedule, kind_of

log = structlog.get_logger(__name__)


def _due_imports(database: Database) -> Sequence[Job]:
    from packistry.sources.due import due_runs

    with database.read() as session:
        return [Job(f"import:{run_id}", (run_id,)) for run_id in due_runs(session)]


def _import(house: House, job: Job) -> None:
    [run_id] = job.ids
    house.importer.work(run_id, job.stopping)


def _give_up_import(house: House, job: Job, reason: str) -> None:
    [run_id] = job.ids
    house.importer.give_up(run_id, reason)


def _due_rules(database: Database) -> Sequence[Job]:
    from packistry.sources.rules import due_rules

    with database.read() as session:
        return [Job(f"rule:{rule_id}", (rule_id,)) for rule_id in due_rules(session)]


def _gather(house: House, job: Job) -> None:
    [rule_id] = job.ids
    house.gatherer.work(rule_id, job.stopping)


def _give_up_rule(house: House, job: Job, reason: str) -> None:
    [rule_id] = job.ids
    house.gatherer.give_up(rule_id, reason)


def _sync(house: House) -> None:
    from packistry.sources.actions import request_syncs

    with house.database.write() as session:
        request_syncs(session)


def _look_at_credentials(house: House) -> None:
    house.credentials.look_at_all()


def _look_at_refused_credentials(house: House) -> None:
    house.credentials.look_at_all(only_refused=True)


def _due_hooks(database: Database) -> Sequence[Job]:
    from packistry.sources.upkeep import due_hooks

    with database.read() as session:
        return [Job(f"hook:{hook_id}", (hook_id,)) for hook_id in due_hooks(session)]


def _keep_hook(house: House, job: Job) -> None:
    [hook_id] = job.ids
    house.hook_keeper.work(hook_id)


def _due_mails(database: Database) -> Sequence[Job]:
    from packistry.accounts.mailing import due_mails

    with database.read() as session:
        return [Job(f"mail:{link_id}", (link_id,)) for link_id in due_mails(session)]


def _mail(house: House, job: Job) -> None:
    [link_id] = job.ids
    house.mailing.work(link_id)


def _forget_deliveries(house: House) -> None:
    from packistry.sources.deliveries import forget_all_deliveries

    forget_all_deliveries(house.database)


def _forget_answers(house: House) -> None:
    from packistry.accounts.repeats import forget_answers

    forget_answers(house.database)


def _sweep_sources(house: House) -> None:
    house.sweeper.sweep()


def _forget(house: House) -> None:
    from packistry.audit.log import forget_addresses
    from packistry.sources.retention import forget_runs
    from packistry.tokens.usage import forget_used_addresses

    runs_before = clock.now() - timedelta(days=house.settings.import_retention_days)
    addresses_before = clock.now() - timedelta(days=house.settings.address_retention_days)
    runs = forget_runs(house.database, runs_before)
    addresses = forget_addresses(house.database, addresses_before)
    addresses += forget_used_addresses(house.database, addresses_before)
    log.info("retention.done", runs=runs, addresses=addresses)


def _sweep_files(house: House) -> None:
    from packistry.packages.sweeping import sweep_files, unnamed_files

    before = house.files_before
    files = unnamed_files(house.database, house.storage, before)
    swept = sweep_files(house.database, house.storage, files, before)
    log.info("storage.swept", files=len(swept), size_bytes=sum(file.size_bytes for file in swept))


def _seal_anew(house: House) -> None:
    if not house.settings.secret_key_previous:
        return
    from packistry.sources.connecting import Connector
    from packistry.sources.sealed import seal_anew

    sealed = seal_anew(house.database, Connector(house.settings).sealer)
    if sealed:
        log.info("secrets.sealed_anew", secrets=sealed)


KINDS: Final[tuple[Kind[House], ...]] = (
    Kind(name="import", find_due=_due_imports, work=_import, give_up=_give_up_import, priority=10, concurrency=4),
    # Of two hosts at once, so that one that hangs keeps no other from being looked at.
    Kind(name="rule", find_due=_due_rules, work=_gather, give_up=_give_up_rule, priority=40, concurrency=2),
    Kind(name="mail", find_due=_due_mails, work=_mail, priority=5, concurrency=2),
    Kind(name="hook", find_due=_due_hooks, work=_keep_hook, priority=30, concurrency=2),
)
SCHEDULES: Final[tuple[Schedule[House], ...]] = (
    # Hooks get lost: no push is missed for longer than this.
    Schedule("sync", timedelta(minutes=15), _sync),
    Schedule("sources-sweep", timedelta(days=1), _sweep_sources),
    Schedule("retention", timedelta(days=1), _forget),
    Schedule("files-sweep", timedelta(days=1), _sweep_files),
    # Soon after the secret key was changed, so that the former one can be taken away the same day.
    Schedule("seal-anew", timedelta(hours=1), _seal_anew),
    Schedule("deliveries", timedelta(hours=1), _forget_deliveries),
    Schedule("kept-answers", timedelta(hours=1), _forget_answers),
    # A credential may be made shorter or withdrawn at any time; a day would be too late to tell of its last.
    Schedule("credentials", timedelta(hours=6), _look_at_credentials),
    # A host that was wrong for a while, or a credential that was made good there, costs half an hour.
    Schedule("refused-credentials", timedelta(minutes=30), _look_at_refused_credentials),
)


def all_kinds() -> tuple[Kind[House], ...]:
    """The kinds, with those that the schedules are."""
    return (*KINDS, *(kind_of(schedule) for schedule in SCHEDULES))
