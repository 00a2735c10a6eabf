"""`packistry import`, and rebuilding packages from sources: what brings refs in, and what became of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from packistry.cli import package
from packistry.cli.opening import desk_of, opened, operator
from packistry.cli.options import AsJSON, repository_path
from packistry.cli.printing import answer, facts, moment, say, table
from packistry.cli.verbs import noun, verb
from packistry.documents.sources import ImportDocument, import_document
from packistry.documents.webhooks import WebhookSecretDocument

if TYPE_CHECKING:
    from packistry.house import House

app = noun("import", "What brings branches and tags in, and what became of each.")

Run = Annotated[int, typer.Argument(metavar="IMPORT", help="Its number.")]
Wait = Annotated[
    bool, typer.Option("--wait", help="Wait for the end and show each ref; do the work, if nobody else does.")
]


@verb(
    package.app,
    "rebuild",
    "package rebuild acme/widgets --repository acme --wait",
    "package rebuild --all",
    prints=ImportDocument,
    several=True,
)
def rebuild(
    name: Annotated[str | None, typer.Argument(metavar="[PACKAGE]", help="vendor/name, or its id.")] = None,
    *,
    repository: package.Within = None,
    every: Annotated[bool, typer.Option("--all", help="Every package that comes from a source.")] = False,
    wait: Wait = False,
    as_json: AsJSON = False,
) -> None:
    """Look at every branch and tag anew. Nothing that an old lock needs is taken away."""
    if every == (name is not None):
        raise typer.BadParameter("Name a package, or say --all.")
    with opened() as house:
        runs = desk_of(house).rebuild_all(operator()) if name is None else [_rebuild(house, name, repository)]
        tell(house, runs, wait=wait, as_json=as_json)


@verb(app, "list", "import list", "import list --open", prints=ImportDocument, several=True)
def list_all(
    *,
    only_open: Annotated[bool, typer.Option("--open", help="Only those that are not over.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="At most so many.")] = 50,
    as_json: AsJSON = False,
) -> None:
    """Show the latest imports."""
    from packistry.sources.outlook import outlook_of
    from packistry.sources.queries import list_runs

    with opened() as house, house.database.read() as session:
        summaries = list_runs(session, operator(), limit=limit, only_open=only_open)
        documents = [import_document(each, (), outlook_of(session, each.run, each.source)) for each in summaries]
    rows = [
        (each.id, _state(each), each.cause, each.project, each.repository, _counts(each), moment(each.created_at))
        for each in documents
    ]
    headers = ("IMPORT", "STATE", "CAUSE", "PROJECT", "REPOSITORY", "REFS", "SINCE")
    answer(documents, table(headers, rows, empty="There is no import."), as_json=as_json)


@verb(app, "show", "import show 7", prints=ImportDocument)
def show(run: Run, *, as_json: AsJSON = False) -> None:
    """Show an import with each of its refs, and why it is as it is."""
    with opened() as house:
        document = document_of(house, run)
    answer(document, _details(document), as_json=as_json)


@verb(app, "retry", "import retry 7", "import retry 7 v1.0.0 main --wait", prints=ImportDocument, several=True)
def retry(
    run: Run,
    refs: Annotated[list[str] | None, typer.Argument(metavar="[REF...]", help="Only these branches and tags.")] = None,
    *,
    wait: Wait = False,
    as_json: AsJSON = False,
) -> None:
    """Import the project again; refs that are here already cost nothing. Those that are named are looked at anew."""
    from packistry.sources.actions import retry_run
    from packistry.sources.pushes import retry_refs
    from packistry.sources.queries import find_run

    with opened() as house:
        with house.database.write() as session:
            found = find_run(session, operator(), run)
            again = (retry_refs(session, operator(), found, refs) if refs else retry_run(session, operator(), found)).id
        tell(house, [again], wait=wait, as_json=as_json)


@verb(app, "accept", "import accept 7 v1.0.0", prints=ImportDocument, several=True)
def accept(
    run: Run,
    ref: Annotated[str, typer.Argument(metavar="REF", help="The tag that moved.")],
    *,
    wait: Wait = False,
    as_json: AsJSON = False,
) -> None:
    """Take the commit that a stable tag has moved to. The archive of the former one stays, for old locks."""
    from packistry.sources.accepting import accept_moved
    from packistry.sources.queries import find_run

    with opened() as house:
        with house.database.write() as session:
            again = accept_moved(session, operator(), find_run(session, operator(), run), ref).id
        tell(house, [again], wait=wait, as_json=as_json)


@verb(app, "cancel", "import cancel 7", prints=ImportDocument)
def cancel(run: Run, *, as_json: AsJSON = False) -> None:
    """Stop an import; what it brought in stays."""
    from packistry.sources.actions import cancel_run
    from packistry.sources.queries import find_run

    with opened() as house:
        with house.database.write() as session:
            cancel_run(session, operator(), find_run(session, operator(), run))
        document = document_of(house, run)
    answer(document, [f"Import {run} was cancelled."], as_json=as_json)


def _rebuild(house: "House", name: str, repository: str | None) -> int:
    from packistry.packages.queries import find_package_named

    path = None if repository is None else repository_path(repository)
    with house.database.read() as session:
        found, _ = find_package_named(session, operator(), name, path=path)
    return desk_of(house).rebuild(operator(), found.id)


def tell(
    house: "House",
    runs: Sequence[int],
    *,
    wait: bool,
    as_json: bool,
    webhooks: Mapping[int, WebhookSecretDocument] | None = None,
) -> None:
    """Prints the runs, and by their numbers the secrets that a person is to put into a host.

    Ends with 1 when a run that was waited for failed, or a ref of it.
    """
    if wait:
        from packistry.cli.waiting import wait_for

        wait_for(house, runs)
    documents = [replace(document_of(house, run), webhook=(webhooks or {}).get(run)) for run in runs]
    answer(documents, told(documents, waited=wait), as_json=as_json)
    if not as_json:
        for each in documents:
            _tell_secret(each)
    if wait and any(each.state != "done" or each.counts.get("failed") for each in documents):
        raise typer.Exit(1)


def _tell_secret(document: ImportDocument) -> None:
    """On standard error, so that what is read by programs is one line a ref, and no log gets the secret with it."""
    if document.webhook is None:
        return
    say(f"{document.project} is polled until its server calls. For its post-receive script, shown this once:")
    say(f"  address: {document.webhook.address}")
    say(f"  secret:  {document.webhook.secret}")


def told(documents: Sequence[ImportDocument], *, waited: bool) -> Iterator[str]:
    """What people read of runs: a line for each ref when they were waited for, and one for each run."""
    for each in documents:
        if not waited:
            yield f"Import {each.id} of {each.project} waits; `packistry import show {each.id}` tells how it goes."
            continue
        for ref in each.refs:
            yield _one_line(f"{ref.name} {ref.state} {ref.reason or ''}")
        # One that could not be begun has no refs to count.
        how = [_counts(each)] if each.counts or not each.reason else []
        yield f"Import {each.id} of {each.project} is {each.state}: {'; '.join([*how, *filter(None, [each.reason])])}"


def _details(document: ImportDocument) -> Iterator[str]:
    yield from facts(
        [
            ("import", document.id),
            ("state", document.state),
            ("project", f"{document.project} ({document.source})"),
            ("repository", document.repository),
            ("package", document.package or "-"),
            ("reason", document.reason or "-"),
            ("waits until", moment(document.waits_until)),
            ("since", moment(document.created_at)),
            ("over at about", moment(document.ends_at)),
            ("finished", moment(document.finished_at)),
        ]
    )
    yield ""
    rows = [(ref.kind, ref.name, ref.commit[:12], ref.state, ref.reason or "") for ref in document.refs]
    yield from table(("", "REF", "COMMIT", "STATE", "REASON"), rows, empty="Its refs are not known yet.")


def _state(document: ImportDocument) -> str:
    return f"{document.state} until {moment(document.waits_until)}" if document.waits_until else document.state


def _counts(document: ImportDocument) -> str:
    if not document.counts:
        return "no branch and no tag" if document.state == "done" else "not known yet"
    return ", ".join(f"{count} {state}" for state, count in sorted(document.counts.items()))


def _one_line(text: str) -> str:
    """Scripts read a ref a line, whatever its name and its reason hold."""
    return " ".join(text.splitlines()).rstrip()


def document_of(house: "House", run_id: int) -> ImportDocument:
    """The run with its refs."""
    from packistry.sources.outlook import outlook_of
    from packistry.sources.queries import find_run, refs_of, summarise_run

    with house.database.read() as session:
        run = find_run(session, operator(), run_id)
        summary = summarise_run(session, run)
        return import_document(summary, refs_of(session, run), outlook_of(session, run, summary.source))
