"""One composer.json on its way through the table of keys: what is known of it so far and what there is to say."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from packistry.composer.manifest_json import is_list, is_object, kind
from packistry.errors import InvalidManifest

# Warnings are kept with the version and shown on a page: a hostile manifest must not write 50,000 of them.
MAX_WARNINGS: Final = 50

_PHP_INTEGER = re.compile(r"0|-?[1-9][0-9]*", re.ASCII)


class Omit:
    """What a check returns for a value that is not to be published; the check has said why, or there was nothing."""


OMIT: Final = Omit()


@dataclass(slots=True)
class Reading:
    """What the checks of single keys may ask and where they leave their sentences."""

    name: str = ""
    type: str = "library"
    warnings: list[str] = field(default_factory=list[str])
    untold: int = 0

    def warn(self, key: str, sentence: str) -> None:
        """Keep a sentence with the version; past MAX_WARNINGS they are only counted."""
        if self.has_room:
            self.warnings.append(f"{key:.80}: {sentence}")
        else:
            self.untold += 1

    @property
    def has_room(self) -> bool:
        """Whether a warning would still be kept, and so be worth some work."""
        return len(self.warnings) < MAX_WARNINGS

    def told(self) -> tuple[str, ...]:
        """All that was kept, and how much was not."""
        if self.untold:
            return (*self.warnings, f"And {self.untold} more of the same kind.")
        return tuple(self.warnings)


Check: TypeAlias = Callable[[str, Any, Reading], Any]
"""(key, value, reading) → what is published, or OMIT. Refuses with InvalidManifest."""


def refusal(key: str, sentence: str) -> InvalidManifest:
    """The no that names a key; `key` may go on into the value, the field is its first part."""
    return InvalidManifest(f"composer.json, {key:.80}: {sentence}", field=key.partition(".")[0])


def quote(value: Any) -> str:
    """A value inside a sentence, short."""
    return f"{value!r:.80}"


def is_php_integer(key: str) -> bool:
    """Whether PHP makes an integer of this key of an object: code that wants a text then ends with a fault."""
    return _PHP_INTEGER.fullmatch(key) is not None


def as_map(value: Any) -> dict[str, Any] | None:
    """An object; an empty list, which is how PHP writes an empty object, counts as one. None for anything else."""
    if is_object(value):
        return value
    return {} if value == [] else None


def as_values(value: Any) -> list[Any] | None:
    """A list; of an object, which PHP reads as a list with odd keys, its values. None for anything else."""
    if is_list(value):
        return value
    return list(value.values()) if is_object(value) else None


def texts_only(key: str, values: Iterable[Any], why: str) -> list[str]:
    """The values, all texts; else the refusal, which says why a client needs them to be."""
    texts: list[str] = []
    for value in values:
        if not isinstance(value, str):
            raise refusal(key, f"holds {kind(value)} where a text belongs. {why}")
        texts.append(value)
    return texts
