"""One ref by its name: which names may be asked for at all, and what an answer about it says."""

import re

from packistry.providers.base import Ref, RefKind
from packistry.providers.payloads import Payload

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def may_be_ref(name: str) -> bool:
    """Whether it could be the short name of a ref. What git allows no ref to hold, and what would lead elsewhere in an
    address, need not be asked for; the rest is escaped. Source: git check-ref-format.
    """
    segments = name.split("/")
    return not _UNPRINTABLE.search(name) and ".." not in name and not any(one in {"", "."} for one in segments)


def told_ref(row: Payload | None, kind: RefKind, name: str, *keys: str) -> Ref | None:
    """The ref that a row is about, whose commit stands at `keys`. None for no row, one of another ref, and for a tag of
    a file or folder, which has no commit.
    """
    if row is None or row.text("name") != name or row.payload_or_none(*keys[:-1]) is None:
        return None
    return Ref(kind, name, row.commit(*keys))
