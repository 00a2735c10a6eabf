"""`packistry project`: projects that were added from sources, and what is taken of each."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from packistry.cli import imports
from packistry.cli.asking import confirm
from packistry.cli.opening import desk_of, opened, operator
from packistry.cli.options import AsJSON, Yes, repository_path
from packistry.cli.printing import answer, facts, moment, table
from packistry.cli.verbs import noun, verb
from packistry.documents.sources import AddedProjectDocument, ImportDocument, project_document
from packistry.documents.subjects import DeletedDocument

if TYPE_CHECKING:
    from packistry.sources.queries import Project, ReadSession

app = noun("project", "Projects that were added from sources, and what is taken of each.")

Named = Annotated[str, typer.Argument(metavar="PROJECT", help="Its number, or its full name at the host.")]
Of = Annotated[str | None, typer.Option("--source", metavar="SOURCE", help="Its source, if several have such a name.")]
Hook = Annotated[
    bool | None, typer.Option("--hook/--no-hook", help="Whether the host is to call at each push; it is polled anyway.")
]


@verb(app, "list", "project list", "project list --source github", prints=AddedProjectDocument, several=True)
def list_all(
    *,
    source: Annotated[str | None, typer.Option(metavar="SOURCE", help="Only those of this source.")] = None,
    as_json: AsJSON = False,
) -> None:
    """Show the projects that were added, and what is wrong with them."""
    from packistry.sources.queries import find_source, list_projects

    with opened() as house, house.database.read() as session:
        found = None if source is None else find_source(session, operator(), source)
        documents = [project_document(each) for each in list_projects(session, operator(), source=found)]
    rows = [
        (each.id, each.source, _place(each), each.repository, each.package or "-", _refs(each), each.problem or "")
        for each in documents
    ]
    headers = ("PROJECT", "SOURCE", "NAME", "REPOSITORY", "PACKAGE", "REFS", "PROBLEM")
    answer(documents, table(headers, rows, empty="There is no project; `packistry package add`."), as_json=as_json)


@verb(app, "show", "project show acme/widgets", "project show 7", prints=AddedProjectDocument)
def show(project: Named, *, source: Of = None, as_json: AsJSON = False) -> None:
    """Show what is taken of a project, and where it goes."""
    with opened() as house, house.database.read() as session:
        document = _document(session, _found(session, project, source))
    answer(document, _details(document), as_json=as_json)


@verb(
    app,
    "update",
    "project update acme/widgets --tag 'v*' --tag '!v0.*' --branch main",
    "project update 7 --branch '*' --no-hook",
    "project update acme/widgets --repository internal",
    prints=AddedProjectDocument,
)
def update(
    project: Named,
    *,
    source: Of = None,
    tag: Annotated[list[str] | None, typer.Option(metavar="PATTERN", help="Only such tags; `*` takes all.")] = None,
    branch: Annotated[
        list[str] | None, typer.Option(metavar="PATTERN", help="Only such branches, and the default one.")
    ] = None,
    repository: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Publish there from now on; what was published stays where it is."),
    ] = None,
    hook: Hook = None,
    as_json: AsJSON = False,
) -> None:
    """Change what is taken of a project, or where it goes. Patterns replace those before."""
    from packistry.repositories.queries import find_repository_named
    from packistry.sources.projects import move_project, update_project

    with opened() as house, house.database.write() as session:
        changed = _found(session, project, source)
        update_project(session, operator(), changed, tags=tag, branches=branch, hooked=hook)
        if repository is not None:
            target = find_repository_named(session, operator(), repository_path(repository))
            changed = move_project(session, operator(), changed, target)
        session.flush()
        document = _document(session, changed)
    answer(document, [f"Project {document.project} is now:", *_details(document)], as_json=as_json)


@verb(app, "delete", "project delete acme/widgets --yes", prints=DeletedDocument)
def delete(project: Named, *, source: Of = None, yes: Yes = False, as_json: AsJSON = False) -> None:
    """Stop following a project. Its versions stay, and no rule adds it again."""
    with opened() as house:
        with house.database.read() as session:
            found = _found(session, project, source)
        confirm(f"Stop following {found.full_name}? Its versions stay.", yes=yes)
        desk_of(house).delete_project(operator(), found.id)
    document = DeletedDocument("project", found.id, found.full_name)
    answer(document, [f"Project {found.full_name} is followed no longer; its versions stay."], as_json=as_json)


@verb(app, "accept-rename", "project accept-rename acme/widgets --wait", prints=ImportDocument, several=True)
def accept_rename(project: Named, *, source: Of = None, wait: imports.Wait = False, as_json: AsJSON = False) -> None:
    """Take the new name in composer.json: a new package. The old one stays, marked abandoned in favour of it."""
    from packistry.sources import accepting

    with opened() as house:
        with house.database.write() as session:
            found = _found(session, project, source)
            run = accepting.accept_rename(session, operator(), found, house.public_url).id
        imports.tell(house, [run], wait=wait, as_json=as_json)


@verb(app, "refuse-rename", "project refuse-rename acme/widgets", prints=AddedProjectDocument)
def refuse_rename(project: Named, *, source: Of = None, as_json: AsJSON = False) -> None:
    """Keep the package's name, whatever composer.json says now; nobody is told again of this new name."""
    from packistry.sources import accepting

    with opened() as house, house.database.write() as session:
        found = _found(session, project, source)
        accepting.refuse_rename(session, operator(), found)
        session.flush()
        document = _document(session, found)
    answer(document, [f"Project {document.project} stays {document.package}."], as_json=as_json)


def _found(session: "ReadSession", project: str, source: str | None) -> "Project":
    from packistry.sources.queries import find_project, find_source

    of = None if source is None else find_source(session, operator(), source)
    return find_project(session, operator(), project, of)


def _document(session: "ReadSession", project: "Project") -> AddedProjectDocument:
    from packistry.sources.queries import list_projects

    [added] = list_projects(session, operator(), project=project)
    return project_document(added)


def _place(document: AddedProjectDocument) -> str:
    """The project, and the directory in it after a colon."""
    return f"{document.project}:{document.path}" if document.path else document.project


def _refs(document: AddedProjectDocument) -> str:
    return ", ".join([*document.tags, *document.branches]) or "all"


def _details(document: AddedProjectDocument) -> Iterator[str]:
    yield from facts(
        [
            ("project", document.id),
            ("name", document.project),
            ("source", document.source),
            ("url", document.url or "-"),
            ("directory", document.path or "-"),
            ("repository", document.repository),
            ("package", document.package or "-"),
            ("tags", _patterns(document.tags)),
            ("branches", _patterns(document.branches)),
            ("hook", "on" if document.hook else "off"),
            ("archived", "yes" if document.archived else "no"),
            ("rule", document.rule or "-"),
            ("problem", document.problem or "-"),
            ("last sync", moment(document.synced_at)),
        ]
    )


def _patterns(patterns: Sequence[str]) -> str:
    return ", ".join(patterns) or "all"
