"""One call as the resources see it: who asks, the sessions, and the answers in their one form."""

import hashlib
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

import orjson
from fastapi import Depends, Query, Request, Response

from packistry.access.abilities import require_ability
from packistry.access.actors import UserActor
from packistry.access.permissions import Ability
from packistry.accounts.repeats import Repeatable, Told, find_answer, keep_answer
from packistry.api.cursors import MOST_CHARACTERS, cursor_at, part_wanted
from packistry.api.door import KEY, PREFIX, Entry
from packistry.db.engine import Database, ReadSession, WriteSession
from packistry.db.parts import Found, Orders, Part
from packistry.db.statements import hold
from packistry.errors import InvalidInput, Outdated
from packistry.packages.documents import Address
from packistry.repositories.address import chosen_public_url
from packistry.web.pages.visits import PageParts

T = TypeVar("T")

JSON: Final = "application/json"
MOST_KEY_CHARACTERS: Final = 255
# What changes by itself: it is no change that an If-Match has to notice.
UNTOLD: Final = frozenset(
    {
        "downloads", "installs", "packages", "projects", "last_seen_at", "last_used_at", "last_used_address",
        "last_used_client", "last_contact_at", "looked_at", "synced_at",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Call:
    """What a resource works with."""

    entry: Entry
    request: Request

    @property
    def actor(self) -> UserActor:
        assert self.entry.actor is not None, "the door lets nobody in who is unknown"
        return self.entry.actor

    @property
    def parts(self) -> PageParts:
        return self.entry.parts

    @property
    def database(self) -> Database:
        return self.parts.database

    @property
    def public_base(self) -> str:
        """The installation's address, without a slash at its end."""
        return self.entry.public_base

    def address_of(self, session: ReadSession, path: str) -> Address:
        """The address of the repository at this path, for its documents."""
        return Address(self.parts.settings.public_url or chosen_public_url(session), path)

    def read(self) -> AbstractContextManager[ReadSession]:
        return self.database.read()

    def write(self) -> AbstractContextManager[WriteSession]:
        return self.database.write()

    def answer(self, document: object, *, status: int = 200, location: str | None = None) -> Response:
        """The document with its ETag, and where it can be had if it is new."""
        headers = {"etag": etag_of(document)}
        if location is not None:
            headers["location"] = f"{self._base}{location}"
        return Response(orjson.dumps(document), status, headers, JSON)

    def whole(self, documents: Sequence[object], *, status: int = 200) -> Response:
        """A list that has no other part."""
        return Response(orjson.dumps({"items": documents, "next_cursor": None}), status, media_type=JSON)

    def listed(self, found: Found[T], part: Part, orders: Orders, make: Callable[[T], object]) -> Response:
        """A part of a list, and in the header Link where the next one is."""
        sort = next(word for word, order in orders.items() if order is part.order)
        cursor = None if found.last is None else cursor_at(sort, found.last)
        headers: dict[str, str] = {}
        if cursor is not None:
            following = self.request.url.include_query_params(cursor=cursor).query
            headers["link"] = f'<{self._base}{self._path}?{following}>; rel="next"'
        return Response(
            orjson.dumps({"items": [make(row) for row in found.rows], "next_cursor": cursor}), 200, headers, JSON
        )

    def refuse_outdated(self, session: WriteSession, document: object) -> None:
        """Refuses with Outdated when If-Match names another state than this one, which `session` holds from now on."""
        wanted = self.request.headers.get("if-match")
        if wanted is None or wanted.strip() == "*":
            return
        if etag_of(document) not in [tag.strip() for tag in wanted.split(",")]:
            raise Outdated("This was changed since you looked at it; look at it again before you change it.")

    def hold(self, session: WriteSession) -> None:
        """Other calls that change what this address names wait for the commit: each sees what the one before it did."""
        hold(session, f"api {self._path}")

    def once(self, act: Callable[[WriteSession], Response]) -> Response:
        """Does it in a transaction; with an Idempotency-Key that was sent before, answers what was answered then."""
        with self.write() as session:
            call = self._repeatable()
            if call is None:
                return act(session)
            sealer = self.parts.desk.connector.sealer
            told = find_answer(session, sealer, call)
            if told is not None:
                return Response(told.body, told.status, {**told.headers, "idempotent-replayed": "true"}, JSON)
            made = act(session)
            headers = {name: made.headers[name] for name in ("etag", "location") if name in made.headers}
            keep_answer(session, sealer, call, Told(made.status_code, headers, bytes(made.body).decode()))
            return made

    def _repeatable(self) -> Repeatable | None:
        key = self.request.headers.get("idempotency-key")
        if key is None:
            return None
        if not 1 <= len(key) <= MOST_KEY_CHARACTERS or not key.isascii() or not key.isprintable():
            raise InvalidInput(
                f"An Idempotency-Key has 1 to {MOST_KEY_CHARACTERS} characters of ASCII.", field="Idempotency-Key"
            )
        asked = f"{self.request.method} {self._path}\n".encode() + self.entry.body
        return Repeatable(self.actor, key, hashlib.sha256(asked).hexdigest())

    @property
    def _path(self) -> str:
        """The address below the API's."""
        return self.request.url.path.partition(PREFIX)[2]

    @property
    def _base(self) -> str:
        return self.public_base + PREFIX


def etag_of(document: object) -> str:
    """Names the state of what the document is about, as far as somebody changes it."""
    shown: dict[str, Any] = orjson.loads(orjson.dumps(document))
    told = {key: value for key, value in shown.items() if key not in UNTOLD}
    return f'"{hashlib.blake2b(orjson.dumps(told), digest_size=16).hexdigest()}"'


def needs(ability: Ability, known: Collection[str]) -> Callable[[Request], Awaitable[None]]:
    """Refuses callers without the ability, before anything of the call is looked at, and a parameter that nobody knows:
    who mistypes a filter must not take the whole list for what it leaves.
    """

    async def check(request: Request) -> None:
        entry: Entry = request.scope[KEY]
        assert entry.actor is not None, "the door lets nobody in who is unknown"
        require_ability(entry.actor, ability)
        for name in request.query_params:
            if name not in known:
                there_are = f"there are {', '.join(sorted(known))}" if known else "there is none"
                raise InvalidInput(f"This call has no such parameter; {there_are}.", field=name[:MOST_KEY_CHARACTERS])

    return check


async def _call(request: Request) -> Call:
    return Call(request.scope[KEY], request)


Ask = Annotated[Call, Depends(_call)]


@dataclass(frozen=True, slots=True)
class Listing:
    """Which part of a list is asked for."""

    limit: Annotated[int, Query(ge=1, le=100, description="At most so many.")] = 30
    cursor: Annotated[
        str | None, Query(max_length=MOST_CHARACTERS, description="From `next_cursor` of the part before.")
    ] = None

    def part(self, orders: Orders, sort: str) -> Part:
        return part_wanted(orders, sort, self.limit, self.cursor)


Listed = Annotated[Listing, Depends()]


def sorted_by(orders: Orders) -> Any:
    """The parameter `sort` of a list with these orders; a minus is from high to low."""
    words = list(orders)
    return Query(description="How the list is sorted; `-` is from high to low.", json_schema_extra={"enum": words})
