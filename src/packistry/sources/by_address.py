"""A package by the address of its git repository: below a source that is there, or a plain git source made for it.

Mixes the host's answers with rows, because somebody waits; no session is open while a host is asked.
"""

from dataclasses import dataclass

from packistry.access.actors import Actor
from packistry.access.permissions import Permission
from packistry.access.rules import require
from packistry.db.models import Source
from packistry.errors import InvalidInput, Refusal
from packistry.providers.git_address import GitAddress, parse_address
from packistry.sources.actions import delete_source
from packistry.sources.connecting import filled_in
from packistry.sources.desk import Added, SourceDesk, Wish
from packistry.sources.queries import list_sources, source_at

PROVIDER = "git"


@dataclass(frozen=True, slots=True)
class AddedByAddress:
    """What was added, and the source it is below."""

    source: Source
    added: Added


def add_by_address(desk: SourceDesk, actor: Actor, address: str, wish: Wish) -> AddedByAddress:
    """Adds the repository and asks for its first import. A source that was made for it goes when it cannot be added.

    Refuses with InvalidInput what is no address of a git repository, and with what the server says.
    """
    require(actor, Permission.SOURCE_MANAGE)
    places = _places(parse_address(address.strip()))
    source = _source_there_is(desk, actor, places)
    if source is not None:
        project = next(project for base, project in places if base == source.address)
        return AddedByAddress(source, desk.add(actor, source.name, [project], wish)[0])
    base, project = places[-1]
    name = base.partition("://")[2] or base.rstrip(":")
    source = desk.connect(actor, name, filled_in(PROVIDER, base, {}))
    try:
        return AddedByAddress(source, desk.add(actor, source.name, [project], wish)[0])
    except Refusal:
        with desk.database.write() as session:
            delete_source(session, actor, source_at(session, actor, source.id))
        raise


def _source_there_is(desk: SourceDesk, actor: Actor, places: list[tuple[str, str]]) -> Source | None:
    """The plain git source nearest to the project, whose credential is then used."""
    with desk.database.read() as session:
        found = {source.address: source for source, _ in list_sources(session, actor) if source.provider == PROVIDER}
    return next((found[base] for base, _ in reversed(places) if base in found), None)


def _places(address: GitAddress) -> list[tuple[str, str]]:
    """Every way to part the address into a base and a project below it, the shortest base first."""
    segments = address.path.strip("/").split("/")
    if not segments[0]:
        raise InvalidInput("The address names a server, and no repository on it.", field="url")
    is_absolute = address.path.startswith("/")
    found: list[tuple[str, str]] = []
    for count in range(len(segments)):
        path = ("/" if is_absolute and count else "") + "/".join(segments[:count])
        if address.is_like_scp and is_absolute and not count:
            # Below the root of the server; what a source without a path has is below the home of its user.
            continue
        base = f"{address.origin}:{path}" if address.is_like_scp else f"{address.origin}{path}"
        found.append((base, "/".join(segments[count:])))
    if not found:
        raise InvalidInput("Write the address as ssh://git@host/path.", field="url")
    return found
