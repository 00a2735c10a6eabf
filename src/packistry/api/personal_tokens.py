"""Personal tokens: the caller's own. Nobody sees or changes those of others."""

from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field

from packistry.access.permissions import Ability
from packistry.access.secrets import MintedSecret
from packistry.accounts.queries import own_user
from packistry.api.calls import Ask, Call, Listed, sorted_by
from packistry.api.deploy_tokens import Ends, Rotation
from packistry.api.inputs import AbilityWord, Body, Id, Name, Words, abilities_of, words_of
from packistry.api.operations import list_of, operation
from packistry.db.engine import WriteSession
from packistry.documents.secrets import with_secret
from packistry.documents.subjects import NewTokenDocument, TokenDocument, token_document
from packistry.tokens.actions import create_personal_token, revoke_token, rotate_token
from packistry.tokens.queries import (
    TOKEN_ORDERS,
    Token,
    part_of_personal_tokens,
    personal_token_at,
    summarise_token,
    token_actor,
)

router: Final = APIRouter(tags=["personal-tokens"])
READ, WRITE = Ability.PERSONAL_TOKENS_READ, Ability.PERSONAL_TOKENS_WRITE


class NewPersonalToken(Body):
    """A personal token that is to be made."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "laptop", "abilities": ["read", "packages:write"]}]}
    )

    name: Name
    abilities: Annotated[
        list[AbilityWord], Field(min_length=1, max_length=30, description="By a token, none that it has not itself.")
    ]
    expires_at: Ends = None


@operation(router, "GET", "/personal-tokens", ability=READ, answers=list_of(TokenDocument))
def list_personal_tokens(
    call: Ask, listing: Listed, sort: Annotated[str, sorted_by(TOKEN_ORDERS)] = "name", q: Words = ""
) -> Response:
    """One's own personal tokens, without their secrets."""
    part = listing.part(TOKEN_ORDERS, sort)
    with call.read() as session:
        user = own_user(session, call.actor)
        found = part_of_personal_tokens(session, call.actor, user, part, words=words_of(q))
    return call.listed(found, part, TOKEN_ORDERS, token_document)


@operation(router, "POST", "/personal-tokens", ability=WRITE, answers=NewTokenDocument, status=201, once=True)
def make_personal_token(call: Ask, body: NewPersonalToken) -> Response:
    """Make a personal token for oneself. Its secret is answered this once."""

    def make(session: WriteSession) -> Response:
        user, abilities = own_user(session, call.actor), abilities_of(body.abilities)
        token, secret = create_personal_token(
            session, call.actor, user, name=body.name, abilities=abilities, expires_at=body.expires_at
        )
        return _new(session, call, token, secret)

    return call.once(make)


@operation(router, "GET", "/personal-tokens/{token_id}", ability=READ, answers=TokenDocument)
def show_personal_token(call: Ask, token_id: Id) -> Response:
    """One of one's own personal tokens, without its secret."""
    with call.read() as session:
        token = personal_token_at(session, call.actor, token_id)
        return call.answer(token_document(summarise_token(session, token, own_user(session, call.actor))))


@operation(
    router, "POST", "/personal-tokens/{token_id}/rotate", ability=WRITE, answers=NewTokenDocument, status=201, once=True
)
def rotate_personal_token(call: Ask, token_id: Id, body: Rotation) -> Response:
    """Give a personal token another secret. The former ones end after a while; zero is at once."""

    def rotate(session: WriteSession) -> Response:
        token = personal_token_at(session, call.actor, token_id)
        overlap = timedelta(seconds=body.overlap_seconds)
        return _new(session, call, token, rotate_token(session, call.actor, token, overlap=overlap), overlap)

    return call.once(rotate)


@operation(router, "DELETE", "/personal-tokens/{token_id}", ability=WRITE, status=204)
def revoke_personal_token(call: Ask, token_id: Id) -> Response:
    """Revoke a personal token: it is refused from the next request on, also the one that asks for it."""
    with call.write() as session:
        revoke_token(session, call.actor, personal_token_at(session, call.actor, token_id))
    return Response(status_code=204)


def _new(
    session: WriteSession, call: Call, token: Token, secret: MintedSecret, overlap: timedelta | None = None
) -> Response:
    session.flush()
    owner = own_user(session, call.actor)
    summary, actor = summarise_token(session, token, owner), token_actor(token, owner)
    document = with_secret(session, call.public_base, summary, actor, secret, overlap=overlap)
    return call.answer(document, status=201, location=f"/personal-tokens/{token.id}")
