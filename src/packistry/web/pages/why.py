"""Why can't I install this?: the question as a form in the address, and the answer in sentences."""

from typing import Final

from starlette.responses import Response

from packistry.access.permissions import Permission
from packistry.access.rules import may
from packistry.db.engine import ReadSession
from packistry.errors import Forbidden, InvalidInput, NotFound
from packistry.explaining.answers import Answer
from packistry.explaining.persons import Person, holder_of, oneself, person_named, stranger
from packistry.explaining.why import Question, why
from packistry.repositories.queries import list_repositories
from packistry.web.pages.forms import NO_PROBLEMS, Problems, problem
from packistry.web.pages.site import Page
from packistry.web.pages.visits import Visit

FIELDS: Final = ("package", "constraint", "who", "repository")
WHO: Final = ("self", "token", "user", "anonymous")
# Longer than any constraint that people write.
CHARACTERS: Final = 500


def _show(visit: Visit) -> Response:
    query = visit.request.query_params
    asked = {name: query.get(name, "").replace("\0", "").strip()[:CHARACTERS] for name in (*FIELDS, "named")}
    problems, answer = NO_PROBLEMS, None
    with visit.database.read() as session:
        repositories = list_repositories(session, visit.actor)
        if asked["package"]:
            try:
                answer = _answer(session, visit, asked)
            except InvalidInput as refusal:
                problems = problem(_placed(refusal), FIELDS)
            except (NotFound, Forbidden) as refusal:
                problems = Problems({"who": refusal.sentence})
    return visit.page(
        "why.html",
        status=422 if problems else 200,
        asked=asked,
        answer=answer,
        problems=problems,
        repositories=repositories,
        asks_of_others=may(visit.actor, Permission.ACCESS_EXPLAIN),
    )


def _answer(session: ReadSession, visit: Visit, asked: dict[str, str]) -> Answer:
    path = None if not asked["repository"] else asked["repository"].removeprefix("/")
    return why(
        session, visit.actor, _person(session, visit, asked), Question(asked["package"], asked["constraint"], path)
    )


def _person(session: ReadSession, visit: Visit, asked: dict[str, str]) -> Person:
    match asked["who"]:
        case "token":
            return holder_of(session, visit.actor, asked["named"])
        case "user":
            return person_named(session, visit.actor, asked["named"])
        case "anonymous":
            return stranger(visit.actor)
        case _:
            return oneself(visit.actor)


def _placed(refusal: InvalidInput) -> InvalidInput:
    """A package's name is the field `package` here."""
    return refusal if refusal.field in FIELDS else type(refusal)(refusal.sentence, field="package")


PAGES: Final = (Page("/-/why", show=_show),)
