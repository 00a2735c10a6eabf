"""One ref by its name: which names may be asked for at all, and what an answer about it says."""

import re

from packistry.providers.base import Ref, RefKind
from packistry.providers.payloads import Payload

# What stands in no name: unprintable characters, patterns, and what git reads as "the commit before", "the former one".
_NEVER = re.compile(r"[\x00-\x20\x7f\ud800-\udfff~^:?*\[\\]|\.\.|@\{|\.\Z")


def may_be_ref(name: str) -> bool:
    """Whether git would take it for the short name of a ref; no host has others, and they may lead elsewhere.

    Source: git check-ref-format.
    """
    segments = name.split("/")
    return not _NEVER.search(name) and not any(
        not one or one.startswith(".") or one.endswith(".lock") for one in segments
    )


def told_ref(row: Payload | None, kind: RefKind, name: str, *keys: str) -> Ref | None:
    """The ref that a row is about, whose commit stands at `keys`. None for no row, one of another ref, and for a tag of
    a file or folder, which has no commit.
    """
    if row is None or row.text("name") != name or row.payload_or_none(*keys[:-1]) is None:
        return None
    return Ref(kind, name, row.commit(*keys))
