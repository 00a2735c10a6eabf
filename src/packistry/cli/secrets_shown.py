"""Showing a new token: the secret, once, and what to type to use it."""

from collections.abc import Iterator
from typing import Final

from packistry.cli.printing import moment
from packistry.documents.subjects import NewTokenDocument

# More would bury the secret above them.
MOST_COMMANDS: Final = 12


def shown(document: NewTokenDocument, what: str) -> Iterator[str]:
    """The lines for the person who asked for it."""
    yield f"{what} {document.name} (id {document.id}). Its secret is shown this once:"
    yield ""
    yield f"  {document.token}"
    yield ""
    if "read" in document.abilities:
        yield "In a project that uses it:"
        yield ""
        yield from (f"  {command}" for command in document.commands[:MOST_COMMANDS])
        if len(document.commands) > MOST_COMMANDS:
            yield "  ... and so on; `packistry repository list` shows every address"
        yield ""
    yield f"It may {' and '.join(document.abilities)} and ends: {moment(document.expires_at, 'never')}."
    if document.old_valid_until is not None:
        yield f"Its former secrets end: {moment(document.old_valid_until)}."
