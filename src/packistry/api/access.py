"""Why somebody may or may not."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from packistry.access.actors import Actor, Anonymous, describe
from packistry.access.explain import Explanation, explain_publish, explain_read
from packistry.access.permissions import COMPOSER_ABILITIES, Ability
from packistry.accounts.queries import user_at
from packistry.accounts.sign_in import user_actor
from packistry.api.calls import Ask, Call
from packistry.api.inputs import path_of
from packistry.api.operations import operation
from packistry.composer.names import normalise_name
from packistry.db.engine import ReadSession
from packistry.db.types import MAX_ID
from packistry.documents.subjects import ExplanationDocument, shown_path
from packistry.errors import InvalidInput
from packistry.repositories.queries import find_repository
from packistry.tokens.queries import deploy_token_at, token_actor, why_not_good

router: Final = APIRouter(tags=["access"])

Who = Annotated[int | None, Query(ge=1, le=MAX_ID)]


@operation(router, "GET", "/access/explain", ability=Ability.ACCESS_READ, answers=ExplanationDocument)
def explain_access(
    call: Ask,
    *,
    user: Who = None,
    deploy_token: Who = None,
    repository: Annotated[str, Query(max_length=255, description='Path; "/" is the root.')] = "/",
    package: Annotated[str | None, Query(max_length=255, description="vendor/name.")] = None,
    write: Annotated[bool, Query(description="Ask about publishing instead of reading.")] = False,
) -> Response:
    """Say whether somebody may read or publish something, and why. Without a user and a deploy token it is about
    somebody without a token.
    """
    if user is not None and deploy_token is not None:
        raise InvalidInput("Say one of user and deploy_token, or none of them.", field="user")
    name = None if package is None else normalise_name(package)
    with call.read() as session:
        whom, refused = _whom(session, call, user, deploy_token)
        found = find_repository(session, call.actor, path_of(repository))
        explained = (explain_publish if write else explain_read)(session, call.actor, whom, found, name)
        shown = shown_path(found.path)
    if refused is not None:
        explained = Explanation(False, (refused,))
    document = ExplanationDocument(describe(whom), shown, name, write, explained.may, list(explained.reasons))
    return call.answer(document)


def _whom(session: ReadSession, call: Call, user: int | None, deploy_token: int | None) -> tuple[Actor, str | None]:
    """Who is meant, and why they are refused before anything is looked at, if they are."""
    if user is not None:
        person = user_at(session, call.actor, user)
        refused = None if person.active else f"The account {person.email} is switched off."
        return user_actor(person, abilities=COMPOSER_ABILITIES), refused
    if deploy_token is not None:
        token = deploy_token_at(session, call.actor, deploy_token)
        return token_actor(token, None), why_not_good(token, None, None)
    return Anonymous(), None
