"""`packistry user`: people and what they may read and publish."""

from collections.abc import Iterator
from typing import Annotated

import typer

from packistry import clock
from packistry.access.permissions import Role
from packistry.cli.asking import confirm, read_password
from packistry.cli.opening import opened, operator, public_url
from packistry.cli.options import AsJSON, UserGrantPackages, UserGrantRepositories, Yes, user_grants
from packistry.cli.printing import answer, facts, moment, table
from packistry.cli.verbs import noun, verb
from packistry.documents.subjects import DeletedDocument, GrantDocument, LinkDocument, UserDocument, user_document
from packistry.errors import InvalidInput

app = noun("user", "People, their role and what they were given.")

User = Annotated[str, typer.Argument(metavar="USER", help="Their e-mail address or id.")]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input instead of asking for it.")
]


@verb(
    app,
    "add",
    "user add --name Ada --email ada@example.com --role admin",
    "user add --name Ben --email ben@example.com --repository acme:write --package /:acme/lib --password-stdin < file",
    prints=UserDocument,
)
def add(
    *,
    name: Annotated[str, typer.Option(metavar="NAME", help="Their name.")],
    email: Annotated[str, typer.Option(metavar="EMAIL", help="Their e-mail address; they sign in with it.")],
    role: Annotated[
        Role, typer.Option(metavar="admin|user", help="An admin may do everything, a user what was given.")
    ] = Role.USER,
    repositories: UserGrantRepositories = None,
    packages: UserGrantPackages = None,
    password_stdin: PasswordStdin = False,
    no_password: Annotated[bool, typer.Option("--no-password", help="No password: personal tokens only.")] = False,
    as_json: AsJSON = False,
) -> None:
    """Make a user. Asks for a password at the terminal."""
    from packistry.accounts.actions import create_user, make_password_hash
    from packistry.accounts.queries import summarise_user

    if no_password and password_stdin:
        raise InvalidInput("Say --password-stdin or --no-password, not both.", field="password")
    grants = user_grants(repositories, packages)
    with opened() as house:
        # Hashing takes 0.2 s: before the write scope, because SQLite has one writer.
        hashed = None if no_password else make_password_hash(read_password(from_stdin=password_stdin))
        with house.database.write() as session:
            made = create_user(
                session, operator(), name=name, email=email, password_hash=hashed, role=role, grants=grants
            )
            session.flush()
            document = user_document(summarise_user(session, made))
    answer(document, _described("was made", document), as_json=as_json)


@verb(app, "list", "user list", prints=UserDocument, several=True)
def list_all(*, as_json: AsJSON = False) -> None:
    """Show all users."""
    from packistry.accounts.queries import list_users

    with opened() as house, house.database.read() as session:
        documents = [user_document(summary) for summary in list_users(session, operator())]
    rows = [
        (each.email, each.name, each.role if each.active else "off", moment(each.last_seen_at), spelled(each.grants))
        for each in documents
    ]
    answer(
        documents, table(("E-MAIL", "NAME", "ROLE", "SEEN", "GIVEN"), rows, empty="There is no user."), as_json=as_json
    )


@verb(
    app,
    "update",
    "user update ada@example.com --role user --repository acme --repository oss:write",
    "user update ada@example.com --inactive",
    prints=UserDocument,
)
def update(
    user: User,
    *,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Their new name.")] = None,
    email: Annotated[str | None, typer.Option(metavar="EMAIL", help="Their new e-mail address.")] = None,
    role: Annotated[Role | None, typer.Option(metavar="admin|user", help="Their new role.")] = None,
    active: Annotated[bool | None, typer.Option("--active/--inactive", help="Switch the account on or off.")] = None,
    repositories: UserGrantRepositories = None,
    packages: UserGrantPackages = None,
    no_grants: Annotated[bool, typer.Option("--no-grants", help="Take away everything that was given.")] = False,
    as_json: AsJSON = False,
) -> None:
    """Change what is given of a user. --repository and --package together replace everything given before."""
    from packistry.accounts.actions import update_user
    from packistry.accounts.queries import find_user, summarise_user

    grants = user_grants(repositories, packages)
    if grants and no_grants:
        raise InvalidInput("Say what to give or --no-grants, not both.", field="grants")
    with opened() as house, house.database.write() as session:
        found = find_user(session, operator(), user)
        update_user(
            session,
            operator(),
            found,
            name=name,
            email=email,
            role=role,
            active=active,
            grants=grants if grants or no_grants else None,
        )
        session.flush()
        document = user_document(summarise_user(session, found))
    answer(document, _described("is now", document), as_json=as_json)


@verb(app, "delete", "user delete ada@example.com --yes", prints=DeletedDocument)
def delete(user: User, *, yes: Yes = False, as_json: AsJSON = False) -> None:
    """Delete a user, with everything given and all personal tokens."""
    from packistry.accounts.actions import delete_user
    from packistry.accounts.queries import find_user

    with opened() as house:
        with house.database.read() as session:
            found = find_user(session, operator(), user)
        confirm(f"Delete user {found.email} with all personal tokens?", yes=yes)
        with house.database.write() as session:
            found = find_user(session, operator(), user)
            delete_user(session, operator(), found)
    document = DeletedDocument("user", found.id, found.email)
    answer(document, [f"User {document.name} was deleted."], as_json=as_json)


@verb(app, "reset-password", "user reset-password ada@example.com", prints=UserDocument)
def reset_password(user: User, *, password_stdin: PasswordStdin = False, as_json: AsJSON = False) -> None:
    """Give a user a new password. Asks for it at the terminal; the old one stops working at once."""
    from packistry.accounts import actions
    from packistry.accounts.queries import find_user, summarise_user

    with opened() as house:
        with house.database.read() as session:
            find_user(session, operator(), user)
        hashed = actions.make_password_hash(read_password(from_stdin=password_stdin))
        with house.database.write() as session:
            found = find_user(session, operator(), user)
            actions.reset_password(session, operator(), found, hashed)
            document = user_document(summarise_user(session, found))
    answer(document, [f"User {document.email} has a new password."], as_json=as_json)


@verb(app, "reset-link", "user reset-link ada@example.com", prints=LinkDocument)
def reset_link(user: User, *, as_json: AsJSON = False) -> None:
    """Make a link by which a user sets another password, once within 24 hours. It is shown this once."""
    from packistry.accounts.links import RESET, RESET_LASTS, make_reset_link
    from packistry.accounts.mailing import PLACES
    from packistry.accounts.queries import find_user

    with opened() as house:
        base = public_url(house)
        with house.database.write() as session:
            found = find_user(session, operator(), user)
            plain = make_reset_link(session, operator(), found)
        document = LinkDocument(found.email, f"{base}{PLACES[RESET]}/{plain}", clock.now() + RESET_LASTS)
    lines = [f"Give this to {document.email} alone; it works once, for 24 hours:", f"  {document.link}"]
    answer(document, lines, as_json=as_json)


def spelled(grants: list[GrantDocument]) -> str:
    """Grants as the flags spell them, in one line."""
    words = [
        grant.repository + (f":{grant.package}" if grant.package else "") + (":write" if grant.write else "")
        for grant in grants
    ]
    return " ".join(words) or "-"


def _described(change: str, document: UserDocument) -> Iterator[str]:
    yield f"User {document.email} {change}:"
    yield from facts(
        [
            ("name", document.name),
            ("role", document.role),
            ("active", "yes" if document.active else "no"),
            ("given", "everything" if document.role == Role.ADMINISTRATOR else spelled(document.grants)),
            ("id", document.id),
        ]
    )
