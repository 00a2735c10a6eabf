"""How unstable a version may be for a project to get it: its minimum-stability, and what a constraint says itself."""

import re
from collections.abc import Mapping
from typing import Any, Final, cast

from packistry.composer.versions import Stability, normalise_branch, numeric_alias_prefix, stability

# From the stablest to the least, as Composer orders them.
ORDER: Final[tuple[Stability, ...]] = ("stable", "RC", "beta", "alpha", "dev")
DEFAULT_BRANCH_ALIAS: Final = "9999999-dev"
_OR: Final = re.compile(r"\s*\|\|?\s*")
_AND: Final = re.compile(r"(?<!^)(?<!as)(?<![=>< ,]) *(?<!-)[, ](?!-) *(?!,|as|$)")
_FLAG: Final = re.compile(r"[^@]*?@(stable|RC|beta|alpha|dev)$", re.IGNORECASE)
_ALIAS: Final = re.compile(r"^([^,\s@]+) as .+$")
_SINGLE: Final = re.compile(r"[^,\s@]+$")


def accepted_stability(constraint: str, minimum: Stability = "stable") -> Stability:
    """The least stable that a requirement with this constraint accepts, in a project with this minimum-stability.

    A flag ("^1.0@beta") decides, of several the least stable; without one, a part that names an unstable version
    itself ("dev-main", "1.0-RC1"). Source: Composer RootPackageLoader::extractStabilityFlags.
    """
    parts = [part for alternative in _OR.split(constraint.strip()) for part in _AND.split(alternative)]
    flags: list[Stability] = [_spelled(match[1]) for part in parts if (match := _FLAG.match(part))]
    if flags:
        return max(flags, key=ORDER.index)
    bare = [_ALIAS.sub(r"\1", part) for part in parts]
    named: list[Stability] = [stability(part) for part in bare if _SINGLE.match(part)]
    accepted: list[Stability] = [minimum, *named]
    return max(accepted, key=ORDER.index)


def accepts(accepted: Stability, normalised: str) -> bool:
    """Whether a version is stable enough."""
    return ORDER.index(stability(normalised)) <= ORDER.index(accepted)


def branch_alias(version: str, manifest: Mapping[str, Any], *, default_branch: bool) -> str | None:
    """The number by which constraints find a branch, normalised: of `extra.branch-alias`, else of the default branch.

    Source: Composer ArrayLoader::getBranchAlias.
    """
    for branch, target in _object(_object(manifest, "extra"), "branch-alias").items():
        if branch.lower() != version.lower() or not isinstance(target, str) or not target.endswith("-dev"):
            continue
        alias = (
            DEFAULT_BRANCH_ALIAS if target == DEFAULT_BRANCH_ALIAS else normalise_branch(target.removesuffix("-dev"))
        )
        if alias.endswith("-dev") and not alias.startswith("dev-"):
            return alias
    is_numbered = numeric_alias_prefix(version.removeprefix("v")) is not None
    return DEFAULT_BRANCH_ALIAS if default_branch and not is_numbered else None


def _object(of: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """What composer.json has there, when it is an object; it may be anything."""
    found: Any = of.get(key)
    return cast("Mapping[str, Any]", found) if isinstance(found, dict) else {}


def _spelled(flag: str) -> Stability:
    return next(each for each in ORDER if each.lower() == flag.lower())
