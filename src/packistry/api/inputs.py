"""What callers send, and how its parts are checked. A body with a key that nobody knows is refused: it was meant for
something.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, cast

from fastapi import Path, Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from packistry.access.grants import Grant
from packistry.access.permissions import Ability
from packistry.composer.names import normalise_name
from packistry.db.types import MAX_ID

ROOT: Final = "/"
MOST_WORDS: Final = 10
MOST_GRANTS: Final = 1_000

Id = Annotated[int, Path(ge=1, le=MAX_ID, description="Its number.")]
Reference = Annotated[int, Field(ge=1, le=MAX_ID)]
Name = Annotated[str, Field(min_length=1, max_length=255)]
Words = Annotated[str, Query(max_length=200, description="Words that are all to be found.")]


def _in_utc_soon(moment: datetime) -> datetime:
    # Further away than any database's calendar goes with its zone.
    if moment.year > 9000:
        raise ValueError("the year is past 9000")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc_soon)]


ABILITY_WORDS: Final = {ability.word: ability for ability in Ability}


def _known_ability(word: str) -> str:
    if word not in ABILITY_WORDS:
        raise ValueError("there is no such ability")
    return word


AbilityWord = Annotated[
    str, AfterValidator(_known_ability), Field(json_schema_extra={"enum": cast("Any", list(ABILITY_WORDS))})
]


def abilities_of(words: Iterable[str]) -> frozenset[Ability]:
    """The abilities of these words, as documents spell them."""
    return frozenset(ABILITY_WORDS[word] for word in words)


class Body(BaseModel):
    """What is sent to make or change something. A key that is left out changes nothing."""

    model_config = ConfigDict(extra="forbid", strict=False)

    @property
    def given(self) -> dict[str, Any]:
        """The keys that were sent, with their values."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class GrantBody(Body):
    """A right to a repository, or to one package of it."""

    repository: Annotated[str, Field(max_length=255, description='Path; "/" is the root.', examples=["acme"])]
    package: Annotated[str | None, Field(max_length=255, description="vendor/name; null is all of it.")] = None
    write: Annotated[bool, Field(description="Whether it includes publishing.")] = False

    def grant(self) -> Grant:
        package = None if self.package is None else normalise_name(self.package)
        return Grant(path_of(self.repository), package, self.write)


Grants = Annotated[list[GrantBody], Field(max_length=MOST_GRANTS)]


def path_of(shown: str) -> str:
    """A repository's path as it is kept: "" is the root."""
    return shown.strip("/")


def words_of(text: str) -> Sequence[str]:
    return text.split()[:MOST_WORDS]
