"""JSON from a code host, read field by field: what is missing, or of another kind, is refused by its name."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import orjson

from packistry.errors import Refusal

# The names and addresses we read are far shorter; a longer one is made to hurt.
_TEXT_CHARACTERS = 4096

# git writes ids in small letters, 40 of them or, in repositories of the newer kind, 64.
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

# Makes the refusal out of half a sentence: "repository.id is missing".
Refuse = Callable[[str], Refusal]


class Payload:
    """One JSON object. Every reader takes the keys that lead to a field; a null on the way counts as missing."""

    __slots__ = ("_refuse", "_values")

    def __init__(self, values: dict[str, Any], refuse: Refuse) -> None:
        self._values = values
        self._refuse = refuse

    def text(self, *keys: str) -> str:
        """A text that is not empty."""
        return self.text_or_none(*keys) or self._missing(keys)

    def text_or_none(self, *keys: str) -> str | None:
        """None when it is missing, null or empty. Control characters are refused: no name or address has them."""
        value = self._find(keys)
        if value is None:
            return None
        if not isinstance(value, str) or len(value) > _TEXT_CHARACTERS or _CONTROL.search(value):
            raise self._refuse(f"{'.'.join(keys)} is not a usable text")
        return value or None

    def identifier(self, *keys: str) -> str:
        """A number or a text, as text: hosts number their things, or give them a UUID."""
        value = self._find(keys)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return self.text(*keys)

    def commit(self, *keys: str) -> str:
        """The id of a git object, in full."""
        value = self.text(*keys)
        if not _COMMIT.fullmatch(value):
            raise self._refuse(f"{'.'.join(keys)} is not the id of a commit")
        return value

    def number_or_none(self, *keys: str) -> int | None:
        """None when it is missing or null."""
        value = self._find(keys)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise self._refuse(f"{'.'.join(keys)} is not a number")
        return value

    def flag(self, *keys: str) -> bool:
        """Missing is False."""
        return self._find(keys) is True

    def flag_or_none(self, *keys: str) -> bool | None:
        """None when the host does not say."""
        value = self._find(keys)
        return value if isinstance(value, bool) else None

    def moment(self, *keys: str) -> datetime:
        """A time in ISO 8601, in UTC; without a zone it is UTC already."""
        text = self.text(*keys)
        try:
            return in_utc(datetime.fromisoformat(text))
        except (ValueError, OverflowError) as fault:
            raise self._refuse(f"{'.'.join(keys)} is not a time") from fault

    def moment_or_none(self, *keys: str) -> datetime | None:
        """None when it is missing, or no time in ISO 8601: for what is only a hint."""
        value = self._find(keys)
        try:
            return in_utc(datetime.fromisoformat(value)) if isinstance(value, str) else None
        except (ValueError, OverflowError):
            return None

    def payload(self, *keys: str) -> "Payload":
        """An object inside this one."""
        return self.payload_or_none(*keys) or self._missing(keys)

    def payload_or_none(self, *keys: str) -> "Payload | None":
        value = self._find(keys)
        return Payload(cast("dict[str, Any]", value), self._refuse) if isinstance(value, dict) else None

    def payloads(self, *keys: str) -> Sequence["Payload"]:
        """A list of objects."""
        value = self._find(keys)
        return self._missing(keys) if value is None else _objects(value, self._refuse)

    def texts(self, *keys: str) -> Sequence[str]:
        """The texts of a list; missing is none, and what is no text is passed over."""
        value = self._find(keys)
        return [one for one in cast("list[object]", value) if isinstance(one, str)] if isinstance(value, list) else []

    def _find(self, keys: Sequence[str]) -> Any:
        value: Any = self._values
        for key in keys:
            value = cast("dict[str, Any]", value).get(key) if isinstance(value, dict) else None
        return value

    def _missing(self, keys: Sequence[str]) -> Any:
        raise self._refuse(f"{'.'.join(keys)} is missing")


def read_payload(body: bytes, refuse: Refuse) -> Payload:
    """The one object that a body is."""
    value = _parse(body, refuse)
    if not isinstance(value, dict):
        raise refuse("it is no object")
    return Payload(cast("dict[str, Any]", value), refuse)


def read_payloads(body: bytes, refuse: Refuse) -> Sequence[Payload]:
    """The list of objects that a body is."""
    return _objects(_parse(body, refuse), refuse)


def is_commit(text: str) -> bool:
    """Whether it is the full id of a git object; nothing else goes into an address as a commit."""
    return _COMMIT.fullmatch(text) is not None


def in_utc(moment: datetime) -> datetime:
    """The same moment with zone UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _parse(body: bytes, refuse: Refuse) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as fault:
        raise refuse("it is no JSON") from fault


def _objects(value: object, refuse: Refuse) -> Sequence[Payload]:
    rows = cast("list[object]", value) if isinstance(value, list) else [None]
    if not all(isinstance(row, dict) for row in rows):
        raise refuse("it is no list of objects")
    return [Payload(cast("dict[str, Any]", row), refuse) for row in rows]
