"""What a composer.json says about the files of the package: autoload, bin, include-path, target-dir, scripts, archive.

Composer hands most of these on without looking and ends with a fault, or writes a broken autoloader, when they are
of another shape: such versions are refused. Order is kept everywhere, as Composer looks through them in turn.
Source: Composer's ArrayLoader, ValidatingArrayLoader, AutoloadGenerator and BinaryInstaller.
"""

import re
from typing import Any

from packistry.composer.manifest_json import kind
from packistry.composer.manifest_reading import (
    OMIT,
    Reading,
    as_map,
    as_values,
    is_php_integer,
    quote,
    refusal,
    texts_only,
)

_PREFIXED = ("psr-4", "psr-0")
_PLAIN = ("classmap", "files", "exclude-from-classmap")

# A ".." leads out of the package's folder, where Composer would make an arbitrary file of the host executable.
_UPWARDS = re.compile(r"(?:^|[\\/])\.\.(?:[\\/]|$)")
# Composer writes the path into a shell and a batch script.
_SHELL = re.compile(r"[*$`\"&^|<>()%!;\x00-\x1f\x7f]")

# Names Composer's script runner uses itself: a client prints a deprecation for each version that has them.
_RESERVED_SCRIPTS = ("composer", "php", "putenv")


def autoload(key: str, value: Any, reading: Reading) -> Any:
    """A map of kinds of autoloading to their rules."""
    table = as_map(value)
    if table is None:
        raise refusal(key, f"it must be an object of kinds of autoloading, not {kind(value)}.")
    kept: dict[str, Any] = {}
    for way, rules in table.items():
        if way in _PREFIXED:
            checked = _prefixes(f"{key}.{way}", rules, reading)
        elif way in _PLAIN:
            checked = _paths(f"{key}.{way}", rules, reading)
        else:
            reading.warn(f"{key}.{way}", f"left out: Composer knows {', '.join((*_PREFIXED, *_PLAIN))}.")
            continue
        if checked is not OMIT:
            kept[way] = checked
    return kept


def autoload_dev(key: str, value: Any, reading: Reading) -> Any:
    """The same for the package's own development: only its shape matters, as clients store but never use it."""
    table = as_map(value)
    if table is None:
        reading.warn(key, f"left out: it must be an object, not {kind(value)}.")
        return OMIT
    return table


def binaries(key: str, value: Any, reading: Reading) -> Any:
    """A list of paths of programs."""
    values = [value] if isinstance(value, str) else as_values(value)
    if values is None:
        raise refusal(key, f"it must be a path or a list of paths, not {kind(value)}.")
    kept: list[str] = []
    for path in texts_only(key, values, "Composer cannot load the version otherwise."):
        if _UPWARDS.search(path):
            raise refusal(key, f'{quote(path)} goes up with "..": a program must lie inside the package.')
        if _SHELL.search(path):
            raise refusal(key, f"{quote(path)} has a character that a shell would act on: rename the program.")
        if path.strip("/"):
            kept.append(path)
        else:
            reading.warn(key, f"{quote(path)} left out: it names no file.")
    return kept


def include_path(key: str, value: Any, reading: Reading) -> Any:
    """A list of folders."""
    values = as_values(value)
    if values is None:
        raise refusal(key, f"it must be a list of folders, not {kind(value)}.")
    return texts_only(key, values, "Composer cannot load the version otherwise.")


def target_dir(key: str, value: Any, reading: Reading) -> Any:
    """The folder inside vendor/…; Composer itself takes every ".." out of it."""
    if not isinstance(value, str):
        raise refusal(key, f"it must be a text, not {kind(value)}.")
    # Even an empty one keeps Composer from using psr-4.
    return value or OMIT


def scripts(key: str, value: Any, reading: Reading) -> Any:
    """A map of events to what runs; of packages that are installed Composer runs none."""
    table = as_map(value)
    if table is None:
        reading.warn(key, f"left out: it must be an object, not {kind(value)}.")
        return OMIT
    for reserved in _RESERVED_SCRIPTS:
        if reserved in table:
            reading.warn(f"{key}.{reserved}", "left out: Composer keeps this name for itself.")
    return {event: run for event, run in table.items() if event not in _RESERVED_SCRIPTS}


def archive(key: str, value: Any, reading: Reading) -> Any:
    """Name and exclusions of `composer archive`."""
    table = as_map(value)
    if table is None:
        reading.warn(key, f"left out: it must be an object, not {kind(value)}.")
        return OMIT
    kept: dict[str, Any] = {}
    for part, wanted in (("name", str), ("exclude", list)):
        content = table.get(part)
        if isinstance(content, wanted):
            kept[part] = content
        elif content is not None:
            reading.warn(f"{key}.{part}", f"left out: Composer cannot read {kind(content)} there.")
    return kept


def _prefixes(key: str, rules: Any, reading: Reading) -> Any:
    table = as_map(rules)
    if table is None:
        raise refusal(key, f"it must be an object of namespaces and folders, not {kind(rules)}.")
    for prefix, folders in table.items():
        if is_php_integer(prefix):
            raise refusal(key, f"{quote(prefix)} is not a namespace: Composer aborts on it.")
        if key.endswith("psr-4") and prefix and not prefix.endswith("\\"):
            raise refusal(key, f"the namespace {quote(prefix)} must end with a backslash: Composer aborts on it.")
        texts_only(f"{key}.{prefix}", _one_or_more(folders), "Write a folder or a list of folders.")
    return table


def _paths(key: str, rules: Any, reading: Reading) -> Any:
    values = as_values(rules)
    if values is None:
        # Clients skip it without a word, so the version works for them as it did for its author.
        reading.warn(key, f"left out: it must be a list of paths, not {kind(rules)}.")
        return OMIT
    for entry in values:
        texts_only(key, _one_or_more(entry), "Write paths.")
    return rules


def _one_or_more(entry: Any) -> list[Any]:
    values = as_values(entry)
    return [entry] if values is None else values
