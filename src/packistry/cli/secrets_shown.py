"""Showing a new token: the secret, once, and what to type to use it."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from packistry import clock
from packistry.cli.opening import public_url
from packistry.cli.printing import moment
from packistry.documents.subjects import NewTokenDocument, token_document

if TYPE_CHECKING:
    from packistry.access.actors import Actor
    from packistry.access.secrets import MintedSecret
    from packistry.db.engine import ReadSession
    from packistry.house import House
    from packistry.tokens.queries import TokenSummary

# More would bury the secret above them.
MOST_COMMANDS: Final = 12


def with_secret(
    session: "ReadSession",
    house: "House",
    summary: "TokenSummary",
    actor: "Actor",
    secret: "MintedSecret",
    *,
    overlap: timedelta | None = None,
) -> NewTokenDocument:
    """The token with its new secret; `actor` is the token itself, `overlap` how long former secrets still work."""
    document = token_document(summary)
    kept: dict[str, Any] = {**asdict(document), "grants": document.grants}
    return NewTokenDocument(
        **kept,
        token=secret.plain,
        old_valid_until=None if overlap is None else clock.now() + overlap,
        commands=_commands(session, house, summary, actor, secret),
    )


def _commands(
    session: "ReadSession", house: "House", summary: "TokenSummary", actor: "Actor", secret: "MintedSecret"
) -> list[str]:
    """For a deploy token the repositories it is tied to; for a personal one all that its user sees."""
    from packistry.repositories.clients import composer_commands
    from packistry.repositories.queries import list_repositories, sharing_repositories

    tied = {grant.repository for grant in summary.grants}
    seen = [each for each in list_repositories(session, actor) if summary.user is not None or each.path in tied]
    share = sharing_repositories(session, {each.id for each in seen})
    return composer_commands(public_url(house), secret.plain, [each.path for each in seen], share_vendors=share)


def shown(document: NewTokenDocument, what: str) -> Iterator[str]:
    """The lines for the person who asked for it."""
    yield f"{what} {document.name} (id {document.id}). Its secret is shown this once:"
    yield ""
    yield f"  {document.token}"
    yield ""
    if "read" in document.abilities:
        yield "In a project that uses it:"
        yield ""
        yield from (f"  {command}" for command in document.commands[:MOST_COMMANDS])
        if len(document.commands) > MOST_COMMANDS:
            yield "  ... and so on; `packistry repository list` shows every address"
        yield ""
    yield f"It may {' and '.join(document.abilities)} and ends: {moment(document.expires_at, 'never')}."
    if document.old_valid_until is not None:
        yield f"Its former secrets end: {moment(document.old_valid_until)}."
