"""`packistry source`: connected code hosts."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Final

import typer

from packistry import clock
from packistry.cli.asking import confirm
from packistry.cli.opening import desk_of, opened, operator
from packistry.cli.options import AsJSON, Yes
from packistry.cli.printing import answer, facts, moment, table
from packistry.cli.verbs import noun, verb
from packistry.documents.sources import CheckedDocument, ProjectDocument, SourceDocument, source_document
from packistry.documents.subjects import DeletedDocument
from packistry.errors import InvalidInput

if TYPE_CHECKING:
    from packistry.house import House
    from packistry.sources.queries import Source

app = noun("source", "Connected code hosts, from which packages arrive by themselves.")

Name = Annotated[str, typer.Argument(metavar="SOURCE", help="Its name or id.")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="A field of the provider. FIELD=@NAME takes it from the environment variable NAME, out of sight.",
    ),
]
_FROM_ENVIRONMENT: Final = "@"


@verb(
    app,
    "add",
    "source add local --provider git --url https://git.example.test/",
    "source add github --provider github --set token=@GITHUB_TOKEN",
    prints=SourceDocument,
)
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="How it is called here.")],
    *,
    provider: Annotated[
        str, typer.Option(metavar="NAME", help="bitbucket, bitbucket-server, git, gitea, github or gitlab.")
    ],
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="Its base address, if it is not the usual one.")
    ] = None,
    fields: Set = None,
    concurrency: Annotated[int, typer.Option(metavar="N", help="Refs worked on at once.")] = 8,
    as_json: AsJSON = False,
) -> None:
    """Connect a code host. `source test` then tells whether everything is as it must be."""
    from packistry.sources.connecting import filled_in

    filled = filled_in(provider, url, _values(fields))
    with opened() as house:
        made = desk_of(house).connect(operator(), name, filled, concurrency=concurrency)
    document = source_document(made, 0)
    answer(document, _described("was connected", document), as_json=as_json)


@verb(app, "list", "source list", prints=SourceDocument, several=True)
def list_all(*, as_json: AsJSON = False) -> None:
    """Show all sources, and which credentials are refused or end soon."""
    from packistry.sources.queries import list_sources

    with opened() as house, house.database.read() as session:
        documents = [source_document(source, projects) for source, projects in list_sources(session, operator())]
    rows = [
        (each.name, each.provider, each.url, each.projects, _credential(each), moment(each.last_contact_at))
        for each in documents
    ]
    headers = ("NAME", "PROVIDER", "URL", "PROJECTS", "CREDENTIAL", "LAST CONTACT")
    answer(documents, table(headers, rows, empty="There is no source; `packistry source add`."), as_json=as_json)


@verb(app, "test", "source test github", prints=CheckedDocument)
def check(source: Name, *, as_json: AsJSON = False) -> None:
    """Ask the host what works with the credential, and what is missing. Ends with 1 when something is bad."""
    with opened() as house:
        report = desk_of(house).check(operator(), source)
    good = all(line.finding != "bad" for line in report.lines)
    findings = [f"{line.finding}: {line.sentence}" for line in report.lines]
    document = CheckedDocument(source, good, report.account, report.expires_at, report.projects_seen, findings)
    answer(document, findings, as_json=as_json)
    if not good:
        raise typer.Exit(1)


@verb(app, "rotate", "source rotate github --set token=@GITHUB_TOKEN", prints=SourceDocument)
def rotate(source: Name, *, fields: Set = None, as_json: AsJSON = False) -> None:
    """Replace the credential of a source; its projects and packages stay as they are."""
    with opened() as house:
        document = _document(house, desk_of(house).rotate(operator(), source, _values(fields)))
    answer(
        document, [f"Source {document.name} has a new credential; `packistry source test` tries it."], as_json=as_json
    )


@verb(
    app,
    "update",
    "source update github --name code --concurrency 4",
    "source update gitlab --url https://code.example.com --set token=@GITLAB_TOKEN",
    prints=SourceDocument,
)
def update(
    source: Name,
    *,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="A new name.")] = None,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="A new address of the same host; needs its credential again.")
    ] = None,
    fields: Set = None,
    concurrency: Annotated[int | None, typer.Option(metavar="N", help="Refs worked on at once.")] = None,
    as_json: AsJSON = False,
) -> None:
    """Change the name of a source, the address of its host, or how much is asked of it at once."""
    with opened() as house:
        changed = desk_of(house).update(
            operator(), source, name=name, url=url, values=_values(fields), concurrency=concurrency
        )
        document = _document(house, changed)
    answer(document, _described("is now", document), as_json=as_json)


@verb(app, "delete", "source delete github --yes", prints=DeletedDocument)
def delete(source: Name, *, yes: Yes = False, as_json: AsJSON = False) -> None:
    """Delete a source with its credential. Its packages stay, and no longer follow the host."""
    from packistry.sources.actions import delete_source
    from packistry.sources.queries import find_source, source_at

    with opened() as house:
        with house.database.read() as session:
            found = find_source(session, operator(), source)
        confirm(f"Delete source {found.name}? Its packages stay.", yes=yes)
        with house.database.write() as session:
            delete_source(session, operator(), source_at(session, operator(), found.id))
    document = DeletedDocument("source", found.id, found.name)
    answer(document, [f"Source {found.name} was deleted."], as_json=as_json)


@verb(
    app,
    "projects",
    "source projects github",
    "source projects github --search widgets",
    prints=ProjectDocument,
    several=True,
)
def projects(
    source: Name,
    *,
    search: Annotated[str, typer.Option(metavar="TEXT", help="Only those whose name has it.")] = "",
    owner: Annotated[str, typer.Option(metavar="NAME", help="Only those of this organisation or group.")] = "",
    quick: Annotated[
        bool, typer.Option("--quick", help="Do not ask for composer.json; what is remembered is shown.")
    ] = False,
    as_json: AsJSON = False,
) -> None:
    """Show the projects that the credential sees: which are packages, archived, and added already.

    Whether composer.json is there is asked for 500 of them at most, and remembered until they change; "?" is unknown.
    """
    with opened() as house:
        documents = [
            ProjectDocument(
                id=seen.project.id,
                name=seen.project.full_name,
                url=seen.project.web_url,
                default_branch=seen.project.default_branch,
                archived=seen.project.archived,
                added=bool(seen.added),
                package=seen.is_package,
            )
            for seen in desk_of(house).projects(operator(), source, search=search, owner=owner, quick=quick)
        ]
    words = {True: "yes", False: "no", None: "?"}
    rows = [(each.name, each.default_branch or "-", words[each.package], _state(each)) for each in documents]
    headers = ("PROJECT", "BRANCH", "COMPOSER.JSON", "STATE")
    answer(documents, table(headers, rows, empty="It shows no project."), as_json=as_json)


def _state(document: ProjectDocument) -> str:
    return ", ".join(word for word, holds in (("archived", document.archived), ("added", document.added)) if holds)


def _values(fields: list[str] | None) -> dict[str, str]:
    values: dict[str, str] = {}
    for field in fields or ():
        name, equals, value = field.partition("=")
        if not equals:
            raise InvalidInput(f"--set {name} needs a value: --set {name}=VALUE.", field=name)
        values[name] = _from_environment(name, value) if value.startswith(_FROM_ENVIRONMENT) else value
    return values


def _from_environment(name: str, value: str) -> str:
    variable = value.removeprefix(_FROM_ENVIRONMENT)
    if variable not in os.environ:
        raise InvalidInput(f"There is no environment variable {variable} to take {name} from.", field=name)
    return os.environ[variable]


def _document(house: "House", source: "Source") -> SourceDocument:
    from packistry.sources.queries import list_sources

    with house.database.read() as session:
        counts = {found.id: projects for found, projects in list_sources(session, operator())}
    return source_document(source, counts[source.id])


def _credential(document: SourceDocument) -> str:
    if document.credential_refused:
        return "refused"
    ends = document.credential_expires_at
    if ends is None:
        return "good"
    return f"{'ends' if ends > clock.now() else 'ended'} {moment(ends)}"


def _described(change: str, document: SourceDocument) -> Iterator[str]:
    yield f"Source {document.name} {change}:"
    yield from facts(
        [
            ("provider", document.provider),
            ("url", document.url),
            ("concurrency", document.concurrency),
            ("id", document.id),
        ]
    )
    yield ""
    yield f"Try it: packistry source test {document.name}"
