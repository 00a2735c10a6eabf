"""Deploy tokens and personal tokens: made, shown once, changed, rotated and revoked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from starlette.responses import Response

from packistry.access.permissions import Permission
from packistry.access.rules import require
from packistry.access.secrets import MintedSecret
from packistry.db.engine import ReadSession, WriteSession
from packistry.repositories.clients import composer_commands
from packistry.repositories.queries import list_repositories, sharing_repositories
from packistry.tokens.actions import (
    create_deploy_token,
    create_personal_token,
    revoke_token,
    rotate_token,
    update_deploy_token,
)
from packistry.tokens.queries import (
    TokenSummary,
    deploy_token_at,
    list_deploy_tokens,
    list_personal_tokens,
    personal_token_at,
    summarise_token,
    token_actor,
)
from packistry.web.pages.access import NEVER, TERMS, abilities_in, choices, end_in, grants_in, package_lines
from packistry.web.pages.forms import CORRECTABLE, NO_PROBLEMS, Problems, problem
from packistry.web.pages.site import Page
from packistry.web.pages.visits import Visit

FIELDS: Final = ("name", "abilities", "expires_at", "packages", "repositories", "overlap")
# How long the former secret of a rotated token still works, in hours.
OVERLAPS: Final = ("0", "1", "24", "168")
# More commands would bury the secret above them.
MOST_COMMANDS: Final = 12


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the two kinds of tokens, as pages know it. Only a deploy token is tied to what it may read."""

    path: str
    deploy: bool
    # The rows are tables' own, which no page touches.
    find: Callable[[ReadSession, Visit], Any]


def _deploy(session: ReadSession, visit: Visit) -> Any:
    return deploy_token_at(session, visit.actor, visit.number("token"))


def _personal(session: ReadSession, visit: Visit) -> Any:
    return personal_token_at(session, visit.person, visit.number("token"))


DEPLOY: Final = Kind("/-/deploy-tokens", True, _deploy)
PERSONAL: Final = Kind("/-/personal-tokens", False, _personal)


def _pages(kind: Kind) -> Sequence[Page]:
    def show_all(visit: Visit) -> Response:
        with visit.database.read() as session:
            rows = _list(session, visit, kind)
        return visit.page("tokens.html", kind=kind, rows=rows)

    def begin(visit: Visit) -> Response:
        return _form(visit, kind, None, NO_PROBLEMS)

    def create(visit: Visit) -> Response:
        try:
            with visit.database.write() as session:
                token, secret = _create(session, visit, kind)
                return _created(session, visit, kind, token, secret, overlap=None)
        except CORRECTABLE as refusal:
            return _form(visit, kind, None, problem(refusal, FIELDS))

    def show(visit: Visit) -> Response:
        with visit.database.read() as session:
            summary = summarise_token(session, kind.find(session, visit), _owner(visit, kind))
        return _form(visit, kind, summary, NO_PROBLEMS)

    def change(visit: Visit) -> Response:
        with visit.database.read() as session:
            summary = summarise_token(session, kind.find(session, visit), _owner(visit, kind))
        try:
            with visit.database.write() as session:
                _change(session, visit, kind.find(session, visit))
        except CORRECTABLE as refusal:
            return _form(visit, kind, summary, problem(refusal, FIELDS))
        return visit.go(kind.path)

    def rotate(visit: Visit) -> Response:
        hours = visit.form.text("overlap")
        overlap = timedelta(hours=int(hours) if hours in OVERLAPS else 24)
        with visit.database.write() as session:
            token = kind.find(session, visit)
            secret = rotate_token(session, visit.person, token, overlap=overlap)
            return _created(session, visit, kind, token, secret, overlap=overlap)

    def revoke(visit: Visit) -> Response:
        with visit.database.write() as session:
            revoke_token(session, visit.person, kind.find(session, visit))
        return visit.go(kind.path)

    return (
        Page(kind.path, show=show_all),
        Page(f"{kind.path}/new", show=begin, act=create),
        Page(f"{kind.path}/{{token}}", show=show, act=change if kind.deploy else None),
        Page(f"{kind.path}/{{token}}/rotate", act=rotate),
        Page(f"{kind.path}/{{token}}/revoke", act=revoke),
    )


def _list(session: ReadSession, visit: Visit, kind: Kind) -> Sequence[TokenSummary]:
    if kind.deploy:
        return list_deploy_tokens(session, visit.actor)
    return list_personal_tokens(session, visit.actor, _owner(visit, kind))


def _owner(visit: Visit, kind: Kind) -> Any:
    """The one whose personal tokens these are; None for deploy tokens."""
    assert visit.signed_in is not None, "the site lets nobody in who is not"
    return None if kind.deploy else visit.signed_in.user


def _create(session: WriteSession, visit: Visit, kind: Kind) -> tuple[Any, MintedSecret]:
    name, abilities, end = visit.form.text("name"), abilities_in(visit.form), end_in(visit.form)
    if not kind.deploy:
        owner = _owner(visit, kind)
        return create_personal_token(session, visit.person, owner, name=name, abilities=abilities, expires_at=end)
    grants = grants_in(visit.form)
    return create_deploy_token(session, visit.person, name=name, grants=grants, abilities=abilities, expires_at=end)


def _change(session: WriteSession, visit: Visit, token: Any) -> None:
    chosen = visit.form.text("expires")
    update_deploy_token(
        session,
        visit.person,
        token,
        name=visit.form.text("name"),
        grants=grants_in(visit.form),
        abilities=abilities_in(visit.form),
        expires_at=end_in(visit.form),
        never_expires=chosen == NEVER,
    )


def _form(visit: Visit, kind: Kind, summary: TokenSummary | None, problems: Problems) -> Response:
    """The form for a new token, or of one that is there, as it was filled in when something is wrong with it."""
    if kind.deploy:
        require(visit.actor, Permission.DEPLOY_TOKEN_MANAGE)
    grants = summary.grants if summary else ()
    with visit.database.read() as session:
        given = choices(session, visit.actor, grants) if kind.deploy else []
    return visit.page(
        "token.html",
        status=422 if problems else 200,
        kind=kind,
        token=summary,
        problems=problems,
        form=visit.form,
        given=given,
        packages=visit.form.text("packages") if problems else package_lines(grants),
        abilities=visit.form.all("ability") if problems else summary.abilities if summary else ("read",),
        terms=TERMS,
        overlaps=OVERLAPS,
    )


def _created(
    session: WriteSession, visit: Visit, kind: Kind, token: Any, secret: MintedSecret, *, overlap: timedelta | None
) -> Response:
    """The page that shows the secret, once. It is rendered before the commit: what nobody could see is not made."""
    session.flush()
    owner = _owner(visit, kind)
    summary = summarise_token(session, token, owner)
    tied = {grant.repository for grant in summary.grants}
    seen = [each for each in list_repositories(session, token_actor(token, owner)) if owner or each.path in tied]
    share = sharing_repositories(session, {each.id for each in seen})
    paths = [each.path for each in seen][:MOST_COMMANDS]
    return visit.page(
        "token_created.html",
        kind=kind,
        token=summary,
        secret=secret.plain,
        hint=f"{secret.hint}…",
        commands=composer_commands(visit.public_base, secret.plain, paths, share_vendors=share),
        host=visit.public_base.split("/")[2],
        overlap=overlap,
    )


PAGES: Final = (*_pages(DEPLOY), *_pages(PERSONAL))
