"""`packistry access`: why somebody may or may not."""

from typing import TYPE_CHECKING, Annotated

import typer

from packistry.cli.opening import opened, operator
from packistry.cli.options import AsJSON, repository_path
from packistry.cli.printing import answer
from packistry.cli.verbs import noun, verb
from packistry.documents.subjects import ExplanationDocument, shown_path
from packistry.errors import InvalidInput

if TYPE_CHECKING:
    from packistry.access.actors import Actor
    from packistry.db.engine import ReadSession

app = noun("access", "Who may do what, and why.")


@app.callback()
def access() -> None:
    """Keeps the verb: without this, typer makes the only command of a noun the noun itself."""


@verb(
    app,
    "explain",
    "access explain --deploy-token ci --repository acme --package acme/lib --write",
    "access explain --anonymous --repository /",
    prints=ExplanationDocument,
)
def explain(
    *,
    user: Annotated[str | None, typer.Option(metavar="USER", help="A user, by e-mail address or id.")] = None,
    deploy_token: Annotated[str | None, typer.Option(metavar="TOKEN", help="A deploy token, by name or id.")] = None,
    anonymous: Annotated[bool, typer.Option("--anonymous", help="Somebody without a token.")] = False,
    repository: Annotated[str, typer.Option(metavar="PATH", help="Which repository.")] = "/",
    package: Annotated[str | None, typer.Option(metavar="NAME", help="Which package of it.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Ask about publishing instead of reading.")] = False,
    as_json: AsJSON = False,
) -> None:
    """Say whether somebody may read or publish something, and why."""
    from packistry.access.actors import describe
    from packistry.access.explain import Explanation, explain_publish, explain_read
    from packistry.composer.names import normalise_name
    from packistry.repositories.queries import find_repository

    if sum([user is not None, deploy_token is not None, anonymous]) != 1:
        raise InvalidInput("Say who: one of --user, --deploy-token and --anonymous.", field="actor")
    name = None if package is None else normalise_name(package)
    with opened() as house, house.database.read() as session:
        actor, refused = _actor(session, user, deploy_token)
        found = find_repository(session, operator(), repository_path(repository))
        explained = (explain_publish if write else explain_read)(session, operator(), actor, found, name)
        if refused is not None:
            explained = Explanation(False, (refused,))
    document = ExplanationDocument(
        actor=describe(actor),
        repository=shown_path(found.path),
        package=name,
        write=write,
        may=explained.may,
        reasons=list(explained.reasons),
    )
    what = f"{'publish' if write else 'read'} {name or 'packages'} in {document.repository}"
    first = f"{'Yes' if explained.may else 'No'}: {document.actor} {'may' if explained.may else 'may not'} {what}."
    answer(document, [first, *(f"  {reason}" for reason in explained.reasons)], as_json=as_json)


def _actor(session: "ReadSession", user: str | None, deploy_token: str | None) -> "tuple[Actor, str | None]":
    """Who is meant, and why they are refused before anything is looked at, if they are."""
    from packistry.access.actors import Anonymous
    from packistry.access.permissions import ALL_ABILITIES
    from packistry.accounts.queries import find_user
    from packistry.accounts.sign_in import user_actor
    from packistry.tokens.queries import find_deploy_token, token_actor, why_not_good

    if user is not None:
        person = find_user(session, operator(), user)
        refused = None if person.active else f"The account {person.email} is switched off."
        return user_actor(person, abilities=ALL_ABILITIES), refused
    if deploy_token is not None:
        token = find_deploy_token(session, operator(), deploy_token)
        return token_actor(token, None), why_not_good(token, None, None)
    return Anonymous(), None
