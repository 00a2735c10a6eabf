"""Rules: all projects of an organisation, group or workspace are added, those of tomorrow too."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from pydantic import ConfigDict, Field

from packistry.access.permissions import Ability
from packistry.api.calls import Ask, Call, Listed, sorted_by
from packistry.api.inputs import Body, Id, Reference, path_of
from packistry.api.operations import list_of, operation
from packistry.api.projects import Path, Patterns
from packistry.api.sources import name_of
from packistry.db.engine import ReadSession
from packistry.db.types import MAX_ID
from packistry.documents.sources import GatheredDocument, GatheredProjectDocument, RuleDocument, rule_document
from packistry.repositories.queries import find_repository
from packistry.sources.desk import Wish
from packistry.sources.gathering import Gathered, Gatherer, RuleWish
from packistry.sources.parts import RULE_ORDERS, part_of_rules
from packistry.sources.rules import delete_rule, find_rule, list_rules

router: Final = APIRouter(tags=["rules"])
READ, WRITE = Ability.SOURCES_READ, Ability.SOURCES_WRITE


class NewRule(Body):
    """A rule that is to be made."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"source": 1, "owner": "acme", "exclude": ["*-archive"], "repository": "acme"}]}
    )

    source: Annotated[Reference, Field(description="Number of the source.")]
    owner: Annotated[str, Field(max_length=255, description="Empty is all that the credential sees.")] = ""
    include: Annotated[Patterns, Field(default_factory=list)]
    exclude: Annotated[Patterns, Field(default_factory=list)]
    archived: Annotated[bool, Field(description="Archived projects too.")] = False
    repository: Path = "/"
    tags: Annotated[Patterns, Field(default_factory=list)]
    branches: Annotated[Patterns, Field(default_factory=list)]
    hook: bool = True


@operation(router, "GET", "/rules", ability=READ, answers=list_of(RuleDocument))
def show_rules(
    call: Ask,
    *,
    listing: Listed,
    sort: Annotated[str, sorted_by(RULE_ORDERS)] = "id",
    source: Annotated[int | None, Query(ge=1, le=MAX_ID, description="Number of a source.")] = None,
) -> Response:
    """Rules, and what kept the last look at the host from its end."""
    part = listing.part(RULE_ORDERS, sort)
    with call.read() as session:
        found = part_of_rules(session, call.actor, part, source_id=source)
    return call.listed(found, part, RULE_ORDERS, rule_document)


@operation(router, "POST", "/rules", ability=WRITE, answers=GatheredDocument, status=201)
def make_rule(call: Ask, body: NewRule) -> Response:
    """Make a rule, or change the one of the same owner and repository, and add the projects of now."""
    with call.read() as session:
        repository = find_repository(session, call.actor, path_of(body.repository))
    wish = Wish(repository.id, tags=body.tags, branches=body.branches, hooked=body.hook)
    patterns = [*body.include, *(f"!{pattern}" for pattern in body.exclude)]
    rule = RuleWish(wish, owner=body.owner, projects=patterns, with_archived=body.archived)
    gathered = _gatherer(call).add(call.actor, name_of(call, body.source), rule)
    with call.read() as session:
        document = _gathered(session, call, gathered)
    return call.answer(document, status=201, location=f"/rules/{gathered.rule_id}")


@operation(router, "GET", "/rules/{rule_id}", ability=READ, answers=RuleDocument)
def show_rule(call: Ask, rule_id: Id) -> Response:
    """A rule."""
    with call.read() as session:
        return call.answer(_document(session, call, rule_id))


@operation(router, "POST", "/rules/{rule_id}/run", ability=WRITE, answers=GatheredDocument)
def run_rule(call: Ask, rule_id: Id) -> Response:
    """Look at the host now, and not within half an hour; add what is new, and say what became of each project."""
    gathered = _gatherer(call).run(call.actor, rule_id)
    with call.read() as session:
        return call.answer(_gathered(session, call, gathered))


@operation(router, "DELETE", "/rules/{rule_id}", ability=WRITE, status=204, guarded=True)
def remove_rule(call: Ask, rule_id: Id) -> Response:
    """Add no more projects by a rule. Those it added stay."""
    with call.write() as session:
        call.hold(session)
        call.refuse_outdated(session, _document(session, call, rule_id))
        delete_rule(session, call.actor, find_rule(session, call.actor, rule_id))
    return Response(status_code=204)


def _gatherer(call: Call) -> Gatherer:
    return Gatherer(call.database, call.parts.desk.connector)


def _document(session: ReadSession, call: Call, rule_id: int) -> RuleDocument:
    rule = find_rule(session, call.actor, rule_id)
    [summary] = list_rules(session, call.actor, rule=rule)
    return rule_document(summary)


def _gathered(session: ReadSession, call: Call, gathered: Gathered) -> GatheredDocument:
    projects = [
        GatheredProjectDocument(each.project.full_name, each.fate, each.reason, each.run) for each in gathered.projects
    ]
    return GatheredDocument(_document(session, call, gathered.rule_id), projects)
