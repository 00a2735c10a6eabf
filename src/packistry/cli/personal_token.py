"""`packistry personal-token`: tokens of people, which may never do more than their user."""

from typing import Annotated

import typer

from packistry.cli.asking import confirm
from packistry.cli.deploy_token import Name, Overlap
from packistry.cli.opening import opened, operator, public_url
from packistry.cli.options import READ, AsJSON, Expires, PersonalAbilities, Yes, abilities_of, duration, end_of
from packistry.cli.printing import answer, moment, table
from packistry.cli.secrets_shown import shown
from packistry.cli.verbs import noun, verb
from packistry.documents.secrets import with_secret
from packistry.documents.subjects import DeletedDocument, NewTokenDocument, TokenDocument, token_document

app = noun("personal-token", "Tokens of a user, never more than that user may do.")

Owner = Annotated[str, typer.Option("--user", metavar="USER", help="Whose: e-mail address or id.")]


@verb(
    app,
    "add",
    "personal-token add laptop --user ada@example.com",
    "personal-token add release --user ada@example.com --ability read --ability write --expires 30d",
    "personal-token add automation --user ada@example.com --ability admin:read --ability packages:write",
    prints=NewTokenDocument,
)
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name: where it is used.")],
    *,
    user: Owner,
    abilities: PersonalAbilities = None,
    expires: Expires = None,
    as_json: AsJSON = False,
) -> None:
    """Make a personal token, to read unless told otherwise, and show its secret once."""
    from packistry.accounts.queries import find_user
    from packistry.tokens.actions import create_personal_token
    from packistry.tokens.queries import summarise_token, token_actor

    with opened() as house, house.database.write() as session:
        owner = find_user(session, operator(), user)
        made, secret = create_personal_token(
            session,
            operator(),
            owner,
            name=name,
            abilities=abilities_of(abilities or [READ]),
            expires_at=end_of(expires),
        )
        session.flush()
        summary, actor = summarise_token(session, made, owner), token_actor(made, owner)
        document = with_secret(session, public_url(house), summary, actor, secret)
    answer(document, shown(document, "Made personal token"), as_json=as_json)


@verb(app, "list", "personal-token list --user ada@example.com", prints=TokenDocument, several=True)
def list_all(*, user: Owner, as_json: AsJSON = False) -> None:
    """Show a user's personal tokens, without their secrets."""
    from packistry.accounts.queries import find_user
    from packistry.tokens.queries import list_personal_tokens

    with opened() as house, house.database.read() as session:
        owner = find_user(session, operator(), user)
        documents = [token_document(summary) for summary in list_personal_tokens(session, operator(), owner)]
    rows = [
        (each.name, ",".join(each.abilities), moment(each.expires_at, "never"), moment(each.last_used_at, "never"))
        for each in documents
    ]
    empty = f"{owner.email} has no personal token."
    answer(documents, table(("NAME", "MAY", "ENDS", "LAST USED"), rows, empty=empty), as_json=as_json)


@verb(app, "rotate", "personal-token rotate laptop --user ada@example.com --overlap 1h", prints=NewTokenDocument)
def rotate(token: Name, *, user: Owner, overlap: Overlap = "24h", as_json: AsJSON = False) -> None:
    """Make a new secret for a personal token and show it once; the old one runs out after the overlap."""
    from packistry.accounts.queries import find_user
    from packistry.tokens.actions import rotate_token
    from packistry.tokens.queries import find_personal_token, summarise_token, token_actor

    length = duration(overlap)
    with opened() as house, house.database.write() as session:
        owner = find_user(session, operator(), user)
        found = find_personal_token(session, operator(), owner, token)
        secret = rotate_token(session, operator(), found, overlap=length)
        session.flush()
        summary, actor = summarise_token(session, found, owner), token_actor(found, owner)
        document = with_secret(session, public_url(house), summary, actor, secret, overlap=length)
    answer(document, shown(document, "New secret for personal token"), as_json=as_json)


@verb(app, "delete", "personal-token delete laptop --user ada@example.com --yes", prints=DeletedDocument)
def delete(token: Name, *, user: Owner, yes: Yes = False, as_json: AsJSON = False) -> None:
    """Revoke a personal token: it is refused from the next request on."""
    from packistry.accounts.queries import find_user
    from packistry.tokens.actions import revoke_token
    from packistry.tokens.queries import find_personal_token

    with opened() as house:
        with house.database.read() as session:
            owner = find_user(session, operator(), user)
            found = find_personal_token(session, operator(), owner, token)
        confirm(f"Delete personal token {found.name} of {owner.email}? It is refused at once.", yes=yes)
        with house.database.write() as session:
            owner = find_user(session, operator(), user)
            found = find_personal_token(session, operator(), owner, token)
            revoke_token(session, operator(), found)
    document = DeletedDocument("personal-token", found.id, found.name)
    answer(document, [f"Personal token {document.name} was deleted."], as_json=as_json)
