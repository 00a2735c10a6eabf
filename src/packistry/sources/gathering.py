"""Adding the projects that rules are about: those a host has now, and in the background those it has later.

Mixes the host's answers with rows, because somebody waits or a schedule runs; no session is open while a host is asked.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import structlog

from packistry import clock
from packistry.access.actors import Actor, System
from packistry.db.engine import Database, WriteSession
from packistry.db.models import Repository, Rule, Source
from packistry.errors import Conflict, CredentialRefused, RateLimited, Refusal
from packistry.providers.base import Project as HostProject
from packistry.sources.actions import add_project, request_run
from packistry.sources.connecting import Connector
from packistry.sources.credentials import CredentialWatch
from packistry.sources.desk import Wish
from packistry.sources.looking import Look, Looker
from packistry.sources.patterns import takes_project
from packistry.sources.queries import find_source, source_at
from packistry.sources.rules import KnownProject, find_rule, known_projects, note_look, save_rule
from packistry.sources.states import Cause

log = structlog.get_logger(__name__)

GATHERER: Final = System(name="rules")


class Fate(StrEnum):
    """What became of a project that a rule came by."""

    ADDED = "added"
    THERE = "there"
    # A person deleted it, or moved it to another repository: a rule never knows better. By its name it is added again.
    DELETED = "deleted"
    ARCHIVED = "archived"
    # It carries the name of somebody else's package; in a claiming repository that would hide all of that vendor's.
    FORK = "fork"
    LEFT_OUT = "left_out"
    NO_PACKAGE = "no_package"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Sorted:
    """A project and its fate: `reason` is the host's no when it is UNKNOWN, `run` the first import when ADDED."""

    project: HostProject
    fate: Fate
    reason: str | None = None
    run: int | None = None


@dataclass(frozen=True, slots=True)
class Gathered:
    """What one look for a rule came to: its projects, by name; and what kept it from its end."""

    rule_id: int
    projects: Sequence[Sorted]
    problem: str | None


@dataclass(frozen=True, slots=True)
class RuleWish:
    """Which projects a rule is to add, and how each."""

    each: Wish
    owner: str = ""
    projects: Sequence[str] = ()
    with_archived: bool = False


