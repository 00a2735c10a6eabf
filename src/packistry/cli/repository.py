"""`packistry repository`: what Composer clients are pointed at."""

from collections.abc import Iterator
from typing import Annotated

import typer

from packistry.cli.asking import confirm
from packistry.cli.opening import opened, operator, public_url
from packistry.cli.options import AsJSON, Yes, repository_path
from packistry.cli.printing import answer, facts, table
from packistry.cli.verbs import noun, verb
from packistry.documents.subjects import DeletedDocument, RepositoryDocument, repository_document, shown_path

app = noun("repository", "What Composer clients are pointed at, public or private.")

Repository = Annotated[str, typer.Argument(metavar="REPOSITORY", help="Its path (`/` is the root), id or name.")]
Public = Annotated[
    bool | None, typer.Option("--public/--private", help="Who may read it: everybody, or who was given it.")
]
Claiming = Annotated[
    bool | None,
    typer.Option(
        "--claiming/--no-claiming",
        help="Answer for every name of the vendors it hosts, so that Composer looks for them nowhere else.",
    ),
]


@verb(
    app,
    "add",
    "repository add Acme --path acme",
    'repository add "Open source" --path oss --public --description "Everybody may read it"',
    prints=RepositoryDocument,
)
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name for people.")],
    *,
    path: Annotated[
        str, typer.Option(metavar="PATH", help="Its address is /r/PATH: lower-case letters, digits, single hyphens.")
    ],
    description: Annotated[str, typer.Option(metavar="TEXT", help="What it is for.")] = "",
    public: Public = None,
    claiming: Claiming = None,
    as_json: AsJSON = False,
) -> None:
    """Make a repository, private unless told otherwise."""
    from packistry.repositories.actions import create_repository
    from packistry.repositories.queries import summarise

    with opened() as house:
        with house.database.write() as session:
            made = create_repository(
                session,
                operator(),
                name=name,
                path=repository_path(path),
                description=description,
                public=bool(public),
                claims_vendors=claiming is not False,
            )
        document = repository_document(summarise(made, 0), public_url(house))
    answer(document, _described("was made", document), as_json=as_json)


@verb(app, "list", "repository list", prints=RepositoryDocument, several=True)
def list_all(*, as_json: AsJSON = False) -> None:
    """Show all repositories."""
    from packistry.repositories.queries import list_repositories

    with opened() as house:
        with house.database.read() as session:
            found = list_repositories(session, operator())
        documents = [repository_document(summary, public_url(house)) for summary in found]
    rows = [
        (each.path, each.name, "public" if each.public else "private", each.packages, each.description)
        for each in documents
    ]
    headers = ("PATH", "NAME", "ACCESS", "PACKAGES", "DESCRIPTION")
    answer(documents, table(headers, rows, empty="There is no repository."), as_json=as_json)


@verb(
    app, "update", "repository update acme --public", "repository update / --name Packages", prints=RepositoryDocument
)
def update(
    repository: Repository,
    *,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="A new name for people.")] = None,
    path: Annotated[
        str | None, typer.Option(metavar="PATH", help="A new path; the old address stops answering.")
    ] = None,
    description: Annotated[str | None, typer.Option(metavar="TEXT", help="What it is for.")] = None,
    public: Public = None,
    claiming: Claiming = None,
    as_json: AsJSON = False,
) -> None:
    """Change what is given of a repository."""
    from packistry.packages.queries import list_packages
    from packistry.repositories.actions import update_repository
    from packistry.repositories.queries import find_repository_named, summarise

    with opened() as house:
        with house.database.write() as session:
            found = find_repository_named(session, operator(), repository_path(repository))
            update_repository(
                session,
                operator(),
                found,
                name=name,
                path=None if path is None else repository_path(path),
                description=description,
                public=public,
                claims_vendors=claiming,
            )
            packages = len(list_packages(session, operator(), found))
        document = repository_document(summarise(found, packages), public_url(house))
    answer(document, _described("is now", document), as_json=as_json)


@verb(app, "delete", "repository delete acme --yes", prints=DeletedDocument)
def delete(repository: Repository, *, yes: Yes = False, as_json: AsJSON = False) -> None:
    """Delete a repository with all its packages. Its archives stay on disk."""
    from packistry.packages.queries import list_packages
    from packistry.repositories.actions import delete_repository
    from packistry.repositories.queries import find_repository_named

    with opened() as house:
        with house.database.read() as session:
            found = find_repository_named(session, operator(), repository_path(repository))
            packages = len(list_packages(session, operator(), found))
        confirm(f"Delete repository {shown_path(found.path)} with its {packages} packages?", yes=yes)
        with house.database.write() as session:
            found = find_repository_named(session, operator(), repository_path(repository))
            delete_repository(session, operator(), found, with_packages=True)
    document = DeletedDocument("repository", found.id, shown_path(found.path))
    answer(document, [f"Repository {document.name} was deleted."], as_json=as_json)


def _described(change: str, document: RepositoryDocument) -> Iterator[str]:
    yield f"Repository {document.name} {change}:"
    yield from facts(
        [
            ("address", document.url),
            ("access", "public" if document.public else "private"),
            ("claiming", "on" if document.claims_vendors else "off"),
            ("description", document.description or "-"),
            ("id", document.id),
        ]
    )
