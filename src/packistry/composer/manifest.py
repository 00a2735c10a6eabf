"""composer.json → Manifest: what we publish of a version, and whether a client could live with it.

A version that would abort a client is refused with a sentence; what would only annoy is left out, with a warning that
is kept with the version. What happens to which key is the table in manifest_keys.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from packistry.composer import names
from packistry.composer.manifest_json import kind, read_object
from packistry.composer.manifest_keys import BY_NAME, is_comment, nearest
from packistry.composer.manifest_reading import OMIT, Reading, refusal
from packistry.composer.manifest_version import given_up, own_version, package_type, release_time
from packistry.composer.metadata import UNSET, VERSION_KEYS
from packistry.errors import InvalidName


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one composer.json says.

    `name` and `provides` are in lower case; `version` and `time` are its own, if it has them. `published` is what the
    metadata says of this version, in the order of documents.VERSION_KEYS: the checked keys of composer.json with
    `type`, without those the repository writes itself. `warnings` say what was left out or changed, and why.
    """

    name: str
    version: str | None
    time: datetime | None
    type: str
    description: str | None
    abandoned: bool | str
    default_branch: bool
    provides: tuple[str, ...]
    published: Mapping[str, Any]
    warnings: tuple[str, ...]


def read_manifest(raw: bytes) -> Manifest:
    """The manifest in the bytes of a composer.json. Refuses with InvalidManifest, whose field is the key."""
    document, notes = read_object(raw)
    # PHP's isset() does not see null: to Composer such a key is missing.
    document = {key: value for key, value in document.items() if value is not None}
    reading = Reading()
    for key, sentence in notes:
        reading.warn(key, sentence)
    reading.name = _name(document, reading)
    reading.type = package_type(document.get("type", "library"), reading)
    published = _published(document, reading)
    return Manifest(
        name=reading.name,
        version=own_version(document["version"]) if "version" in document else None,
        time=release_time(document["time"], reading) if "time" in document else None,
        type=reading.type,
        description=published.get("description"),
        abandoned=given_up(document["abandoned"], reading) if "abandoned" in document else False,
        default_branch=document.get("default-branch") is True,
        provides=tuple(published.get("provide", ())),
        published=published,
        warnings=reading.told(),
    )


def _name(document: Mapping[str, Any], reading: Reading) -> str:
    written = document.get("name")
    if written is None:
        raise refusal("name", 'there is none; write one like "vendor/package".')
    if not isinstance(written, str):
        raise refusal("name", f'it must be a text like "vendor/package", not {kind(written)}.')
    try:
        name = names.normalise_name(written)
    except InvalidName as error:
        raise refusal("name", error.sentence) from error
    if name != written:
        reading.warn("name", f"{written!r} was written in lower case.")
    return name


def _published(document: Mapping[str, Any], reading: Reading) -> dict[str, Any]:
    checked: dict[str, Any] = {"type": reading.type}
    for name, value in document.items():
        key = BY_NAME.get(name)
        if key is None:
            _drop_unknown(name, reading)
        elif key.told:
            reading.warn(name, f"dropped: {key.reason}.")
        elif key.check is not None:
            content = key.check(name, value, reading)
            if content == UNSET:
                reading.warn(name, f'dropped: "{UNSET}" means "not there" in the metadata.')
            elif content is not OMIT:
                checked[name] = content
    _refuse_contradictions(checked)
    return {key: checked[key] for key in VERSION_KEYS if key in checked}


def _drop_unknown(name: str, reading: Reading) -> None:
    if is_comment(name):
        return
    meant = nearest(name) if reading.has_room else None
    hint = f' Was "{meant}" meant?' if meant else ""
    reading.warn(name, f"dropped: Composer knows no such key.{hint}")


def _refuse_contradictions(checked: Mapping[str, Any]) -> None:
    if "target-dir" in checked and checked.get("autoload", {}).get("psr-4"):
        raise refusal("target-dir", "it cannot be used with psr-4 autoloading, Composer aborts on it: remove one.")
