"""`packistry package`: packages, their versions and archives."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from packistry.cli.asking import confirm
from packistry.cli.opening import opened, operator
from packistry.cli.options import AsJSON, Yes, repository_path
from packistry.cli.printing import answer, facts, moment, say, table
from packistry.cli.refusals import problem
from packistry.cli.verbs import noun, verb
from packistry.documents.subjects import (
    DeletedDocument,
    PackageDetailsDocument,
    PackageDocument,
    PurgedDocument,
    UploadDocument,
    package_document,
    shown_path,
    version_documents,
)
from packistry.errors import InvalidInput, Refusal

if TYPE_CHECKING:
    from packistry.house import House

app = noun("package", "Packages, their versions and archives.")

Name = Annotated[str, typer.Argument(metavar="PACKAGE", help="vendor/name, or its id.")]
Within = Annotated[
    str | None,
    typer.Option("--repository", metavar="PATH", help="Its repository, if several hold a package of this name."),
]


class AbandonedCommand(TyperCommand):
    """Takes --abandoned alone and --abandoned=REPLACEMENT; the word after a lone one is never its value."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, ["--abandoned=" if arg == "--abandoned" else arg for arg in args])


@verb(
    app,
    "upload",
    "package upload widgets.zip --repository acme --version 1.2.3",
    "package upload dist/*.zip --repository acme",
    "package upload main.tar.gz --repository acme --version dev-main --default-branch",
    prints=UploadDocument,
    several=True,
)
def upload(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="zip, or tar (plain, gz, bz2, xz).")],
    *,
    repository: Annotated[str, typer.Option(metavar="PATH", help="Where to publish; `/` is the root.")] = "/",
    version: Annotated[
        str | None, typer.Option(metavar="VERSION", help="Its version, unless composer.json says it.")
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="The name that composer.json must have.")] = None,
    default_branch: Annotated[bool, typer.Option("--default-branch", help="It is the default branch.")] = False,
    as_json: AsJSON = False,
) -> None:
    """Publish archives, each under the name in its composer.json. The same files again change nothing."""
    with opened() as house:
        documents = [
            _upload(house, file, repository_path(repository), version, name, default_branch=default_branch)
            for file in files
        ]
    answer(documents, _uploaded(documents), as_json=as_json)
    refused = [document.error for document in documents if document.error is not None]
    for error in refused:
        say(error.message)
    if refused:
        raise typer.Exit(1)


@verb(app, "list", "package list", "package list --repository acme", prints=PackageDocument, several=True)
def list_all(
    *,
    repository: Annotated[str | None, typer.Option(metavar="PATH", help="Only of this repository.")] = None,
    as_json: AsJSON = False,
) -> None:
    """Show packages."""
    from packistry.packages.queries import list_packages
    from packistry.repositories.queries import find_repository

    with opened() as house, house.database.read() as session:
        within = None if repository is None else find_repository(session, operator(), repository_path(repository))
        documents = [package_document(summary) for summary in list_packages(session, operator(), within)]
    rows = [
        (each.repository, each.name, each.latest_version or "-", each.downloads, each.description) for each in documents
    ]
    headers = ("REPOSITORY", "PACKAGE", "LATEST", "DOWNLOADS", "DESCRIPTION")
    answer(documents, table(headers, rows, empty="There is no package."), as_json=as_json)


@verb(app, "show", "package show acme/lib", prints=PackageDetailsDocument)
def show(package: Name, *, repository: Within = None, as_json: AsJSON = False) -> None:
    """Show a package with its versions, deleted ones too."""
    from packistry.packages.queries import find_package_named, list_versions, summarise_package

    with opened() as house, house.database.read() as session:
        found, _ = find_package_named(session, operator(), package, path=_path(repository))
        summary = package_document(summarise_package(session, found))
        versions = version_documents(list_versions(session, found))
    document = PackageDetailsDocument(**asdict(summary), versions=versions)
    answer(document, _details(document), as_json=as_json)


@verb(
    app,
    "update",
    "package update acme/lib --abandoned=acme/new-lib",
    "package update acme/lib --abandoned",
    "package update acme/lib --not-abandoned",
    prints=PackageDocument,
    cls=AbandonedCommand,
)
def update(
    package: Name,
    *,
    repository: Within = None,
    abandoned: Annotated[
        str | None,
        typer.Option(
            metavar="[=REPLACEMENT]", help="Tell clients that it is abandoned, and for what, if for anything."
        ),
    ] = None,
    not_abandoned: Annotated[
        bool, typer.Option("--not-abandoned", help="Follow composer.json again, whatever was said here.")
    ] = False,
    as_json: AsJSON = False,
) -> None:
    """Mark a package as abandoned, or no longer so."""
    from packistry.packages.actions import update_package
    from packistry.packages.documents import Address
    from packistry.packages.queries import find_package_named, summarise_package

    if (abandoned is not None) == not_abandoned:
        raise InvalidInput("Say one of --abandoned[=REPLACEMENT] and --not-abandoned.", field="abandoned")
    with opened() as house, house.database.write() as session:
        found, within = find_package_named(session, operator(), package, path=_path(repository))
        address = Address(house.public_url, within.path)
        update_package(session, operator(), found, abandoned=abandoned, address=address)
        session.flush()
        document = package_document(summarise_package(session, found))
    answer(document, [f"{document.name} {_abandonment(document)}."], as_json=as_json)


