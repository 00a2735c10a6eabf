"""Rules: all projects of an organisation, group or workspace are added, those of tomorrow too. Rows only; `gathering`
asks the hosts.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import func, or_, select

from packistry import clock
from packistry.access.actors import Actor
from packistry.access.permissions import Permission
from packistry.access.rules import require
from packistry.audit.events import Event
from packistry.audit.log import Subject, record
from packistry.db.engine import ReadSession, WriteSession
from packistry.db.models import Project, Repository, Rule, Source
from packistry.db.statements import hold
from packistry.errors import NotFound
from packistry.sources.patterns import valid_patterns

# A project that was created is here within half an hour; a look costs the pages of the list, of GitHub not even those.
LOOK_EVERY: Final = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class RuleSummary:
    """A rule with the names of what it is about, and how many live projects it added."""

    rule: Rule
    source: str
    repository: str
    projects: int


@dataclass(frozen=True, slots=True)
class KnownProject:
    """A project that a rule need not add: it lives in the repository, or a person deleted it there."""

    id: int
    lives: bool


def save_rule(
    session: WriteSession,
    actor: Actor,
    source: Source,
    repository: Repository,
    *,
    owner: str,
    projects: Sequence[str],
    tags: Sequence[str],
    branches: Sequence[str],
    hooked: bool,
    with_archived: bool,
) -> Rule:
    """The rule of this source, owner and repository: a new one, or the one there was with what is given now.

    What was added before stays as it is. Its first look is the caller's, who shows a person what came of it.
    """
    require(actor, Permission.SOURCE_MANAGE)
    hold(session, f"rules of source {source.id}")
    rule = _rule_of(session, source, repository, owner)
    event = Event.RULE_CREATED if rule is None else Event.RULE_UPDATED
    if rule is None:
        rule = Rule(source_id=source.id, repository_id=repository.id, owner=owner, created_at=clock.now())
        session.add(rule)
    rule.projects = valid_patterns(projects, field="include")
    rule.tags = valid_patterns(tags, field="tag")
    rule.branches = valid_patterns(branches, field="branch")
    rule.hooked, rule.with_archived, rule.looked_at = hooked, with_archived, clock.now()
    session.flush()
    record(session, actor, event, rule_subject(rule, source), repository=repository.path, projects=rule.projects)
    return rule


def delete_rule(session: WriteSession, actor: Actor, rule: Rule) -> None:
    """No project is added by it any more; those it added stay."""
    require(actor, Permission.SOURCE_MANAGE)
    rule.deleted_at = clock.now()
    record(session, actor, Event.RULE_DELETED, rule_subject(rule, session.get_one(Source, rule.source_id)))


def note_look(session: WriteSession, rule_id: int, problem: str | None) -> None:
    """The host was looked at for the rule; `problem` is why nothing, or not all, came of it."""
    rule = session.get_one(Rule, rule_id, populate_existing=True)
    rule.looked_at, rule.problem = clock.now(), problem


def find_rule(session: ReadSession, actor: Actor, rule_id: int) -> Rule:
    """Refuses with NotFound."""
    require(actor, Permission.SOURCE_MANAGE)
    rule = session.scalars(select(Rule).where(Rule.id == rule_id, Rule.deleted_at.is_(None))).first()
    if rule is None:
        raise NotFound(f"There is no rule {rule_id}; `packistry rule list` shows those there are.")
    return rule


def list_rules(
    session: ReadSession, actor: Actor, *, source: Source | None = None, rule: Rule | None = None
) -> Sequence[RuleSummary]:
    """The rules by source and owner: all, those of a source, or the one."""
    require(actor, Permission.SOURCE_MANAGE)
    count = select(func.count()).where(Project.rule_id == Rule.id, Project.deleted_at.is_(None)).correlate(Rule)
    wanted = (
        select(Rule, Source.name, Repository.path, count.scalar_subquery())
        .join(Source, Source.id == Rule.source_id)
        .join(Repository, Repository.id == Rule.repository_id)
        .where(Rule.deleted_at.is_(None))
        .order_by(Source.name, Rule.owner, Rule.id)
    )
    if source is not None:
        wanted = wanted.where(Rule.source_id == source.id)
    if rule is not None:
        wanted = wanted.where(Rule.id == rule.id)
    return [RuleSummary(found, of, path, projects) for found, of, path, projects in session.execute(wanted)]


def due_rules(session: ReadSession) -> Sequence[int]:
    """The rules whose hosts are to be looked at now, the longest waiting first."""
    moment = clock.now()
    return session.scalars(
        select(Rule.id)
        .join(Source, Source.id == Rule.source_id)
        .join(Repository, Repository.id == Rule.repository_id)
        .where(Rule.deleted_at.is_(None), Source.deleted_at.is_(None), Repository.deleted_at.is_(None))
        .where(Source.credential_refused.is_(None))
        .where(or_(Source.waits_until.is_(None), Source.waits_until <= moment))
        .where(or_(Rule.looked_at.is_(None), Rule.looked_at <= moment - LOOK_EVERY))
        .order_by(Rule.looked_at, Rule.id)
    ).all()


def known_projects(
    session: ReadSession, rule: Rule, remote_ids: Collection[str] | None = None
) -> Mapping[str, KnownProject]:
    """The projects that the rule's repository has of its source, or had and a person deleted, by their ids at the host:
    all, or of these ids.

    Directories count: whoever added some of a project has decided about it.
    """
    wanted = select(Project.remote_id, Project.id, Project.deleted_at.is_(None)).where(
        Project.source_id == rule.source_id, Project.repository_id == rule.repository_id
    )
    if remote_ids is not None:
        wanted = wanted.where(Project.remote_id.in_(remote_ids))
    # Those that live come last, and so have the last word.
    rows = session.execute(wanted.order_by(Project.deleted_at.is_(None), Project.id))
    return {remote_id: KnownProject(id_, bool(lives)) for remote_id, id_, lives in rows}


def rule_subject(rule: Rule, source: Source) -> Subject:
    return Subject("rule", rule.id, f"{source.name}: {rule.owner or 'all projects'}")


def _rule_of(session: ReadSession, source: Source, repository: Repository, owner: str) -> Rule | None:
    """Hosts take a name in any case."""
    live = select(Rule).where(
        Rule.source_id == source.id, Rule.repository_id == repository.id, Rule.deleted_at.is_(None)
    )
    return next((rule for rule in session.scalars(live) if rule.owner.casefold() == owner.casefold()), None)
