"""`packistry deploy-token`: tokens for machines."""

from dataclasses import replace
from typing import Annotated

import typer

from packistry.cli.asking import confirm
from packistry.cli.opening import opened, operator, public_url
from packistry.cli.options import (
    READ,
    Abilities,
    AsJSON,
    Expires,
    TokenPackages,
    TokenRepositories,
    Yes,
    abilities_of,
    duration,
    end_of,
    token_grants,
)
from packistry.cli.printing import answer, facts, moment, table
from packistry.cli.secrets_shown import shown
from packistry.cli.user import spelled
from packistry.cli.verbs import noun, verb
from packistry.documents.secrets import with_secret
from packistry.documents.subjects import DeletedDocument, NewTokenDocument, TokenDocument, token_document
from packistry.errors import InvalidInput

app = noun("deploy-token", "Tokens of machines, tied to repositories or packages.")

Name = Annotated[str, typer.Argument(metavar="TOKEN", help="Its name or id.")]
Overlap = Annotated[
    str, typer.Option(metavar="DURATION", help="How long the old secret goes on working: 24h, 30m; 0 ends it at once.")
]


@verb(
    app,
    "add",
    "deploy-token add ci --repository acme --ability read --ability write",
    "deploy-token add one --package acme:acme/lib --expires 90d --json",
    prints=NewTokenDocument,
)
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name: which machine uses it.")],
    *,
    repositories: TokenRepositories = None,
    packages: TokenPackages = None,
    abilities: Abilities = None,
    expires: Expires = None,
    as_json: AsJSON = False,
) -> None:
    """Make a deploy token, to read unless told otherwise, and show its secret once."""
    from packistry.tokens.actions import create_deploy_token
    from packistry.tokens.queries import summarise_token, token_actor

    with opened() as house, house.database.write() as session:
        made, secret = create_deploy_token(
            session,
            operator(),
            name=name,
            grants=token_grants(repositories, packages),
            abilities=abilities_of(abilities or [READ]),
            expires_at=end_of(expires),
        )
        session.flush()
        summary, actor = summarise_token(session, made, None), token_actor(made, None)
        document = with_secret(session, public_url(house), summary, actor, secret)
    answer(document, shown(document, "Made deploy token"), as_json=as_json)


@verb(app, "list", "deploy-token list", prints=TokenDocument, several=True)
def list_all(*, as_json: AsJSON = False) -> None:
    """Show all deploy tokens, without their secrets."""
    from packistry.tokens.queries import list_deploy_tokens

    with opened() as house, house.database.read() as session:
        documents = [token_document(summary) for summary in list_deploy_tokens(session, operator())]
    rows = [
        (
            each.name,
            ",".join(each.abilities),
            moment(each.expires_at, "never"),
            moment(each.last_used_at, "never"),
            tied_to(each),
        )
        for each in documents
    ]
    headers = ("NAME", "MAY", "ENDS", "LAST USED", "TIED TO")
    answer(documents, table(headers, rows, empty="There is no deploy token."), as_json=as_json)


@verb(
    app,
    "update",
    "deploy-token update ci --repository acme --repository oss",
    "deploy-token update ci --expires never",
    prints=TokenDocument,
)
def update(
    token: Name,
    *,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="A new name.")] = None,
    repositories: TokenRepositories = None,
    packages: TokenPackages = None,
    no_grants: Annotated[bool, typer.Option("--no-grants", help="Tie it to nothing.")] = False,
    abilities: Abilities = None,
    expires: Expires = None,
    as_json: AsJSON = False,
) -> None:
    """Change what is given of a deploy token; its secret stays. --repository and --package replace all ties."""
    from packistry.tokens.actions import update_deploy_token
    from packistry.tokens.queries import find_deploy_token, summarise_token

    grants = token_grants(repositories, packages)
    if grants and no_grants:
        raise InvalidInput("Say what to tie it to or --no-grants, not both.", field="grants")
    with opened() as house, house.database.write() as session:
        found = find_deploy_token(session, operator(), token)
        update_deploy_token(
            session,
            operator(),
            found,
            name=name,
            grants=grants if grants or no_grants else None,
            abilities=abilities_of(abilities) if abilities else None,
            expires_at=end_of(expires),
            never_expires=expires == "never",
        )
        session.flush()
        document = token_document(summarise_token(session, found, None))
    rows = [
        ("may", " and ".join(document.abilities)),
        ("tied to", tied_to(document)),
        ("ends", moment(document.expires_at, "never")),
    ]
    answer(document, [f"Deploy token {document.name} is now:", *facts(rows)], as_json=as_json)


@verb(app, "rotate", "deploy-token rotate ci --overlap 1h", prints=NewTokenDocument)
def rotate(token: Name, *, overlap: Overlap = "24h", as_json: AsJSON = False) -> None:
    """Make a new secret for a deploy token and show it once; the old one runs out after the overlap."""
    from packistry.tokens.actions import rotate_token
    from packistry.tokens.queries import find_deploy_token, summarise_token, token_actor

    length = duration(overlap)
    with opened() as house, house.database.write() as session:
        found = find_deploy_token(session, operator(), token)
        secret = rotate_token(session, operator(), found, overlap=length)
        session.flush()
        summary, actor = summarise_token(session, found, None), token_actor(found, None)
        document = with_secret(session, public_url(house), summary, actor, secret, overlap=length)
    answer(document, shown(document, "New secret for deploy token"), as_json=as_json)


@verb(app, "delete", "deploy-token delete ci --yes", prints=DeletedDocument)
def delete(token: Name, *, yes: Yes = False, as_json: AsJSON = False) -> None:
    """Revoke a deploy token: it is refused from the next request on."""
    from packistry.tokens.actions import revoke_token
    from packistry.tokens.queries import find_deploy_token

    with opened() as house:
        with house.database.read() as session:
            found = find_deploy_token(session, operator(), token)
        confirm(f"Delete deploy token {found.name}? Whoever uses it is refused at once.", yes=yes)
        with house.database.write() as session:
            found = find_deploy_token(session, operator(), token)
            revoke_token(session, operator(), found)
    document = DeletedDocument("deploy-token", found.id, found.name)
    answer(document, [f"Deploy token {document.name} was deleted."], as_json=as_json)


def tied_to(document: TokenDocument) -> str:
    """Its ties as the flags spell them: what it may do there is said by its abilities."""
    return spelled([replace(grant, write=False) for grant in document.grants])
