"""Sources: connected code hosts, and the projects that each shows."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from pydantic import ConfigDict, Field

from packistry.access.permissions import Ability
from packistry.api.calls import Ask, Call, Listed, sorted_by
from packistry.api.inputs import Body, Id, Name, Words, words_of
from packistry.api.operations import list_of, operation
from packistry.db.engine import ReadSession, WriteSession
from packistry.documents.sources import CheckedDocument, ProjectDocument, SourceDocument, source_document
from packistry.sources.actions import add_source, delete_source
from packistry.sources.connecting import filled_in, providers_there_are
from packistry.sources.parts import SOURCE_ORDERS, counted_source, part_of_sources
from packistry.sources.queries import Source

router: Final = APIRouter(tags=["sources"])
READ, WRITE = Ability.SOURCES_READ, Ability.SOURCES_WRITE

Provider = Annotated[str, Field(json_schema_extra={"enum": [each.name for each in providers_there_are()]})]
Url = Annotated[str, Field(max_length=2000, description="Base address of the host, if it is not the usual one.")]
# A private key is a field too.
Value = Annotated[str, Field(max_length=50_000)]
Fields = Annotated[
    dict[Annotated[str, Field(max_length=100)], Value],
    Field(max_length=50, description="What the provider needs, as `packistry source add --set` takes it."),
]
Concurrency = Annotated[int, Field(ge=1, le=32, description="Refs worked on at once.")]
# A host is asked while somebody waits.
MOST_SHOWN: Final = 500


class NewSource(Body):
    """A code host that is to be connected."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "github", "provider": "github", "fields": {"token": "github_pat_…"}}],
        }
    )

    name: Name
    provider: Provider
    url: Url | None = None
    fields: Annotated[Fields, Field(default_factory=dict)]
    concurrency: Concurrency = 8


class SourceChange(Body):
    """What is to be changed of a source. Another address takes the credential for it in `fields`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "code", "concurrency": 4}]})

    name: Name | None = None
    url: Url | None = None
    fields: Fields | None = None
    concurrency: Concurrency | None = None


class NewCredential(Body):
    """Another credential, whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"fields": {"token": "github_pat_…"}}]})

    fields: Fields


@operation(router, "GET", "/sources", ability=READ, answers=list_of(SourceDocument))
def list_sources(
    call: Ask,
    *,
    listing: Listed,
    sort: Annotated[str, sorted_by(SOURCE_ORDERS)] = "name",
    q: Words = "",
    provider: Annotated[str | None, Query(max_length=50, description="Only of this kind of host.")] = None,
) -> Response:
    """Sources, without their credentials."""
    part = listing.part(SOURCE_ORDERS, sort)
    with call.read() as session:
        found = part_of_sources(session, call.actor, part, words=words_of(q), provider=provider)
    return call.listed(found, part, SOURCE_ORDERS, lambda each: source_document(*each))


@operation(router, "POST", "/sources", ability=WRITE, answers=SourceDocument, status=201, once=True)
def connect_source(call: Ask, body: NewSource) -> Response:
    """Connect a code host. The check tells afterwards whether everything is as it must be."""
    filled = filled_in(body.provider, body.url, body.fields)

    def connect(session: WriteSession) -> Response:
        made = add_source(
            session,
            call.actor,
            name=body.name,
            provider=filled.provider.name,
            address=filled.address,
            credential=call.parts.desk.connector.sealer.seal(filled.credential),
            settings=filled.settings,
            concurrency=body.concurrency,
        )
        return call.answer(source_document(made, 0), status=201, location=f"/sources/{made.id}")

    return call.once(connect)


@operation(router, "GET", "/sources/{source_id}", ability=READ, answers=SourceDocument)
def show_source(call: Ask, source_id: Id) -> Response:
    """A source, without its credential."""
    with call.read() as session:
        return call.answer(_document(session, call, source_id))


@operation(router, "PATCH", "/sources/{source_id}", ability=WRITE, answers=SourceDocument, guarded=True)
def change_source(call: Ask, source_id: Id, body: SourceChange) -> Response:
    """Change a source: its name, the address of its host, or how much is asked of it at once."""
    with call.write() as session:
        call.refuse_outdated(session, _document(session, call, source_id))
    call.parts.desk.update(
        call.actor,
        name_of(call, source_id),
        name=body.name,
        url=body.url,
        values=body.fields,
        concurrency=body.concurrency,
    )
    with call.read() as session:
        return call.answer(_document(session, call, source_id))


@operation(router, "POST", "/sources/{source_id}/rotate", ability=WRITE, answers=SourceDocument)
def rotate_source_credential(call: Ask, source_id: Id, body: NewCredential) -> Response:
    """Give a source another credential. Its projects and packages stay as they are."""
    call.parts.desk.rotate(call.actor, name_of(call, source_id), body.fields)
    with call.read() as session:
        return call.answer(_document(session, call, source_id))


@operation(router, "POST", "/sources/{source_id}/check", ability=WRITE, answers=CheckedDocument)
def check_source(call: Ask, source_id: Id) -> Response:
    """Ask the host what works with the credential of a source, and what is missing."""
    name = name_of(call, source_id)
    report = call.parts.desk.check(call.actor, name)
    good = all(line.finding != "bad" for line in report.lines)
    findings = [f"{line.finding}: {line.sentence}" for line in report.lines]
    return call.answer(CheckedDocument(name, good, report.account, report.expires_at, report.projects_seen, findings))


@operation(router, "GET", "/sources/{source_id}/host-projects", ability=READ, answers=list_of(ProjectDocument))
def list_host_projects(
    call: Ask,
    source_id: Id,
    search: Annotated[str, Query(max_length=200, description="Only those whose name has it.")] = "",
    owner: Annotated[str, Query(max_length=200, description="Only those of this organisation or group.")] = "",
) -> Response:
    """Projects that the host of a source shows, the first 500. What is not remembered of them is not asked for."""
    shown: list[ProjectDocument] = []
    for seen in call.parts.desk.projects(call.actor, name_of(call, source_id), search=search, owner=owner, quick=True):
        each = seen.project
        shown.append(
            ProjectDocument(
                id=each.id,
                name=each.full_name,
                url=each.web_url,
                default_branch=each.default_branch,
                archived=each.archived,
                added=bool(seen.added),
                package=seen.is_package,
            )
        )
        if len(shown) == MOST_SHOWN:
            break
    return call.whole(shown)


@operation(router, "DELETE", "/sources/{source_id}", ability=WRITE, status=204, guarded=True)
def remove_source(call: Ask, source_id: Id) -> Response:
    """Delete a source with its credential. Its packages stay, and no longer follow the host."""
    with call.write() as session:
        call.hold(session)
        source, projects = counted_source(session, call.actor, source_id)
        call.refuse_outdated(session, source_document(source, projects))
        delete_source(session, call.actor, source)
    return Response(status_code=204)


def name_of(call: Call, source_id: int) -> str:
    """The name of the source, by which the desk knows it: a number may be the name of another one."""
    with call.read() as session:
        source: Source = counted_source(session, call.actor, source_id)[0]
        return source.name


def _document(session: ReadSession, call: Call, source_id: int) -> SourceDocument:
    return source_document(*counted_source(session, call.actor, source_id))
