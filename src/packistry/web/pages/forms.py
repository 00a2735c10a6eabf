"""What a form sent: fields by name, checked for size before anything looks at them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from packistry.errors import AlreadyExists, BadRequest, Conflict, InvalidInput, Refusal

# The largest form of ours is a private key of a source; a stranger's megabytes are not read.
FORM_BYTES: Final = 256 * 1024
# The access of a user may name many packages.
FORM_FIELDS: Final = 5_000


# What a person can put right in the form itself; any other refusal has a page of its own.
CORRECTABLE: Final = (InvalidInput, AlreadyExists, Conflict)


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form; a name may come several times."""

    values: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])

    def text(self, name: str, default: str = "") -> str:
        """The last value of the field, without spaces around it."""
        return self.values.get(name, (default,))[-1].strip()

    def secret(self, name: str) -> str:
        """The last value of the field as it was typed: a password may end with a space."""
        return self.values.get(name, ("",))[-1]

    def all(self, name: str) -> Sequence[str]:
        """Every value of the field."""
        return self.values.get(name, ())

    def has(self, name: str) -> bool:
        """Whether the field came at all, as that of a ticked box does."""
        return name in self.values


def parse_form(body: bytes) -> Form:
    """A body of application/x-www-form-urlencoded. Refuses with BadRequest what is none."""
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=FORM_FIELDS)
    except (UnicodeDecodeError, ValueError) as fault:
        raise BadRequest("The form cannot be read; go back and send it again.") from fault
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        # Nobody's name has one, and PostgreSQL takes none.
        if "\0" in value:
            raise BadRequest("The form holds a NUL character.")
        values.setdefault(name, []).append(value)
    return Form(values)


@dataclass(frozen=True, slots=True)
class Problems:
    """What was wrong with a form: sentences by field, "" for those that are about none."""

    sentences: Mapping[str, str] = field(default_factory=dict[str, str])

    def __bool__(self) -> bool:
        return bool(self.sentences)

    def of(self, name: str) -> str | None:
        """The sentence about this field."""
        return self.sentences.get(name)


NO_PROBLEMS: Final = Problems()


def problem(refusal: Refusal, fields: Sequence[str]) -> Problems:
    """The refusal beside the field that it is about, when the form has it."""
    name = refusal.field or ""
    return Problems({name if name in fields else "": refusal.sentence})
