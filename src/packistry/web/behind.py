"""The application behind the wire: health, webhooks, metrics, the API and the pages.

An address that nobody has is a 404.
"""

from collections.abc import Sequence
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from packistry.db.engine import Database
from packistry.db.schema import current_revision
from packistry.errors import Refusal


def application(database: Database, routes: Sequence[BaseRoute]) -> Starlette:
    """What answers everything that is not Composer's."""

    def ready(_: Request) -> Response:
        try:
            revision = current_revision(database)
        except Refusal as refusal:
            return JSONResponse({"status": "unavailable", "message": refusal.sentence}, 503)
        return JSONResponse({"status": "ok", "schema": revision})

    return Starlette(
        # The first says only that the process lives: a slow database must not get it killed and started again.
        routes=[Route("/health", _alive), Route("/health/ready", ready), *routes],
        exception_handlers={HTTPException: _refuse},
    )


async def _alive(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _refuse(_: Request, fault: Exception) -> Response:
    assert isinstance(fault, HTTPException)
    status = HTTPStatus(fault.status_code)
    message = "There is no such address." if status == HTTPStatus.NOT_FOUND else fault.detail
    body = {"status": status, "code": status.name.lower(), "message": message}
    return JSONResponse(body, fault.status_code, headers=fault.headers)
