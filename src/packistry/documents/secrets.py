"""A token with a secret that was just made, and what to type to use it."""

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from packistry import clock
from packistry.documents.subjects import NewTokenDocument, token_document

if TYPE_CHECKING:
    from packistry.access.actors import Actor
    from packistry.access.secrets import MintedSecret
    from packistry.db.engine import ReadSession
    from packistry.tokens.queries import TokenSummary


def with_secret(
    session: "ReadSession",
    public_url: str,
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
        commands=_commands(session, public_url, summary, actor, secret),
    )


def _commands(
    session: "ReadSession", public_url: str, summary: "TokenSummary", actor: "Actor", secret: "MintedSecret"
) -> list[str]:
    """For a deploy token the repositories it is tied to; for a personal one all that its user sees."""
    from packistry.repositories.clients import composer_commands
    from packistry.repositories.queries import list_repositories, sharing_repositories

    tied = {grant.repository for grant in summary.grants}
    seen = [each for each in list_repositories(session, actor) if summary.user is not None or each.path in tied]
    share = sharing_repositories(session, {each.id for each in seen})
    return composer_commands(public_url, secret.plain, [each.path for each in seen], share_vendors=share)
