"""`packistry package add`: projects of a source, by their names or all of them by a rule."""

from typing import Annotated

import typer

from packistry.cli import package
from packistry.cli.imports import Wait, tell
from packistry.cli.opening import desk_of, opened, operator
from packistry.cli.options import AsJSON, repository_path
from packistry.cli.project import Hook
from packistry.cli.rule import tell_gathered
from packistry.cli.verbs import verb
from packistry.cli.webhook import secret_document
from packistry.documents.sources import GatheredDocument, ImportDocument


@verb(
    package.app,
    "add",
    "package add local widgets.git --repository acme --wait",
    "package add github acme/widgets acme/gadgets --repository acme --tag 'v*' --branch main",
    "package add github --all --owner acme --exclude '*-archive' --repository acme",
    prints=ImportDocument,
    several=True,
    given=("--all", GatheredDocument),
)
def add(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Name or id of the source.")],
    projects: Annotated[
        list[str] | None, typer.Argument(metavar="[PROJECT]...", help="Full names at the host.")
    ] = None,
    *,
    repository: Annotated[str, typer.Option(metavar="PATH", help="Where to publish; `/` is the root.")] = "/",
    path: Annotated[str, typer.Option(metavar="DIR", help="The directory of the package in the project.")] = "",
    tag: Annotated[list[str] | None, typer.Option(metavar="PATTERN", help="Only such tags; `!` leaves out.")] = None,
    branch: Annotated[list[str] | None, typer.Option(metavar="PATTERN", help="Only such branches.")] = None,
    hook: Hook = None,
    every: Annotated[
        bool, typer.Option("--all", help="All packages the host shows, and by a rule those it has later.")
    ] = False,
    owner: Annotated[
        str, typer.Option(metavar="NAME", help="With --all: only of this organisation, group or workspace.")
    ] = "",
    include: Annotated[
        list[str] | None, typer.Option(metavar="PATTERN", help="With --all: only projects called so.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="PATTERN", help="With --all: no projects called so.")
    ] = None,
    archived: Annotated[bool, typer.Option("--archived", help="With --all: archived projects too.")] = False,
    wait: Wait = False,
    as_json: AsJSON = False,
) -> None:
    """Add projects of a source; their tags and branches become versions, now and with each later push."""
    from packistry.repositories.queries import find_repository_named
    from packistry.sources.desk import Wish
    from packistry.sources.gathering import RuleWish

    _refuse_mixture(projects, path, every=every, only_with_all=bool(owner or include or exclude or archived))
    with opened() as house:
        with house.database.read() as session:
            target = find_repository_named(session, operator(), repository_path(repository))
        wish = Wish(target.id, directory=path, tags=tag or (), branches=branch or (), hooked=hook is not False)
        if not every:
            added = desk_of(house).add(operator(), source, projects or (), wish)
            secrets = {each.run_id: secret_document(house, each.hook) for each in added if each.hook}
            tell(house, [each.run_id for each in added], wait=wait, as_json=as_json, webhooks=secrets)
            return
        patterns = [*(include or ()), *(f"!{pattern}" for pattern in exclude or ())]
        rule = RuleWish(wish, owner=owner, projects=patterns, with_archived=archived)
        tell_gathered(house, house.gatherer.add(operator(), source, rule), wait=wait, as_json=as_json)


def _refuse_mixture(projects: list[str] | None, path: str, *, every: bool, only_with_all: bool) -> None:
    if every == bool(projects):
        raise typer.BadParameter("Name projects, or say --all.")
    if every and path:
        raise typer.BadParameter("--path is about projects by name; with --all the whole of each is added.")
    if only_with_all and not every:
        raise typer.BadParameter("--owner, --include, --exclude and --archived go with --all.")
