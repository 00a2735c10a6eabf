"""Random houses, as rows, and what product.md section 8 says about each of them, written without SQL.

`Graph` is plain data that hypothesis draws and shrinks; `build` puts it into the database; `Oracle` answers for it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from hypothesis import strategies as st

from packistry.access.actors import Actor, Anonymous, DeployTokenActor, System, UserActor
from packistry.access.permissions import Ability, Role
from packistry.db.engine import WriteSession
from packistry.db.models import GrantRow, Package, Repository, Token, User

T = TypeVar("T")

THEN = datetime(2026, 1, 1, tzinfo=UTC)
# Few names and paths, so that the same one is in several repositories, and free again after one was deleted.
PATHS = ("", "alpha", "beta", "gamma")
NAMES = ("acme/lib", "acme/tool", "beta/lib")


@dataclass(frozen=True)
class Place:
    """A repository."""

    path: str
    public: bool
    deleted: bool


@dataclass(frozen=True)
class Thing:
    """A package in the repository with this number."""

    place: int
    name: str
    deleted: bool


@dataclass(frozen=True)
class Right:
    """A grant: of a repository or a package, by its number."""

    to_place: bool
    target: int
    write: bool


@dataclass(frozen=True)
class Holder:
    """A user or a deploy token with grants. A user's personal tokens have these abilities each."""

    is_user: bool
    is_administrator: bool
    rights: tuple[Right, ...]
    abilities: tuple[frozenset[Ability], ...]


@dataclass(frozen=True)
class Graph:
    """A whole house."""

    places: tuple[Place, ...]
    things: tuple[Thing, ...]
    holders: tuple[Holder, ...]


@dataclass(frozen=True)
class Caller:
    """Somebody who asks, and whose grants decide."""

    actor: Actor
    rights: tuple[Right, ...] = ()
    sees_everything: bool = False
    may_read: bool = True
    may_write: bool = True


@dataclass
class Built:
    """The rows of a graph, in the order of its parts, and everybody who may ask."""

    places: list[Repository]
    things: list[Package]
    callers: list[Caller] = field(default_factory=list[Caller])


ABILITIES = st.sampled_from(
    [frozenset({Ability.READ}), frozenset({Ability.WRITE}), frozenset({Ability.READ, Ability.WRITE})]
)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Small houses with everything in them: two or three of each are enough for every rule to matter."""
    places = draw(st.lists(st.builds(Place, st.sampled_from(PATHS), st.booleans(), st.booleans()), max_size=4))
    places = _only_first(places, lambda place: place.path if not place.deleted else None)
    things: list[Thing] = []
    if places:
        number = st.integers(0, len(places) - 1)
        drawn = draw(st.lists(st.builds(Thing, number, st.sampled_from(NAMES), st.booleans()), max_size=5))
        things = _only_first(drawn, lambda thing: (thing.place, thing.name))
    right = _rights(len(places), len(things))
    holder = st.builds(
        Holder,
        st.booleans(),
        st.booleans(),
        st.lists(right, max_size=3).map(_each_target_once) if right is not None else st.just(()),
        st.lists(ABILITIES, min_size=1, max_size=2).map(tuple),
    )
    return Graph(tuple(places), tuple(things), tuple(draw(st.lists(holder, max_size=3))))


def _rights(places: int, things: int) -> st.SearchStrategy[Right] | None:
    kinds: list[st.SearchStrategy[Right]] = []
    if places:
        kinds.append(st.builds(Right, st.just(True), st.integers(0, places - 1), st.booleans()))
    if things:
        kinds.append(st.builds(Right, st.just(False), st.integers(0, things - 1), st.booleans()))
    return st.one_of(kinds) if kinds else None


def _only_first(items: list[T], key: Callable[[T], object]) -> list[T]:
    """The items without those whose key an earlier one has; a key of None is nobody's."""
    seen: set[object] = set()
    kept: list[T] = []
    for item in items:
        name = key(item)
        if name is None or name not in seen:
            kept.append(item)
            seen.add(name)
    return kept


def _each_target_once(rights: list[Right]) -> tuple[Right, ...]:
    return tuple(_only_first(rights, lambda right: (right.to_place, right.target)))


def build(session: WriteSession, graph: Graph) -> Built:
    """Puts the graph into the database of this session, beside nothing else."""
    session.query(Repository).update({"deleted_at": THEN})
    places = [
        Repository(
            path=place.path,
            name="x",
            public=place.public,
            listing_modified=0,
            created_at=THEN,
            deleted_at=THEN if place.deleted else None,
        )
        for place in graph.places
    ]
    session.add_all(places)
    session.flush()
    things = [
        Package(
            repository_id=places[thing.place].id,
            name=thing.name,
            vendor=thing.name.partition("/")[0],
            created_at=THEN,
            updated_at=THEN,
            deleted_at=THEN if thing.deleted else None,
        )
        for thing in graph.things
    ]
    session.add_all(things)
    session.flush()
    built = Built(places, things)
    built.callers = [Caller(Anonymous(), may_write=False), Caller(System(), sees_everything=True)]
    for number, holder in enumerate(graph.holders):
        built.callers += _callers(session, built, number, holder)
    session.flush()
    return built


