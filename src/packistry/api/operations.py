"""What every operation of the API says of itself: its ability, what it answers, and what it may refuse."""

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar, cast

from fastapi import APIRouter, Depends
from pydantic import create_model

from packistry.access.permissions import Ability
from packistry.api.calls import needs

F = TypeVar("F", bound=Callable[..., Any])

# Under this key the document names the ability of an operation.
ABILITY: Final = "x-ability"
IF_MATCH: Final = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of the state you looked at: another one is refused with 412.",
    "schema": {"type": "string"},
    "example": '"0d8f1e4a63b7c2950d8f1e4a63b7c295"',
}
IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Any word of yours: the same call with it is done once, and answered alike for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "example": "5f1c9a52",
}


def operation(
    router: APIRouter,
    method: str,
    path: str,
    *,
    ability: Ability,
    answers: Any = None,
    status: int = 200,
    once: bool = False,
    guarded: bool = False,
    more: Iterable[dict[str, Any]] = (),
    body: dict[str, Any] | None = None,
) -> Callable[[F], F]:
    """An operation of the resource. `once`: it takes an Idempotency-Key; `guarded`: it takes If-Match."""

    def add(function: F) -> F:
        summary, _, rest = (function.__doc__ or "").strip().partition("\n")
        parameters = [*([IDEMPOTENCY_KEY] if once else []), *([IF_MATCH] if guarded else []), *more]
        extra: dict[str, Any] = {ABILITY: ability.value}
        if parameters:
            extra["parameters"] = parameters
        if body is not None:
            extra["requestBody"] = body
        described = f"{' '.join(rest.split())}\n\nNeeds the ability `{ability.value}`.".strip()
        known: set[str] = set()
        router.add_api_route(
            path,
            function,
            methods=[method],
            response_model=None,
            status_code=status,
            dependencies=[Depends(needs(ability, known))],
            summary=summary.rstrip("."),
            description=described,
            operation_id=function.__name__,
            responses={status: _answer(answers)},
            openapi_extra=extra,
        )
        [made] = [each for each in router.routes if getattr(each, "endpoint", None) is function]
        known.update(_parameters(cast("Any", made).dependant))
        return function

    return add


def list_of(document: type) -> Any:
    """The model of a part of a list of these documents."""
    name = document.__name__.removesuffix("Document")
    return create_model(f"{name}List", items=(cast("Any", list)[document], ...), next_cursor=(str | None, ...))


def _answer(answers: Any) -> dict[str, Any]:
    return {"description": "Nothing."} if answers is None else {"description": "As asked.", "model": answers}


def _parameters(needed: Any) -> set[str]:
    """The names of the query parameters of a call, with those of what it depends on."""
    own = {each.alias for each in needed.query_params}
    return own.union(*(_parameters(inner) for inner in needed.dependencies))
