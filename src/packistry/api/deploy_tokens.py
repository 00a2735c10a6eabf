"""Deploy tokens: those of machines."""

from datetime import timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field

from packistry.access.permissions import Ability
from packistry.access.secrets import MintedSecret
from packistry.api.calls import Ask, Call, Listed, sorted_by
from packistry.api.inputs import Body, Grants, Id, Moment, Name, Words, abilities_of, words_of
from packistry.api.operations import list_of, operation
from packistry.db.engine import WriteSession
from packistry.documents.secrets import with_secret
from packistry.documents.subjects import NewTokenDocument, TokenDocument, token_document
from packistry.tokens.actions import create_deploy_token, revoke_token, rotate_token, update_deploy_token
from packistry.tokens.queries import (
    TOKEN_ORDERS,
    Token,
    deploy_token_at,
    part_of_deploy_tokens,
    summarise_token,
    token_actor,
)

router: Final = APIRouter(tags=["deploy-tokens"])
READ, WRITE = Ability.DEPLOY_TOKENS_READ, Ability.DEPLOY_TOKENS_WRITE

AbilityWord = Literal["read", "write"]
Abilities = Annotated[list[AbilityWord], Field(min_length=1, max_length=10, description="What it may do.")]
Ends = Annotated[Moment | None, Field(description="From when on it is refused; null is never.")]
# Longer than anybody needs to change a secret everywhere.
Overlap = Annotated[int, Field(ge=0, le=366 * 24 * 3600, description="How long the former secrets still work.")]


class NewDeployToken(Body):
    """A deploy token that is to be made."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "ci", "abilities": ["read"], "grants": [{"repository": "acme"}]}],
        }
    )

    name: Name
    abilities: Abilities
    grants: Annotated[Grants, Field(default_factory=list, description="What it is tied to; `write` says nothing here.")]
    expires_at: Ends = None


class DeployTokenChange(Body):
    """What is to be changed of a deploy token. Its secrets go on working."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "ci", "expires_at": None}]})

    name: Name | None = None
    abilities: Abilities | None = None
    grants: Grants | None = None
    expires_at: Ends = None


class Rotation(Body):
    """How a token gets another secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"overlap_seconds": 86400}]})

    overlap_seconds: Overlap = 24 * 3600


@operation(router, "GET", "/deploy-tokens", ability=READ, answers=list_of(TokenDocument))
def list_deploy_tokens(
    call: Ask, listing: Listed, sort: Annotated[str, sorted_by(TOKEN_ORDERS)] = "name", q: Words = ""
) -> Response:
    """Deploy tokens, without their secrets."""
    part = listing.part(TOKEN_ORDERS, sort)
    with call.read() as session:
        found = part_of_deploy_tokens(session, call.actor, part, words=words_of(q))
    return call.listed(found, part, TOKEN_ORDERS, token_document)


@operation(router, "POST", "/deploy-tokens", ability=WRITE, answers=NewTokenDocument, status=201, once=True)
def make_deploy_token(call: Ask, body: NewDeployToken) -> Response:
    """Make a deploy token. Its secret is answered this once."""

    def make(session: WriteSession) -> Response:
        token, secret = create_deploy_token(
            session,
            call.actor,
            name=body.name,
            grants=[each.grant() for each in body.grants],
            abilities=abilities_of(body.abilities),
            expires_at=body.expires_at,
        )
        return _new(session, call, token, secret)

    return call.once(make)


@operation(router, "GET", "/deploy-tokens/{token_id}", ability=READ, answers=TokenDocument)
def show_deploy_token(call: Ask, token_id: Id) -> Response:
    """A deploy token, without its secret."""
    with call.read() as session:
        token = deploy_token_at(session, call.actor, token_id)
        return call.answer(token_document(summarise_token(session, token, None)))


@operation(router, "PATCH", "/deploy-tokens/{token_id}", ability=WRITE, answers=TokenDocument, guarded=True)
def change_deploy_token(call: Ask, token_id: Id, body: DeployTokenChange) -> Response:
    """Change a deploy token. Grants replace those before."""
    with call.write() as session:
        token = _held(session, call, token_id)
        update_deploy_token(
            session,
            call.actor,
            token,
            name=body.name,
            grants=None if body.grants is None else [each.grant() for each in body.grants],
            abilities=None if body.abilities is None else abilities_of(body.abilities),
            expires_at=body.expires_at,
            never_expires="expires_at" in body.given and body.expires_at is None,
        )
        session.flush()
        return call.answer(token_document(summarise_token(session, token, None)))


@operation(
    router, "POST", "/deploy-tokens/{token_id}/rotate", ability=WRITE, answers=NewTokenDocument, status=201, once=True
)
def rotate_deploy_token(call: Ask, token_id: Id, body: Rotation) -> Response:
    """Give a deploy token another secret. The former ones end after a while; zero is at once."""

    def rotate(session: WriteSession) -> Response:
        token = deploy_token_at(session, call.actor, token_id)
        overlap = timedelta(seconds=body.overlap_seconds)
        return _new(session, call, token, rotate_token(session, call.actor, token, overlap=overlap), overlap)

    return call.once(rotate)


@operation(router, "DELETE", "/deploy-tokens/{token_id}", ability=WRITE, status=204, guarded=True)
def revoke_deploy_token(call: Ask, token_id: Id) -> Response:
    """Revoke a deploy token: it is refused from the next request on."""
    with call.write() as session:
        revoke_token(session, call.actor, _held(session, call, token_id))
    return Response(status_code=204)


def _held(session: WriteSession, call: Call, token_id: int) -> Token:
    """The token as it is, for this change alone. Refuses one that is not as the caller takes it to be."""
    call.hold(session)
    token = deploy_token_at(session, call.actor, token_id)
    call.refuse_outdated(session, token_document(summarise_token(session, token, None)))
    return token


def _new(
    session: WriteSession, call: Call, token: Token, secret: MintedSecret, overlap: timedelta | None = None
) -> Response:
    session.flush()
    summary, actor = summarise_token(session, token, None), token_actor(token, None)
    document = with_secret(session, call.public_base, summary, actor, secret, overlap=overlap)
    return call.answer(document, status=201, location=f"/deploy-tokens/{token.id}")
