"""Every setting as it holds: its value, and where it was set. A secret is only said to be there."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, cast

from packistry.settings import GIB, MIB, PREFIX, Settings


class Origin(StrEnum):
    """Where a setting comes from."""

    ENVIRONMENT = "environment"
    FILE = "file"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Configured:
    """One setting. `value` is for people: "512 MiB", "not set", and "set" for a secret."""

    name: str
    variable: str
    value: str
    origin: Origin
    sentence: str


NOT_SET: Final = "not set"
HIDDEN: Final = "set, and shown nowhere"


def configured(settings: Settings, environ: Mapping[str, str] = os.environ) -> Sequence[Configured]:
    """All settings in the order of docs/settings.md."""
    return [
        Configured(
            name=name,
            variable=PREFIX + name.upper(),
            value=_shown(getattr(settings, name), is_secret=not field.repr, kind=_kind(field)),
            origin=_origin(settings, name, environ),
            sentence=field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]


def _origin(settings: Settings, name: str, environ: Mapping[str, str]) -> Origin:
    if environ.get(PREFIX + name.upper()):
        return Origin.ENVIRONMENT
    return Origin.FILE if name in settings.model_fields_set else Origin.DEFAULT


def _kind(field: Any) -> str:
    extra: dict[str, Any] = field.json_schema_extra or {}
    return str(extra.get("kind", ""))


def _shown(value: object, *, is_secret: bool, kind: str) -> str:
    if value is None or value == ():
        return NOT_SET
    if is_secret:
        return HIDDEN
    if isinstance(value, tuple):
        return ", ".join(map(str, cast("tuple[object, ...]", value)))
    if kind == "size" and isinstance(value, int):
        return _size(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _size(size_bytes: int) -> str:
    for unit, length in (("GiB", GIB), ("MiB", MIB)):
        if size_bytes >= length and size_bytes % length == 0:
            return f"{size_bytes // length} {unit}"
    return f"{size_bytes} bytes"
