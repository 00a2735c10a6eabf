"""The framework's application: the resources, and refusals as problems. Imported with the first call only."""

from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from packistry.api.all import ROUTERS
from packistry.api.problems import MEDIA_TYPE, encoded, problem, problem_headers, problem_of
from packistry.api.specification import specification
from packistry.errors import Refusal


def make_application() -> FastAPI:
    """The API below its prefix. It has no page of its own yet; its document is openapi.json."""
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={
            Refusal: cast("Any", _refused),
            RequestValidationError: cast("Any", _invalid),
            HTTPException: cast("Any", _http),
        },
    )
    for router in ROUTERS:
        app.include_router(router)
    document = specification(app)

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:  # pyright: ignore[reportUnusedFunction]
        return Response(document, media_type="application/json")

    return app


async def _refused(_: Request, refusal: Refusal) -> Response:
    found = problem_of(refusal)
    return Response(encoded(found), found["status"], problem_headers(refusal), MEDIA_TYPE)


async def _invalid(_: Request, fault: RequestValidationError) -> Response:
    errors = [{"where": "/".join(str(part) for part in each["loc"]), "detail": each["msg"]} for each in fault.errors()]
    first = f"{errors[0]['where']}: {errors[0]['detail']}" if errors else "the request is not as it should be"
    found = problem(422, "invalid_input", f"This is not understood: {first}.", errors)
    return Response(encoded(found), 422, media_type=MEDIA_TYPE)


async def _http(request: Request, fault: HTTPException) -> Response:
    status = HTTPStatus(fault.status_code)
    sentence = "There is no such address; /api/v1/openapi.json has those there are."
    found = problem(status, status.name.lower(), sentence if status == HTTPStatus.NOT_FOUND else fault.detail)
    headers = {"allow": _allowed(request)} if status == HTTPStatus.METHOD_NOT_ALLOWED else fault.headers
    return Response(encoded(found), status, headers, MEDIA_TYPE)


def _allowed(request: Request) -> str:
    """The methods of all routes at this address; the framework names those of the first one only."""
    scope = dict(request.scope)
    found: set[str] = set()
    for route in [each for router in ROUTERS for each in router.routes]:
        match, _ = route.matches(scope)
        if match is not Match.NONE:
            found |= set(getattr(route, "methods", None) or ())
    return ", ".join(sorted(found))
