"""The set-up's second step: the public address, tried out from outside before it is kept."""

from collections.abc import Sequence
from typing import Final

from starlette.responses import PlainTextResponse, Response

from packistry.access.permissions import Permission
from packistry.access.rules import require
from packistry.errors import InvalidInput, NotFound
from packistry.findings import CheckLine, Finding
from packistry.repositories.address import choose_public_url, valid_public_url
from packistry.repositories.outside import CHALLENGE, look_from_outside, proof, warnings_of
from packistry.repositories.outside import PATH as ITSELF
from packistry.web.pages.forms import CORRECTABLE, NO_PROBLEMS, Problems, problem
from packistry.web.pages.setup import PATH, step_page
from packistry.web.pages.site import Page
from packistry.web.pages.visits import Visit

NEXT: Final = f"{PATH}/repository"


def _show(visit: Visit) -> Response:
    require(visit.actor, Permission.INSTALLATION_MANAGE)
    return _page(visit, visit.public_base, list(warnings_of(visit.public_base)))


def _choose(visit: Visit) -> Response:
    require(visit.actor, Permission.INSTALLATION_MANAGE)
    if visit.parts.settings.public_url is not None:
        return visit.go(NEXT)
    typed = visit.form.text("public_url")
    try:
        address = valid_public_url(typed)
    except InvalidInput as refusal:
        return _page(visit, typed, [], problem(refusal, ("public_url",)))
    lines = look_from_outside(visit.parts.settings, address)
    if any(line.finding is Finding.BAD for line in lines) and not visit.form.has("anyway"):
        return _page(visit, address, lines, failed=True)
    try:
        with visit.database.write() as session:
            choose_public_url(session, visit.person, address, None)
    except CORRECTABLE as refusal:
        return _page(visit, address, lines, problem(refusal, ("public_url",)))
    return visit.go(NEXT)


def _page(
    visit: Visit, address: str, lines: Sequence[CheckLine], problems: Problems = NO_PROBLEMS, *, failed: bool = False
) -> Response:
    return step_page(
        visit,
        "address",
        "setup_address.html",
        status=422 if problems or failed else 200,
        address=address,
        lines=lines,
        failed=failed,
        problems=problems,
        setting=visit.parts.settings.public_url,
    )


def _itself(visit: Visit) -> Response:
    """The proof that whoever asked reached this installation."""
    challenge = visit.request.query_params.get("challenge", "")
    if not CHALLENGE.fullmatch(challenge):
        raise NotFound("There is no page at this address.")
    return PlainTextResponse(proof(visit.parts.settings, challenge), headers={"cache-control": "no-store"})


PAGES: Final = (Page(f"{PATH}/address", show=_show, act=_choose), Page(ITSELF, show=_itself, open=True))