@dataclass(frozen=True, slots=True)
class Gatherer:
    """Looks at hosts for rules. Thread-safe."""

    database: Database
    connector: Connector

    def add(self, actor: Actor, named: str, wish: RuleWish) -> Gathered:
        """A rule for the source, and its projects of now. Where the host refuses to list them, no rule is made."""
        owner = wish.owner.strip().strip("/")
        with self.database.read() as session:
            source = find_source(session, actor, named)
        with self.connector.connect(source) as (provider, connection):
            listed = list(provider.projects(connection, owner=owner))
        with self.database.write() as session:
            rule = save_rule(
                session,
                actor,
                source_at(session, actor, source.id),
                session.get_one(Repository, wish.each.repository_id),
                owner=owner,
                projects=wish.projects,
                tags=wish.each.tags,
                branches=wish.each.branches,
                hooked=wish.each.hooked,
                with_archived=wish.with_archived,
            )
        return self._gather(_Turn(actor, rule, source, threading.Event(), anew=False), listed)

    def run(self, actor: Actor, rule_id: int) -> Gathered:
        """Looks now, also at projects that the host calls unchanged. What it refuses is the problem of the answer."""
        with self.database.read() as session:
            rule = find_rule(session, actor, rule_id)
            source, repository = (
                session.get_one(Source, rule.source_id),
                session.get_one(Repository, rule.repository_id),
            )
        if repository.deleted_at is not None:
            raise Conflict(f"The repository of rule {rule_id} was deleted; `packistry rule delete {rule_id}`.")
        return self._gather(_Turn(actor, rule, source, threading.Event(), anew=True))

    def work(self, rule_id: int, stopping: threading.Event) -> None:
        """As `run`, in the background: projects that are as they were are not asked for."""
        with self.database.read() as session:
            rule = session.get_one(Rule, rule_id)
            source = session.get_one(Source, rule.source_id)
        if rule.deleted_at is None:
            self._gather(_Turn(GATHERER, rule, source, stopping, anew=False))

    def give_up(self, rule_id: int, reason: str) -> None:
        """After faults of ours, which the log has in full: the rule says so, and has its next turn in time."""
        with self.database.write() as session:
            note_look(
                session, rule_id, f"Something failed inside Packistry ({reason}); the server's log has the details."
            )

    def _gather(self, turn: "_Turn", listed: Sequence[HostProject] | None = None) -> Gathered:
        found: list[Sorted] = []
        try:
            with self.connector.connect(turn.source) as (provider, connection):
                projects = listed if listed is not None else list(provider.projects(connection, owner=turn.rule.owner))
                looker = Looker(self.database, turn.source, provider, connection)
                for batch in self._sorted(turn, projects, looker):
                    found += batch
        except Refusal as refusal:
            problem = refusal.sentence
            self._note_refusal(turn, refusal)
        else:
            problem = _unknown(found)
        self._note(turn, problem)
        return Gathered(turn.rule.id, sorted(found, key=lambda each: each.project.full_name.casefold()), problem)

    def _sorted(self, turn: "_Turn", projects: Sequence[HostProject], looker: Looker) -> Iterator[Sequence[Sorted]]:
        with self.database.read() as session:
            known = known_projects(session, turn.rule)
        fates = [(project, _fate(turn.rule, project, known)) for project in projects]
        yield [Sorted(project, fate) for project, fate in fates if fate is not None]
        open_ones = [project for project, fate in fates if fate is None]
        for looks in looker.look_at(open_ones, turn.stopping, anew=turn.anew):
            yield [Sorted(look.project, *_without_package(look)) for look in looks if not look.is_package]
            yield self._add(turn, [look.project for look in looks if look.is_package])

    def _add(self, turn: "_Turn", projects: Sequence[HostProject]) -> Sequence[Sorted]:
        """Adds a batch, but for those of which somebody else decided meanwhile; none when the rule is gone."""
        with self.database.write() as session:
            rule = session.get_one(Rule, turn.rule.id)
            if rule.deleted_at is not None:
                return []
            known = known_projects(session, rule, [project.id for project in projects])
            return [_added(session, turn.actor, rule, project, known) for project in projects]

    def _note_refusal(self, turn: "_Turn", refusal: Refusal) -> None:
        source = turn.source
        log.warning("rule.failed", rule=turn.rule.id, source=source.name, sentence=refusal.sentence)
        if isinstance(refusal, RateLimited):
            with self.database.write() as session:
                session.get_one(Source, source.id).waits_until = refusal.until
        if isinstance(refusal, CredentialRefused):
            # Whether it is refused for everything, so that the source stops, is for the watch to say.
            with suppress(Refusal):
                CredentialWatch(self.database, self.connector).look(source, suspected=refusal.sentence)

    def _note(self, turn: "_Turn", problem: str | None) -> None:
        if turn.stopping.is_set():
            # It was not looked at to the end: the next process begins anew.
            return
        with self.database.write() as session:
            note_look(session, turn.rule.id, problem)
            if problem is None:
                session.get_one(Source, turn.source.id).last_contact_at = clock.now()


@dataclass(frozen=True, slots=True)
class _Turn:
    """One look for a rule: the rows as they were when it began, and for whom it is."""

    actor: Actor
    rule: Rule
    source: Source
    stopping: threading.Event
    anew: bool


def _fate(rule: Rule, project: HostProject, known: Mapping[str, KnownProject]) -> Fate | None:
    """What can be said without asking the host for more."""
    if project.id in known:
        return Fate.THERE if known[project.id].lives else Fate.DELETED
    if not takes_project(rule.projects, project.full_name):
        return Fate.LEFT_OUT
    if project.is_fork:
        return Fate.FORK
    return Fate.ARCHIVED if project.archived and not rule.with_archived else None


def _without_package(look: Look) -> tuple[Fate, str | None]:
    return (Fate.UNKNOWN, look.reason) if look.is_package is None else (Fate.NO_PACKAGE, None)


def _added(
    session: WriteSession, actor: Actor, rule: Rule, project: HostProject, known: Mapping[str, KnownProject]
) -> Sorted:
    fate = _fate(rule, project, known)
    if fate is not None:
        return Sorted(project, fate)
    added = add_project(
        session,
        actor,
        session.get_one(Source, rule.source_id),
        session.get_one(Repository, rule.repository_id),
        project,
        tags=rule.tags,
        branches=rule.branches,
        hooked=rule.hooked,
        rule_id=rule.id,
    )
    return Sorted(project, Fate.ADDED, run=request_run(session, added, Cause.FIRST).id)


def _unknown(found: Sequence[Sorted]) -> str | None:
    """A sentence about the projects that the host did not let us see."""
    unknown = [each for each in found if each.fate is Fate.UNKNOWN]
    if not unknown:
        return None
    first = unknown[0]
    return f"{len(unknown)} projects could not be looked at; {first.project.full_name}: {first.reason}"
