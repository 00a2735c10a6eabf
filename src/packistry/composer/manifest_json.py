"""The bytes of a composer.json as a Python object, read as strictly as Composer reads JSON; knows no key of it."""

import json
import re
from typing import Any, Final, TypeGuard

import orjson

from packistry.errors import InvalidManifest

# Real manifests nest 6 deep. Composer reads 512 levels, but our JSON writer stops at 254 and Python's stack is short.
MAX_DEPTH: Final = 100

# Everything a terminal obeys (C0, DEL, C1), but the three characters that only lay text out. PostgreSQL cannot keep
# NUL in a text, and the mark of documents.BASE_MARK is one of these too.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_UNICODE_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")


def read_object(raw: bytes) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The object in a composer.json, and (key, sentence) for what was changed to read it.

    UTF-8 without byte order mark, one object that is not empty, at most MAX_DEPTH levels, no NaN. Of a key written
    twice in one object the last value counts; control characters are taken out. Refuses with InvalidManifest.
    """
    document = _parse(raw)
    if not is_object(document):
        raise InvalidManifest(f"composer.json must hold a JSON object, not {kind(document)}.")
    if not document:
        raise InvalidManifest('composer.json is empty: it needs at least a "name".', field="name")
    _refuse_deep(document)
    notes = [(key, "written twice in one object; the last value counts.") for key in _written_twice(raw)]
    cleaned = _without_controls(document)
    if cleaned != document:
        changed = [key for key, value in cleaned.items() if document.get(key) != value]
        notes += [(key, "control characters were taken out.") for key in changed]
    return cleaned, notes


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether it is a JSON object."""
    return isinstance(value, dict)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Whether it is a JSON list."""
    return isinstance(value, list)


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether it is a JSON number: Python takes True for one."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def kind(value: Any) -> str:
    """What a JSON value is, in the words of a sentence."""
    if value is None:
        return "null"
    if is_number(value):
        return "a number"
    names = {bool: "true or false", str: "a text", list: "a list", dict: "an object"}
    return names[type(value)]


def without_controls(text: str) -> str:
    """The text without what a terminal would obey; line breaks and tabs stay."""
    return _CONTROL.sub("", text)


def _parse(raw: bytes) -> Any:
    if raw.startswith(b"\xef\xbb\xbf"):
        # Composer's own reader fails on it, so a project that has one never worked; better said here.
        raise InvalidManifest(
            "composer.json starts with a byte order mark, which Composer cannot read: save it as UTF-8 without BOM."
        )
    if raw.startswith(_UNICODE_MARKS):
        raise InvalidManifest("composer.json is UTF-16: save it as UTF-8.")
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        raise InvalidManifest(f"composer.json is not UTF-8 (byte {error.start}): save it as UTF-8.") from error
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise InvalidManifest(f"composer.json is not valid JSON: {error}.") from error


def _refuse_deep(document: dict[str, Any]) -> None:
    # Level by level, without recursion: the nesting is the attack.
    level: list[Any] = [document]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in _children(node)]
        if not level:
            return
    raise InvalidManifest(f"composer.json nests more than {MAX_DEPTH} levels deep.")


def _children(node: Any) -> list[Any]:
    values = node.values() if is_object(node) else node
    return [value for value in values if isinstance(value, dict | list)]


def _written_twice(raw: bytes) -> list[str]:
    """The keys that one object names more than once, which orjson does not tell."""
    repeated: dict[str, None] = {}

    def note(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                repeated[without_controls(key)] = None
            seen.add(key)

    # Numbers stay text: Python refuses to read an integer of more than 4,300 digits.
    json.loads(raw, object_pairs_hook=note, parse_int=str, parse_float=str)
    return list(repeated)


def _without_controls(value: Any) -> Any:
    if isinstance(value, str):
        return without_controls(value)
    if is_object(value):
        return {without_controls(key): _without_controls(item) for key, item in value.items()}
    if is_list(value):
        return [_without_controls(item) for item in value]
    return value
