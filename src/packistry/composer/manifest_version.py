"""What a composer.json says of its own version: number, date, type, aliases, whether it is given up."""

import re
from datetime import UTC, datetime
from typing import Any

from packistry.composer import versions
from packistry.composer.manifest_json import is_list, is_number, kind
from packistry.composer.manifest_reading import OMIT, Reading, as_map, quote, refusal
from packistry.composer.metadata import UNSET
from packistry.errors import InvalidVersion

# Plugins know types of one or two words; the database keeps as much.
MAX_TYPE_LENGTH = 255
# Before 1970 and long after now nothing was released: such a date is a fault of the tool that wrote it.
YEARS = range(1970, 2101)

_TYPE = re.compile(r"[a-z0-9-]+", re.ASCII)


def own_version(value: Any) -> str:
    """The version as it is written, without blanks around it; Composer reads a number as its text.

    Refuses what Composer cannot normalise.
    """
    written = f"{value:.14g}" if is_number(value) else value
    if not isinstance(written, str):
        raise refusal("version", f'it must be a text like "1.2.3", not {kind(value)}.')
    try:
        versions.normalise(written)
    except InvalidVersion as error:
        raise refusal("version", error.sentence) from error
    return written.strip(versions.WHITESPACE)


def package_type(value: Any, reading: Reading) -> str:
    """The type in lower case, as clients read it. It decides which plugin installs a package, so an odd one is kept."""
    if not isinstance(value, str):
        raise refusal("type", f'it must be a text like "library", not {kind(value)}.')
    if not value.strip():
        reading.warn("type", 'it is blank; read as "library".')
        return "library"
    kind_of_package = value.lower()
    if len(kind_of_package) > MAX_TYPE_LENGTH:
        raise refusal("type", f"it has {len(kind_of_package)} characters, of {MAX_TYPE_LENGTH} allowed: shorten it.")
    if kind_of_package == UNSET:
        raise refusal("type", f'"{UNSET}" means "not there" in the metadata: choose another word.')
    if not _TYPE.fullmatch(kind_of_package):
        reading.warn("type", f"{quote(value)} has other characters than letters, digits and dashes; kept as it is.")
    return kind_of_package


def release_time(value: Any, reading: Reading) -> datetime | None:
    """The time in UTC, to the second; without a zone it is UTC already."""
    try:
        written = datetime.fromisoformat(value.strip())
        moment = (written if written.tzinfo else written.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)
    except (AttributeError, ValueError, OverflowError):
        reading.warn("time", f'{quote(value)} left out: write a date like "2026-01-31" or "2026-01-31T12:00:00Z".')
        return None
    if moment.year in YEARS:
        return moment
    reading.warn("time", f"{quote(value)} left out: the year must be from {YEARS[0]} to {YEARS[-1]}.")
    return None


def given_up(value: Any, reading: Reading) -> bool | str:
    """Whether it is abandoned, or the name of what to use instead."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value if value.strip() else False
    reading.warn("abandoned", f"left out: it must be true, false or the name of a package, not {kind(value)}.")
    return False


def extra(key: str, value: Any, reading: Reading) -> Any:
    """Whatever plugins want, as it was written; only the aliases of branches are looked at."""
    table = as_map(value)
    if table is None:
        if is_list(value):
            return value
        reading.warn(key, f"left out: it must be an object, not {kind(value)}.")
        return OMIT
    if table.get("branch-alias") is None:
        return table
    aliases = as_map(table["branch-alias"])
    if aliases is None:
        reading.warn(f"{key}.branch-alias", f"left out: it must be an object, not {kind(table['branch-alias'])}.")
        return {part: content for part, content in table.items() if part != "branch-alias"}
    return {**table, "branch-alias": _usable(f"{key}.branch-alias", aliases, reading)}


def _usable(key: str, aliases: dict[str, Any], reading: Reading) -> dict[str, str]:
    """The aliases a client would take; on one that is no text it would end with a fault."""
    kept: dict[str, str] = {}
    for branch, target in aliases.items():
        if trouble := _trouble(branch, target):
            reading.warn(f"{key}.{branch}", f"{quote(target)} left out: {trouble}.")
        else:
            kept[branch] = target
    return kept


def _trouble(branch: str, target: Any) -> str | None:
    if not isinstance(target, str) or not target.endswith("-dev"):
        return 'an alias must be a text that ends in "-dev"'
    if versions.is_branch(versions.normalise_branch(target.removesuffix("-dev"))):
        return 'an alias must be a number like "2.x-dev"'
    own, other = versions.numeric_alias_prefix(branch), versions.numeric_alias_prefix(target)
    if own and other and not other.lower().startswith(own.lower()):
        return f"it is not a version within {branch}"
    return None
