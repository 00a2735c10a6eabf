"""Deliveries: what a host said, what it makes of our rows, and what is kept of it for 30 days.

Only authentic ones come here. What one says is understood before a transaction begins (`hear`), and acted on in one.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from sqlalchemy import ColumnElement, bindparam, delete, or_, select

from packistry import clock
from packistry.access.actors import Actor, System
from packistry.access.permissions import Permission
from packistry.access.rules import require
from packistry.audit.events import Event
from packistry.audit.log import record
from packistry.db.engine import Database, ReadSession, WriteSession
from packistry.db.models import Delivery, Hook, ImportRun, Project, Source
from packistry.errors import Conflict, MalformedEvent, NotFound
from packistry.providers.base import EventKind, HookEvent, Provider
from packistry.sources.actions import project_subject, request_run
from packistry.sources.connecting import find_provider
from packistry.sources.hooks import projects_of
from packistry.sources.pushes import Told, request_push
from packistry.sources.states import GONE_AT_HOST, PRIORITIES, Cause
from packistry.sources.wanted import is_wanted

KEPT: Final = timedelta(days=30)
# One transaction's share of what is deleted: a body may have megabytes, and writers wait.
FORGOTTEN_AT_ONCE: Final = 200
# Words in the names of headers that authenticate: authorization, x-gitlab-token, x-hub-signature-256, cookie.
_SECRET_WORDS: Final = ("authorization", "cookie", "secret", "signature", "token")
_MOST_HEADERS: Final = 100
_HEADER_CHARACTERS: Final = 1024
# Hosts send a UUID.
_ID_CHARACTERS: Final = 255
# What git allows in no name, so that no host has such a ref. Source: git-check-ref-format(1).
_NOT_IN_NAMES: Final = frozenset(" ~^:?*[\\")
_UNREADABLE: Final = "unreadable"
# Made once: making them costs more than asking.
_HELD_HOOK: Final = select(Hook).where(Hook.id == bindparam("hook")).with_for_update()
_SAME: Final = (
    select(Delivery)
    .where(Delivery.hook_id == bindparam("hook"), Delivery.remote_delivery_id == bindparam("remote"))
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Heard:
    """A delivery, understood as far as it can be."""

    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    remote_id: str | None
    events: Sequence[HookEvent]
    # Why nothing could be understood.
    complaint: str | None = None

    @property
    def words(self) -> str:
        """The kinds of its events: "ref_changed,ref_deleted"."""
        return ",".join(sorted({event.kind.value for event in self.events})) or _UNREADABLE

    def is_about(self, project_id: str) -> bool:
        return any(event.project_id == project_id for event in self.events)


@dataclass(frozen=True, slots=True)
class DeliverySummary:
    """A delivery with the names of what it is about."""

    delivery: Delivery
    source: Source
    project: str


@dataclass(slots=True)
class _Outcome:
    """What is done about a delivery: runs by their ids, and sentences about what was not done."""

    runs: dict[int, ImportRun] = field(default_factory=dict[int, ImportRun])
    sentences: dict[str, None] = field(default_factory=dict[str, None])

    def say(self, sentence: str) -> None:
        self.sentences[sentence] = None

    def add(self, run: ImportRun) -> None:
        self.runs[run.id] = run

    def status(self, heard: Heard) -> HTTPStatus:
        if heard.complaint is not None:
            return HTTPStatus.UNPROCESSABLE_ENTITY
        if self.runs:
            return HTTPStatus.ACCEPTED
        is_ping = bool(heard.events) and all(event.kind is EventKind.PING for event in heard.events)
        return HTTPStatus.NO_CONTENT if is_ping else HTTPStatus.OK


def hear(provider: Provider, headers: Mapping[str, str], body: bytes) -> Heard:
    """What an authentic delivery says; header names are lower-case."""
    remote_id = (provider.delivery_id(headers) or "").replace("\0", "")[:_ID_CHARACTERS] or None
    try:
        return Heard(headers, body, remote_id, provider.parse_event(headers, body))
    except MalformedEvent as refusal:
        return Heard(headers, body, remote_id, (), refusal.sentence)


def take_in(session: WriteSession, hook_id: int, heard: Heard, packed: bytes, replayed: int | None = None) -> Delivery:
    """Does what the delivery asks for, and keeps it with our answer. One that came before is answered as it was then.

    `packed` is what `pack` made of the body, before the transaction.
    """
    # Locked: of a delivery that comes twice at once the second one finds the first.
    hook = session.scalars(_HELD_HOOK, {"hook": hook_id}).one()
    before = _before(session, hook, heard) if replayed is None else None
    if before is not None:
        return before
    outcome = _act(session, hook, heard)
    moment = clock.now()
    hook.last_delivery_at = moment
    delivery = Delivery(
        hook_id=hook.id,
        remote_delivery_id=heard.remote_id if replayed is None else None,
        event=heard.words,
        headers=_without_secrets(heard.headers),
        body=packed,
        status=outcome.status(heard),
        answer=heard.complaint or " ".join(outcome.sentences),
        runs=sorted(outcome.runs),
        replay_of=replayed,
        received_at=moment,
    )
    session.add(delivery)
    session.flush()
    return delivery


def pack(body: bytes) -> bytes:
    """The body as it is kept. Level 1: JSON is a sixth of its size with it, and somebody waits for the answer."""
    return zlib.compress(body, 1)


def unpack(delivery: Delivery) -> bytes:
    """The body as it came."""
    return zlib.decompress(delivery.body)


def replay_delivery(database: Database, actor: Actor, delivery_id: int) -> Delivery:
    """Does again what a kept delivery asks for, and keeps that as another one. Its signature was good when it came."""
    with database.read() as session:
        found = find_delivery(session, actor, delivery_id)
        if session.get_one(Hook, found.delivery.hook_id).deleted_at is not None:
            raise Conflict(f"The project of delivery {delivery_id} was removed, so there is nothing to do about it.")
    heard = hear(find_provider(found.source.provider), found.delivery.headers, unpack(found.delivery))
    with database.write() as session:
        return take_in(session, found.delivery.hook_id, heard, found.delivery.body, replayed=delivery_id)


def find_delivery(session: ReadSession, actor: Actor, delivery_id: int) -> DeliverySummary:
    """With its body. Refuses with NotFound."""
    require(actor, Permission.SOURCE_MANAGE)
    found = list(_summaries(session, Delivery.id == delivery_id, limit=1))
    if not found:
        raise NotFound(f"There is no delivery {delivery_id}; `packistry webhook deliveries` shows the latest.")
    # Deferred, so that a list reads no bodies.
    session.refresh(found[0].delivery, ["body"])
    return found[0]


def list_deliveries(session: ReadSession, actor: Actor, *, named: str | None, limit: int) -> Sequence[DeliverySummary]:
    """The latest, newest first; of all, or of the source or project with this name or, for a source, id."""
    require(actor, Permission.SOURCE_MANAGE)
    return list(_summaries(session, Delivery.id.is_not(None) if named is None else _named(named), limit=limit))


def forget_all_deliveries(database: Database) -> None:
    """Deletes what was kept long enough, a little in each transaction."""
    while True:
        with database.write() as session:
            if forget_deliveries(session) < FORGOTTEN_AT_ONCE:
                return


def forget_deliveries(session: WriteSession) -> int:
    """Deletes some of those that were kept long enough; how many."""
    old = select(Delivery.id).where(Delivery.received_at < clock.now() - KEPT).limit(FORGOTTEN_AT_ONCE)
    ids = session.scalars(old).all()
    session.execute(delete(Delivery).where(Delivery.id.in_(ids)))
    return len(ids)


def _before(session: WriteSession, hook: Hook, heard: Heard) -> Delivery | None:
    if heard.remote_id is None:
        return None
    return session.scalars(_SAME, {"hook": hook.id, "remote": heard.remote_id}).first()


def _act(session: WriteSession, hook: Hook, heard: Heard) -> _Outcome:
    outcome = _Outcome()
    projects = projects_of(session, hook)
    told: dict[Told, None] = {}
    for event in heard.events:
        if event.project_id not in (None, hook.remote_id):
            outcome.say(f"It is about the project {event.project_id}, and this webhook is that of {hook.remote_id}.")
        elif event.kind is EventKind.IGNORED:
            outcome.say(event.sentence)
        elif event.kind is EventKind.PROJECT_DELETED:
            _note_gone(session, projects, outcome)
        elif event.kind in (EventKind.REF_CHANGED, EventKind.REF_DELETED) and event.ref is not None:
            told[event.ref.kind, event.ref.name] = None
        elif event.kind is not EventKind.PING:
            _look_anew(session, projects, outcome)
    _look_at(session, projects, list(told), outcome)
    return outcome


def _look_anew(session: WriteSession, projects: Sequence[Project], outcome: _Outcome) -> None:
    """At all refs, and at the project itself: it may have another name, place or default branch."""
    for project in projects:
        run = request_run(session, project, Cause.SYNC)
        run.priority = min(run.priority, PRIORITIES[Cause.PUSH])
        outcome.add(run)


def _look_at(session: WriteSession, projects: Sequence[Project], told: Sequence[Told], outcome: _Outcome) -> None:
    for project in projects:
        wanted = [(kind, name) for kind, name in told if is_wanted(project, kind, name, project.default_branch)]
        possible = [(kind, name) for kind, name in wanted if _may_exist(name)]
        if possible:
            outcome.add(request_push(session, project, possible))
        for kind, name in told:
            if (kind, name) not in wanted:
                outcome.say(f"The {kind} {name} is none of those that are taken from {project.full_name}.")
            elif (kind, name) not in possible:
                outcome.say(f"{name} is no name that git gives a {kind}.")


def _note_gone(session: WriteSession, projects: Sequence[Project], outcome: _Outcome) -> None:
    for project in projects:
        outcome.say(f"{project.full_name}: {GONE_AT_HOST}")
        if project.problem != GONE_AT_HOST:
            project.problem = GONE_AT_HOST
            record(session, System(name="webhook"), Event.PROJECT_GONE, project_subject(project))


def _may_exist(name: str) -> bool:
    """Whether git allows the name, as far as it matters: what it does not allow is asked of no host."""
    return not (_NOT_IN_NAMES & set(name) or ".." in name or "@{" in name or name.startswith("/") or name.endswith("/"))


def _without_secrets(headers: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in headers.items() if not any(word in name for word in _SECRET_WORDS)}
    # NUL has no place in HTTP, but a server may let it through; PostgreSQL has none for it either.
    return {name: value[:_HEADER_CHARACTERS].replace("\0", "") for name, value in list(kept.items())[:_MOST_HEADERS]}


def _named(named: str) -> ColumnElement[bool]:
    """A project's name may stand for several hooks: of several sources, or for several repositories."""
    meant = select(Project.id).where(
        Project.source_id == Hook.source_id, Project.remote_id == Hook.remote_id, Project.full_name == named
    )
    ids = Source.id == int(named) if named.isascii() and named.isdigit() and len(named) < 10 else Source.id.is_(None)
    return or_(Source.name == named, ids, meant.exists())


def _summaries(session: ReadSession, chosen: ColumnElement[bool], *, limit: int) -> Iterator[DeliverySummary]:
    name = (
        select(Project.full_name)
        .where(Project.source_id == Hook.source_id, Project.remote_id == Hook.remote_id)
        .order_by(Project.id)
        .limit(1)
        .scalar_subquery()
    )
    rows = session.execute(
        select(Delivery, Source, name)
        .join(Hook, Hook.id == Delivery.hook_id)
        .join(Source, Source.id == Hook.source_id)
        .where(chosen)
        .order_by(Delivery.id.desc())
        .limit(limit)
    )
    for row in rows:
        yield DeliverySummary(*row)
