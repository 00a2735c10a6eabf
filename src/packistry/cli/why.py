"""`packistry why`: why somebody cannot install a package."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from packistry.cli.opening import opened, operator
from packistry.cli.options import AsJSON, repository_path
from packistry.cli.printing import answer
from packistry.documents.subjects import WhyDocument, why_document
from packistry.errors import InvalidInput

if TYPE_CHECKING:
    from packistry.db.engine import ReadSession
    from packistry.explaining.persons import Person


def why(
    package: Annotated[str, typer.Argument(metavar="PACKAGE", help="vendor/name.")],
    constraint: Annotated[str, typer.Argument(metavar="[CONSTRAINT]", help="As in composer.json; any version.")] = "",
    *,
    token: Annotated[
        str | None, typer.Option(metavar="TOKEN", help="A deploy token by name or id, or any by its secret.")
    ] = None,
    user: Annotated[str | None, typer.Option(metavar="USER", help="A user, by e-mail address or id.")] = None,
    anonymous: Annotated[bool, typer.Option("--anonymous", help="Somebody without a token.")] = False,
    repository: Annotated[
        str | None, typer.Option(metavar="PATH", help="The repository that is asked; `/` is the root.")
    ] = None,
    as_json: AsJSON = False,
) -> None:
    """Say why somebody cannot install a package, and what to do; without --token or --user, why nobody can."""
    from packistry.explaining.why import Question
    from packistry.explaining.why import why as explain

    if sum([token is not None, user is not None, anonymous]) > 1:
        raise InvalidInput("Say one of --token, --user and --anonymous.", field="actor")
    path = None if repository is None else repository_path(repository)
    with opened() as house, house.database.read() as session:
        person = _person(session, token, user, anonymous=anonymous)
        document = why_document(explain(session, operator(), person, Question(package, constraint, path)))
    answer(document, _lines(document), as_json=as_json)


def _person(session: "ReadSession", token: str | None, user: str | None, *, anonymous: bool) -> "Person":
    from packistry.explaining.persons import holder_of, oneself, person_named, stranger

    if token is not None:
        return holder_of(session, operator(), token)
    if user is not None:
        return person_named(session, operator(), user)
    return stranger(operator()) if anonymous else oneself(operator())


def _lines(document: WhyDocument) -> Iterator[str]:
    what = document.package + ("" if document.constraint == "*" else f" {document.constraint}")
    yield f"{'Yes' if document.may else 'No'}: {document.whom} {'can' if document.may else 'cannot'} install {what}."
    for reason in document.reasons:
        yield f"  {reason.sentence}"
        if reason.next_step:
            yield f"    {reason.next_step}"