@verb(
    app,
    "delete",
    "package delete acme/lib 1.2.3 --yes",
    "package delete acme/lib --repository acme",
    prints=DeletedDocument,
)
def delete(
    package: Name,
    version: Annotated[
        str | None, typer.Argument(metavar="VERSION", help="Only this version; without it the whole package.")
    ] = None,
    *,
    repository: Within = None,
    yes: Yes = False,
    as_json: AsJSON = False,
) -> None:
    """Take a package or one version out of the metadata. Its archives stay, so that old locks keep installing."""
    from packistry.packages.actions import delete_package, delete_version
    from packistry.packages.documents import Address
    from packistry.packages.queries import find_package_named, find_version

    path = _path(repository)
    with opened() as house:
        with house.database.read() as session:
            found, within = find_package_named(session, operator(), package, path=path)
            spelling = None if version is None else find_version(session, found, version).version
        what = f"{found.name} {spelling}" if spelling else f"{found.name} with all its versions"
        confirm(f"Delete {what} in {shown_path(within.path)}?", yes=yes)
        with house.database.write() as session:
            found, within = find_package_named(session, operator(), package, path=path)
            address = Address(house.public_url, within.path)
            if version is None:
                delete_package(session, operator(), found, address)
                document = DeletedDocument("package", found.id, found.name)
            else:
                gone = find_version(session, found, version)
                delete_version(session, operator(), found, gone, address)
                document = DeletedDocument("version", gone.id, f"{found.name} {gone.version}")
    answer(document, [f"{document.name} was deleted; locks that name it keep installing."], as_json=as_json)


@verb(
    app,
    "purge",
    "package purge acme/lib 1.2.3 --yes",
    "package purge acme/lib --repository acme",
    prints=PurgedDocument,
)
def purge(
    package: Name,
    version: Annotated[
        str | None,
        typer.Argument(metavar="VERSION", help="Only this version, deleted or not; without it the whole package."),
    ] = None,
    *,
    repository: Within = None,
    yes: Yes = False,
    as_json: AsJSON = False,
) -> None:
    """Remove a version, or a package, with its archives for good. Locks that name it can no longer install it."""
    from packistry.packages.actions import purge_package, purge_version
    from packistry.packages.documents import Address
    from packistry.packages.purge import remove_unnamed_files
    from packistry.packages.queries import find_package_named, find_version

    path = _path(repository)
    with opened() as house:
        with house.database.read() as session:
            found, _ = find_package_named(session, operator(), package, path=path, deleted=True)
            name = found.name if version is None else f"{found.name} {find_version(session, found, version).version}"
        confirm(f"Remove {name} and its archives for good? Locks that name it will break.", yes=yes)
        with house.database.write() as session:
            found, within = find_package_named(session, operator(), package, path=path, deleted=True)
            address = Address(house.public_url, within.path)
            if version is None:
                digests = purge_package(session, operator(), found, address)
            else:
                gone = find_version(session, found, version)
                digests = purge_version(session, operator(), found, gone, address)
        files = remove_unnamed_files(house.database, house.storage, digests)
    answer(PurgedDocument(name, files), [f"{name} is gone; {files} archives were removed."], as_json=as_json)


def _path(repository: str | None) -> str | None:
    return None if repository is None else repository_path(repository)


def _upload(
    house: "House", file: Path, repository: str, version: str | None, name: str | None, *, default_branch: bool
) -> UploadDocument:
    """One file published, or why it was refused; the next ones are tried all the same."""
    from packistry.packages.local_file import publish_file

    try:
        made = publish_file(
            house.uploads,
            operator(),
            file,
            repository=repository,
            name=name,
            version=version,
            default_branch=default_branch,
        )
    except Refusal as refusal:
        why = problem(refusal)
        return UploadDocument(str(file), None, None, None, None, None, None, None, [], why)
    return UploadDocument(
        file=str(file),
        outcome=made.outcome,
        repository=shown_path(repository),
        package=made.package.name,
        version=made.version.version,
        version_id=made.version.id,
        reference=made.archive.reference,
        sha256=made.archive.sha256,
        warnings=list(made.version.warnings),
        error=None,
    )


def _uploaded(documents: Iterable[UploadDocument]) -> Iterator[str]:
    for document in documents:
        if document.error is not None:
            yield f"{document.file}: refused"
            continue
        yield f"{document.file}: {document.package} {document.version} {document.outcome} in {document.repository}"
        yield from (f"  warning: {warning}" for warning in document.warnings)


def _abandonment(document: PackageDocument) -> str:
    if document.abandoned is None:
        return "follows its composer.json"
    return f"is abandoned for {document.abandoned}" if document.abandoned else "is abandoned"


def _details(document: PackageDetailsDocument) -> Iterator[str]:
    yield from facts(
        [
            ("package", document.name),
            ("repository", document.repository),
            ("type", document.type),
            ("description", document.description or "-"),
            ("latest", document.latest_version or "-"),
            ("abandoned", _abandonment(document)),
            ("downloads", document.downloads),
            ("id", document.id),
        ]
    )
    yield ""
    rows = [
        (
            each.version + (" (deleted)" if each.deleted else ""),
            moment(each.released_at),
            each.size_bytes,
            each.downloads,
            each.installs,
            each.reference[:12],
        )
        for each in document.versions
    ]
    headers = ("VERSION", "RELEASED", "BYTES", "DOWNLOADS", "INSTALLS", "REFERENCE")
    yield from table(headers, rows, empty="It has no version.")
