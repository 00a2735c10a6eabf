"""What a client must find of a composer.json that was published, key by key, by the table of composer/manifest_keys.py.

Written apart from the reader that publishes: it knows what the table promises (an empty list is an empty object, names
of packages are read in lower case, ...) and no other change, unless a warning kept with the version speaks of the key.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from packistry.composer.manifest_json import is_list, is_object
from packistry.composer.manifest_keys import KEYS
from tests.proofs.corpus.projects import Offer

# What the repository says of a version by itself, on top of what the author does.
OURS: Final = frozenset({"version_normalized", "dist", "published-time"})
_LINKS: Final = ("require", "require-dev", "conflict", "provide", "replace")


@dataclass(frozen=True)
class Published:
    """What came of an offer: the warnings kept with the version, the archive's sha1, and when it was published."""

    offer: Offer
    warnings: tuple[str, ...]
    sha1: str
    began: datetime
    ended: datetime


@dataclass(frozen=True)
class Served:
    """The versions of one package as a client expands them, by their normalised spelling."""

    name: str
    versions: Mapping[str, Mapping[str, Any]]
    mark: bool | str | None


def package_mark(published: Iterable[Published]) -> bool | str | None:
    """The "abandoned" that goes for all versions: that of the default branch, if it has one."""
    marks = [_abandoned(one.offer.manifest) for one in published if one.offer.default_branch]
    return next((mark for mark in marks if mark), None)


def differences(published: Published, served: Served, explained: Counter[str]) -> list[str]:
    """What a client finds otherwise than it went in; changes that a warning tells of are only counted, by key."""
    offer = published.offer
    found = served.versions[offer.normalised]
    wrong = _own_keys(published, served, found)
    told = {warning.partition(":")[0].partition(".")[0] for warning in published.warnings}
    for key in (key.name for key in KEYS if key.fate == "published"):
        if same(key, offer.manifest.get(key), found.get(key)):
            continue
        if key in told:
            explained[key] += 1
        else:
            wrong.append(key)
    allowed = {key.name for key in KEYS if key.fate != "dropped"} | OURS
    wrong += [f"{key} (should not be there)" for key in found if key not in allowed]
    return [f"{served.name} {offer.version}: {key}" for key in wrong]


def same(key: str, written: Any, read: Any) -> bool:
    """Whether a value means to Composer what its author wrote; the order of keys counts where Composer minds it."""
    meaning = _MEANINGS.get(key, _as_is)
    return _text(meaning(written)) == _text(meaning(read))


def _own_keys(published: Published, served: Served, found: Mapping[str, Any]) -> list[str]:
    """The keys of the table that are kept, and those the repository writes."""
    offer, manifest = published.offer, published.offer.manifest
    written_type = manifest.get("type")
    expected = {
        "name": served.name,
        "version": offer.version,
        "version_normalized": offer.normalised,
        "type": written_type.lower() if isinstance(written_type, str) and written_type.strip() else "library",
        "abandoned": served.mark or _abandoned(manifest) or None,
        "default-branch": offer.default_branch or None,
    }
    wrong = [key for key, value in expected.items() if found.get(key) != value]
    dist = found["dist"]
    if dist["type"] != "zip" or dist["shasum"] != published.sha1 or dist["reference"] not in dist["url"]:
        wrong.append("dist")
    if not published.began <= datetime.fromisoformat(found["published-time"]) <= published.ended:
        wrong.append("published-time")
    if not _is_time_of(manifest, datetime.fromisoformat(found["time"]), published):
        wrong.append("time")
    return wrong


def _abandoned(manifest: Mapping[str, Any]) -> bool | str:
    mark = manifest.get("abandoned")
    return mark if mark is True or (isinstance(mark, str) and mark.strip()) else False


def _is_time_of(manifest: Mapping[str, Any], read: datetime, published: Published) -> bool:
    """Its own time, if it is one; else the moment of the upload."""
    try:
        own = datetime.fromisoformat(manifest["time"].strip())
    except (KeyError, AttributeError, ValueError):
        return published.began <= read <= published.ended
    return read == (own if own.tzinfo else own.replace(tzinfo=UTC)).replace(microsecond=0)


# What of a value means something


def _as_is(value: Any) -> Any:
    """An empty object, an empty list and nothing are one to Composer."""
    return None if value in ({}, [], "") else value


def _links(value: Any) -> Any:
    # Of two spellings of one name the last counts.
    return _as_is({name.lower(): constraint for name, constraint in value.items()} if is_object(value) else value)


def _line(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


def _texts(value: Any) -> Any:
    """One text or several, whatever keys somebody gave them; numbers are read as texts."""
    if isinstance(value, str):
        value = [value]
    if is_object(value):
        value = list(value.values())
    return _as_is([str(one) if isinstance(one, int | float) else one for one in value] if is_list(value) else value)


def _sorted(value: Any) -> Any:
    """Without order and without what is blank."""
    if is_object(value):
        kept = {name: left for name, item in sorted(value.items()) if (left := _sorted(item))}
        return kept or None
    if is_list(value):
        return [left for item in value if (left := _sorted(item))] or None
    return _line(value)


def _archive(value: Any) -> Any:
    if not is_object(value):
        return _as_is(value)
    return _as_is({part: value[part] for part in ("name", "exclude") if part in value})


_MEANINGS: Final[dict[str, Callable[[Any], Any]]] = {
    **dict.fromkeys(_LINKS, _links),
    **dict.fromkeys(("description", "homepage"), _line),
    **dict.fromkeys(("license", "keywords", "bin", "include-path"), _texts),
    **dict.fromkeys(("authors", "funding", "support", "php-ext"), _sorted),
    "archive": _archive,
}


def _text(value: Any) -> str:
    # 1 is not true and not 1.0, and the order of keys is part of what was written.
    return json.dumps(value)
