"""What a composer.json says about other packages: require, require-dev, conflict, provide, replace, suggest.

A client loads all versions of a package in one go: one link it cannot read aborts the command for every version. So
what cannot be read is refused here. Source: Composer's ArrayLoader (which aborts) and ValidatingArrayLoader.
"""

import re
from functools import lru_cache
from typing import Any

from packistry.composer import constraints, names
from packistry.composer.manifest_json import kind
from packistry.composer.manifest_reading import OMIT, Reading, as_map, is_php_integer, quote, refusal
from packistry.errors import InvalidConstraint

_TARGET = re.compile(r"[A-Za-z0-9_./-]+", re.ASCII)


def links(key: str, value: Any, reading: Reading) -> Any:
    """A map of lower-case package names to constraints as they were written, in the order they were written."""
    table = as_map(value)
    if table is None:
        raise refusal(key, f"it must be an object of package names and constraints, not {kind(value)}.")
    kept: dict[str, str] = {}
    for written, constraint in table.items():
        target = _target(key, written, reading)
        if target == reading.name:
            # Clients skip it; Composer's validator calls it an error. Real packages do it, harmlessly, for years.
            reading.warn(key, f"the link to {target} itself was left out.")
            continue
        # Not looked for: a conflict with a package that is also replaced. The validator objects, the solver skips it.
        kept[target] = _constraint(f"{key}.{written}", constraint)
    return kept


def suggestions(key: str, value: Any, reading: Reading) -> Any:
    """A map of whatever is suggested to the reason why; nothing but people reads it."""
    table = as_map(value)
    if table is None:
        reading.warn(key, f"left out: it must be an object of package names and reasons, not {kind(value)}.")
        return OMIT
    kept: dict[str, str] = {}
    for target, reason in table.items():
        if isinstance(reason, str):
            kept[target] = reason
        else:
            # Composer trims the reason without looking at it, and ends with a fault.
            reading.warn(f"{key}.{target}", f"left out: the reason must be a text, not {kind(reason)}.")
    return kept


def _target(key: str, written: str, reading: Reading) -> str:
    if not _TARGET.fullmatch(written) or is_php_integer(written):
        raise refusal(key, f"{quote(written)} is not a package name: write vendor/package, or ext-… for an extension.")
    if len(written) > names.MAX_NAME_LENGTH:
        raise refusal(
            key,
            f"{quote(written)} has {len(written)} characters, of {names.MAX_NAME_LENGTH} allowed: correct the name.",
        )
    # Not worth a warning: every client reads names in lower case, and "ext-PDO" stands in thousands of manifests.
    target = written.lower()
    if not names.is_valid_name(target) and not names.is_platform_name(target):
        # On some of these ("ext-", a word of 20 letters, "/") Composer's expression for names of the platform gives up,
        # and the client aborts; see names.py. No name like these means anything, so none is let through.
        if target.startswith(("ext-", "lib-")):
            raise refusal(key, f"{quote(written)} begins like a part of the platform and is none: correct the name.")
        # Kept: it harms nobody but a project that installs this version, and there Composer says what is missing.
        reading.warn(key, f"{quote(written)} is no name a package can have; kept as it is.")
    return target


def _constraint(key: str, constraint: Any) -> str:
    if not isinstance(constraint, str):
        raise refusal(key, f'the constraint must be a text like "^1.2", not {kind(constraint)}.')
    # Exactly these letters, without blanks, are "the version of this package"; anything else must be a constraint.
    if constraint != "self.version" and (trouble := _trouble(constraint)):
        raise refusal(key, trouble)
    return constraint


@lru_cache(maxsize=4096)
def _trouble(constraint: str) -> str | None:
    """Why Composer cannot parse it. Remembered: the versions of a package repeat their constraints."""
    try:
        constraints.parse(constraint)
    except InvalidConstraint as error:
        return error.sentence
    return None
