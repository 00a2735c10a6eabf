"""Refusals as problems of RFC 9457: the sentence is the detail, the code is stable."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

import orjson

from packistry.errors import Refusal, TooManyRequests, Unauthenticated, answer_for

MEDIA_TYPE: Final = "application/problem+json"
TYPE: Final = "urn:packistry:problem:"


def problem_of(refusal: Refusal) -> dict[str, Any]:
    """The refusal, as callers read it."""
    told = answer_for(refusal)
    found = problem(told.status, told.code, refusal.sentence)
    return found if refusal.field is None else {**found, "field": refusal.field}


def problem(status: int, code: str, detail: str, errors: Sequence[dict[str, str]] | None = None) -> dict[str, Any]:
    """A problem by its parts; `errors` are a sentence each for several inputs."""
    found = {
        "type": TYPE + code,
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "code": code,
        "detail": detail,
    }
    return found if errors is None else {**found, "errors": list(errors)}


def problem_headers(refusal: Refusal) -> dict[str, str]:
    """What goes with it: how to prove who asks, or how long to wait."""
    if isinstance(refusal, Unauthenticated):
        return {"www-authenticate": 'Bearer realm="Packistry"'}
    if isinstance(refusal, TooManyRequests):
        return {"retry-after": str(refusal.retry_seconds)}
    return {}


def encoded(found: dict[str, Any]) -> bytes:
    """The problem as it is sent."""
    return orjson.dumps(found)
