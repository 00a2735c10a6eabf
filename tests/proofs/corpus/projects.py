"""Real projects as an import would see them: refs with their composer.json, and which of them become versions.

The rules are those of Composer's VcsRepository and of Packistry's specification of the protocol, section 6.6. What the
upload would refuse, and an import does not, is put right in the archive's composer.json, never in what is compared:
the name of the default branch goes into every manifest, and the `version` that a branch, or a tag like "5.0.0" with
"5.0.0-dev" inside, must not have is taken out.
"""

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from packistry.composer import constraints, versions
from packistry.errors import InvalidConstraint, InvalidVersion

# GitHub keeps pages there, and Composer's driver leaves it out.
_NO_CODE = "gh-pages"
_DEV_SUFFIX = re.compile(r"[.-]?dev$", re.IGNORECASE)


@dataclass(frozen=True)
class Ref:
    """A branch or tag with its composer.json; `reason` says why it has none that can be read."""

    name: str
    kind: Literal["branch", "tag"]
    manifest: dict[str, Any] | None
    reason: str = ""


@dataclass(frozen=True)
class Project:
    """A code repository with its refs, the default branch first."""

    name: str
    refs: list[Ref]


@dataclass(frozen=True)
class Offer:
    """A ref that becomes a version: under which spelling, and the manifest that goes into its archive."""

    ref: Ref
    version: str
    normalised: str
    manifest: dict[str, Any]
    default_branch: bool = False


@dataclass
class Crawl:
    """What a project offers, and how many refs it does not, by reason."""

    offers: list[Offer] = field(default_factory=list[Offer])
    refused: Counter[str] = field(default_factory=Counter[str])


class Skipped(Exception):
    """The reason why a ref is no version."""


def projects_in(folder: Path) -> Iterator[Project]:
    """The projects of a folder of *.jsonl.gz, one after the other: all of them would not fit the memory."""
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            yield Project(path.name.removesuffix(".jsonl.gz"), [_ref(json.loads(line)) for line in lines])


def crawl(project: Project) -> Crawl:
    """The versions of a project, first come, first served: default branch, other branches, tags by their bytes."""
    found, seen = Crawl(), set[tuple[Any, str]]()
    default = project.refs[0]
    name = (default.manifest or {}).get("name")
    branches = [ref for ref in project.refs if ref.kind == "branch"]
    tags = sorted((ref for ref in project.refs if ref.kind == "tag"), key=lambda ref: ref.name.encode())
    for ref in (*branches, *tags):
        try:
            offer = _offer(ref, name, is_default=ref is default)
            _refuse_known(offer, seen)
        except Skipped as reason:
            found.refused[f"{ref.kind}: {reason}"] += 1
        else:
            found.offers.append(offer)
    return found


def _refuse_known(offer: Offer, seen: set[tuple[Any, str]]) -> None:
    key = (offer.manifest.get("name"), offer.normalised.lower())
    if key in seen:
        raise Skipped("another ref is the same version")
    seen.add(key)


def _ref(row: dict[str, Any]) -> Ref:
    manifest = row.get("manifest")
    reason = (row.get("reason") or "").partition(":")[0]
    return Ref(row["ref"], row["kind"], manifest, reason or ("" if manifest else "an empty composer.json"))


def _offer(ref: Ref, name: Any, *, is_default: bool) -> Offer:
    if not ref.manifest:
        raise Skipped(ref.reason)
    manifest = ref.manifest if name is None else {**ref.manifest, "name": name}
    version = _branch_version(ref.name) if ref.kind == "branch" else _tag_version(ref.name, manifest)
    normalised = versions.normalise(version)
    if ref.kind == "branch" or _normalised_or_none(manifest.get("version")) != normalised:
        manifest = _without(manifest, ("version",))
    if ref.kind == "tag":
        manifest = _without(manifest, ("default-branch",))
    return Offer(ref, version, normalised, manifest, is_default)


def _branch_version(branch: str) -> str:
    if branch == _NO_CODE:
        raise Skipped("pages, not code")
    version = versions.pretty_branch(branch)
    try:
        constraints.parse(version)
        versions.normalise(version)
    except (InvalidConstraint, InvalidVersion) as error:
        raise Skipped("the name is no constraint") from error
    return version


def _tag_version(tag: str, manifest: dict[str, Any]) -> str:
    expected = _normalised_or_none(tag.replace("release-", ""))
    if expected is None:
        raise Skipped("the name is no version")
    written = manifest.get("version")
    version = _DEV_SUFFIX.sub("", str(written or tag.replace("release-", "")))
    normalised = _normalised_or_none(written or tag.replace("release-", ""))
    if normalised is None:
        raise Skipped("its composer.json has a version that is none")
    if re.sub(r"(^dev-|[.-]?dev$)", "", normalised) != expected:
        raise Skipped("its composer.json has another version" if written else "the name is that of a branch")
    return version


def _normalised_or_none(version: Any) -> str | None:
    try:
        return versions.normalise(version) if isinstance(version, str) else None
    except InvalidVersion:
        return None


def _without(manifest: dict[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    return {key: value for key, value in manifest.items() if key not in keys}
