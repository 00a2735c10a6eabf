"""The OpenAPI document: what the framework finds out, with our words for fields, examples and problems."""

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from http import HTTPStatus
from importlib.metadata import version
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from packistry.api.door import PREFIX
from packistry.api.examples import EXAMPLES
from packistry.api.problems import MEDIA_TYPE, problem
from packistry.documents import house, sources, subjects, webhooks

DESCRIPTION: Final = """What pages and commands do, for programs.

**Who asks**: a personal token with an ability of the API, as `Authorization: Bearer pkpat-…`; or the session of a
browser, whose changes must come from Packistry's own pages. An ability never gives more than its user may do.

**Problems** are `application/problem+json` (RFC 9457): `detail` is a sentence, `code` is stable.

**Lists** come in parts: `limit` and `cursor`; the header `Link` leads to the next part. What is added meanwhile shifts
nothing.

**Repeating**: what makes something takes an `Idempotency-Key` of yours; sent again within 24 hours it is done once and
answered alike.

**Changing** takes the `ETag` of what you looked at as `If-Match`, and is refused with 412 when it changed since.

**Rates** are in the headers `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset`; past them 429 says
`Retry-After`."""

# Which refusals any operation may have.
COMMON: Final = (400, 401, 403, 404, 413, 415, 422, 429, 500, 502, 503)
CHANGING: Final = (409, 412, 507)
_PROBLEM: Final = {
    "type": "object",
    "title": "Problem",
    "description": "Why something was not done, as in RFC 9457.",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "description": "URN of the code"},
        "title": {"type": "string", "description": "the status in words"},
        "status": {"type": "integer", "description": "status of the answer"},
        "code": {"type": "string", "description": "stable word for programs"},
        "detail": {"type": "string", "description": "sentence for people, with the next step"},
        "field": {"type": "string", "description": "input that it is about"},
        "errors": {
            "type": "array",
            "description": "each input that is not understood",
            "items": {
                "type": "object",
                "required": ["where", "detail"],
                "properties": {"where": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}


def specification(app: FastAPI) -> bytes:
    """The document, as it is sent."""
    found = get_openapi(
        title="Packistry",
        version=version("packistry"),
        openapi_version="3.1.0",
        description=DESCRIPTION,
        routes=app.routes,
        servers=[{"url": PREFIX}],
    )
    components = found.setdefault("components", {})
    _describe(components.setdefault("schemas", {}))
    components["schemas"]["Problem"] = _PROBLEM
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    components["responses"] = {str(status): _problem(HTTPStatus(status)) for status in (*COMMON, *CHANGING)}
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "A personal token."},
        "session": {"type": "apiKey", "in": "cookie", "name": "packistry_session", "description": "A browser's."},
    }
    found["security"] = [{"token": []}, {"session": []}]
    for _, operation in operations(found):
        _answers(operation)
    return orjson.dumps(found, option=orjson.OPT_SORT_KEYS)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each operation of a document with its method and address: "GET /repositories"."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            operation["method"] = method
            yield f"{method.upper()} {path}", operation


def _answers(operation: dict[str, Any]) -> None:
    """The refusals of an operation, and an example of what it answers."""
    method = operation.pop("method")
    for status in (*COMMON, *(() if method == "get" else CHANGING)):
        operation["responses"][str(status)] = {"$ref": f"#/components/responses/{status}"}
    operation["responses"] = dict(sorted(operation["responses"].items()))


def _problem(status: HTTPStatus) -> dict[str, Any]:
    code = status.name.lower()
    example = problem(status, code, "Why, and what to do.")
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}
    return {"description": status.phrase, "content": {MEDIA_TYPE: content}}


def _describe(schemas: dict[str, Any]) -> None:
    """Our documents' own words for each key, and an example of each document."""
    known = {name: kind for module in (house, subjects, sources, webhooks) for name, kind in vars(module).items()}
    for name, schema in schemas.items():
        kind = known.get(name)
        if kind is None or not is_dataclass(kind):
            continue
        schema["description"] = " ".join((kind.__doc__ or "").split())
        # Without them the framework lists what has no default: every key is always there.
        schema["required"] = [field.name for field in fields(kind)]
        for key, hint in get_type_hints(kind, include_extras=True).items():
            if get_origin(hint) is Annotated and key in schema["properties"]:
                schema["properties"][key]["description"] = get_args(hint)[1]
    for kind, example in EXAMPLES.items():
        if kind.__name__ in schemas:
            schemas[kind.__name__]["examples"] = [orjson.loads(orjson.dumps(example))]
    for name, schema in schemas.items():
        if name.endswith("List") and "items" in schema.get("properties", {}):
            inner = re.sub(r".*/", "", schema["properties"]["items"]["items"]["$ref"])
            schema["examples"] = [{"items": schemas[inner].get("examples", []), "next_cursor": None}]
