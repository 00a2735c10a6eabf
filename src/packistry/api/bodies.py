"""Bodies before anybody understands them: small, JSON, not deep, and text that both databases can keep."""

from typing import Any, Final, cast

import orjson

from packistry.errors import BadRequest, BodyTooLarge, UnsupportedMediaType
from packistry.web.requests import Request

# A list of 10,000 grants has less; archives are sent to an address that reads them as they come.
MOST_BYTES: Final = 1024 * 1024
# Nothing that is asked for here has more levels than four; Python's own parser gives up at about a thousand.
MOST_LEVELS: Final = 16
JSON_TYPES: Final = ("application/json", "application/merge-patch+json")


async def read_json(request: Request) -> bytes:
    """The body, b"" for none. Refuses what is too large, of another kind, broken, too deep, or holds a NUL."""
    if int(request.headers.get(b"content-length", b"0") or b"0") > MOST_BYTES:
        raise _too_large()
    try:
        body = await request.body(MOST_BYTES)
    except BadRequest as refusal:
        raise (_too_large() if "larger" in refusal.sentence else refusal) from refusal
    if body:
        _check(request, body)
    return body


def _check(request: Request, body: bytes) -> None:
    kind = request.headers.get(b"content-type", b"").partition(b";")[0].strip().lower().decode("latin-1")
    if kind not in JSON_TYPES:
        raise UnsupportedMediaType("Send the body as application/json.")
    try:
        _check_value(orjson.loads(body), 0)
    except orjson.JSONDecodeError as fault:
        raise BadRequest(f"The body is no JSON that can be read: {fault}.") from fault


def _check_value(value: Any, level: int) -> None:
    if level > MOST_LEVELS:
        raise BadRequest(f"The body has more than {MOST_LEVELS} levels.")
    match value:
        case str() if "\0" in value:
            # Nothing here has such a name, and PostgreSQL would not even look.
            raise BadRequest("The body holds a NUL character.")
        case dict():
            for inner in (*cast("dict[str, Any]", value), *cast("dict[str, Any]", value).values()):
                _check_value(inner, level + 1)
        case list():
            for inner in cast("list[Any]", value):
                _check_value(inner, level + 1)
        case _:
            return


def _too_large() -> BodyTooLarge:
    return BodyTooLarge(f"The body is larger than {MOST_BYTES // 1024} KB.")