def _callers(session: WriteSession, built: Built, number: int, holder: Holder) -> list[Caller]:
    if not holder.is_user:
        return [_deploy_token(session, built, number, holder, holder.abilities[0])]
    role = Role.ADMINISTRATOR if holder.is_administrator else Role.USER
    user = User(name="x", email=f"{number}@example.test", role=role, active=True, created_at=THEN)
    session.add(user)
    session.flush()
    _grant(session, built, holder, user_id=user.id, token_id=None)
    person = UserActor(user_id=user.id, name=user.email, is_administrator=holder.is_administrator)
    callers = [Caller(person, holder.rights, holder.is_administrator)]
    for at, abilities in enumerate(holder.abilities):
        token = UserActor(
            user_id=user.id,
            name=user.email,
            is_administrator=holder.is_administrator,
            abilities=abilities,
            token_id=at,
            token_name="x",
        )
        callers.append(_caller(token, holder, abilities, sees_everything=holder.is_administrator))
    return callers


def _deploy_token(
    session: WriteSession, built: Built, number: int, holder: Holder, abilities: frozenset[Ability]
) -> Caller:
    token = Token(name=f"token {number}", abilities=sorted(abilities), created_at=THEN)
    session.add(token)
    session.flush()
    _grant(session, built, holder, user_id=None, token_id=token.id)
    actor = DeployTokenActor(token_id=token.id, name=token.name, abilities=abilities)
    return _caller(actor, holder, abilities, sees_everything=False)


def _caller(actor: Actor, holder: Holder, abilities: frozenset[Ability], *, sees_everything: bool) -> Caller:
    return Caller(actor, holder.rights, sees_everything, Ability.READ in abilities, Ability.WRITE in abilities)


def _grant(session: WriteSession, built: Built, holder: Holder, *, user_id: int | None, token_id: int | None) -> None:
    for right in holder.rights:
        session.add(
            GrantRow(
                user_id=user_id,
                token_id=token_id,
                repository_id=built.places[right.target].id if right.to_place else None,
                package_id=None if right.to_place else built.things[right.target].id,
                write=right.write,
            )
        )


@dataclass(frozen=True)
class Oracle:
    """What one caller may, by the words of product.md section 8.2; numbers are positions in the graph."""

    graph: Graph
    caller: Caller

    def holds(self, *, to_place: bool, target: int, write: bool) -> bool:
        """Whether it was given to the caller, with write if that is asked for."""
        return any(
            right.to_place == to_place and right.target == target and (right.write or not write)
            for right in self.caller.rights
        )

    def sees_whole(self, place: int) -> bool:
        """Every package of the repository, future ones too."""
        found = self.graph.places[place]
        given = self.holds(to_place=True, target=place, write=False)
        return not found.deleted and (found.public or self.caller.sees_everything or given)

    def sees_place(self, place: int) -> bool:
        """Something of the repository, if only an archive of a package that was deleted."""
        parts = [at for at, thing in enumerate(self.graph.things) if thing.place == place]
        in_part = any(self.holds(to_place=False, target=part, write=False) for part in parts)
        return self.sees_whole(place) or (in_part and not self.graph.places[place].deleted)

    def sees_thing(self, thing: int) -> bool:
        found = self.graph.things[thing]
        if found.deleted or self.graph.places[found.place].deleted:
            return False
        return self.sees_whole(found.place) or self.holds(to_place=False, target=thing, write=False)

    def knows_vendor_of(self, thing: int) -> bool:
        """Of deleted packages too: a vendor stays claimed when its packages are gone."""
        return self.sees_whole(self.graph.things[thing].place) or self.holds(to_place=False, target=thing, write=False)

    def writes_place(self, place: int) -> bool:
        """May publish any name."""
        given = self.caller.sees_everything or self.holds(to_place=True, target=place, write=True)
        return self.caller.may_write and given and not self.graph.places[place].deleted

    def writes_thing(self, thing: int) -> bool:
        """May publish versions of this package. One that was deleted comes back only by the repository's right."""
        found = self.graph.things[thing]
        if self.writes_place(found.place):
            return True
        given = self.caller.may_write and self.holds(to_place=False, target=thing, write=True)
        return given and not found.deleted and not self.graph.places[found.place].deleted
