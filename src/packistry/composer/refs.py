"""Which refs of a git repository become which versions. Pure; source: Composer's VcsRepository, and Packagist's habits.

A ref that gives no version is refused with InvalidVersion, whose sentence says why and what would give one.
"""

import unicodedata
from collections.abc import Hashable, Iterable
from typing import Final, Literal, TypeAlias

from packistry.composer.constraints import Comparison, parse
from packistry.composer.versions import (
    is_dev,
    normalise,
    normalise_branch,
    pretty_branch,
    remembered_sort_key,
    without_decoration,
)
from packistry.errors import InvalidConstraint, InvalidVersion

Kind: TypeAlias = Literal["branch", "tag"]

# Branches that no one installs from, and of which some projects have hundreds. Packagist passes over the same ones.
_OTHER_WORK: Final = {
    "gh-pages": "holds the project's web site",
    "gitattributes": "is where a tool proposes a .gitattributes file",
    "release-please--branches--main": "is where Release Please prepares a release",
}
_PREFIXES: Final = {
    "gh-readonly-queue/": "is where GitHub's merge queue tries a change",
    "renovate/": "is where Renovate proposes an update",
    "dependabot/": "is where Dependabot proposes an update",
    "conductor-": "is where Conductor proposes an update",
    "merge-up/": "is where changes are merged up from an older branch",
}
# Control characters, and halves of characters that no encoding has: bytes of a name that are no UTF-8.
_UNREADABLE: Final = frozenset({"Cc", "Cs"})


def ref_version(kind: str, name: str) -> str:
    """The version that a ref stands for, as the metadata spells it; of a tag before composer.json had its say."""
    return tag_version(name) if kind == "tag" else branch_version(name)


def tag_version(tag: str) -> str:
    """The version that a tag names, in the tag's own spelling: "release-1.3.0" → "1.3.0", "v1.0" stays.

    Refused are tags that name none ("nightly", "foo/1.8.0") or that name a branch ("1.4.0-dev", "dev-1.5", "master").
    """
    _refuse_unreadable("tag", tag)
    # "1.0.0@dev" asks for a version rather than naming one. Composer cuts it to "1.0.0@", which nothing can read.
    version = without_decoration(tag.replace("release-", ""))
    try:
        normalised = normalise(version)
    except InvalidVersion as refusal:
        raise InvalidVersion(
            f"The tag {_shown(tag)} is no version: tag the commit as '1.2.3' or 'v1.2.3' to have it imported."
        ) from refusal
    if is_dev(normalised):
        raise InvalidVersion(
            f"The tag {_shown(tag)} is named like a branch, and a tag never moves: tag the commit as '1.2.3' or "
            "'1.2.3-beta1', or make a branch of it."
        )
    return version


def tag_matches(tag: str, manifest_version: str | None) -> str:
    """The version that a tag is published as, given the `version` of the composer.json at its commit.

    That one's spelling is taken, without "-dev": the mark is left over from the work before. Refused is another
    version than the tag's.
    """
    version = tag_version(tag)
    if manifest_version is None:
        return version
    normalised = normalise(version)
    if normalise(manifest_version).removeprefix("dev-").removesuffix("-dev") != normalised:
        raise InvalidVersion(
            f"The tag {_shown(tag)} does not match the version {_shown(manifest_version)} in its composer.json: "
            "remove the version there, it comes from the tag, and tag that commit."
        )
    spelled = _without_dev(manifest_version)
    # "dev-1.0.0.0" passes the comparison above and would be published as a branch.
    return spelled if without_decoration(spelled) == spelled and _means(spelled, normalised) else version


def branch_version(branch: str) -> str:
    """The version of a branch, always ending or beginning with "dev": "main" → "dev-main", "2.x" → "2.x-dev".

    Refused are the names that Composer or Packagist pass over, and those that would be read as another branch's.
    """
    _refuse_unreadable("branch", branch)
    if branch.startswith("-"):
        raise InvalidVersion(f"The branch {_shown(branch)} begins with '-', which git takes for an option: rename it.")
    work = _OTHER_WORK.get(branch) or next((work for name, work in _PREFIXES.items() if branch.startswith(name)), None)
    if work:
        raise InvalidVersion(
            f"The branch {_shown(branch)} {work}, so it is not imported: to have it as a version, give it another name."
        )
    version = pretty_branch(branch)
    if not _can_be_required(version, normalise_branch(branch.replace("#", "+"))):
        raise InvalidVersion(
            f"The branch {_shown(branch)} has a name that means something else in a constraint, so that nobody could "
            "require it: rename it."
        )
    return version


def comparable(version: str) -> Hashable:
    """Equal for versions of which only one can be published: "1.02.0" and "v1.2.0"; branches that differ only in case.

    The first of them in `import_order` has it. Refuses with InvalidVersion what is none.
    """
    normalised = normalise(version)
    return normalised.lower() if is_dev(normalised) else remembered_sort_key(normalised)


def import_order(refs: Iterable[tuple[Kind, str]], default_branch: str | None) -> list[tuple[Kind, str]]:
    """The default branch, which names the package, then tags, then branches, each by the bytes of their names.

    So "1.0.0" comes before "v1.0.0", and "1.7.0" before "1.7.0+build5".
    """

    def place(ref: tuple[Kind, str]) -> tuple[bool, bool, bytes]:
        kind, name = ref
        return ref != ("branch", default_branch), kind == "branch", name.encode("utf-8", "surrogatepass")

    return sorted(refs, key=place)


def _without_dev(version: str) -> str:
    """Without a "dev", "-dev" or ".dev" at the end, in any case."""
    if version[-3:].lower() != "dev":
        return version
    rest = version[:-3]
    return rest[:-1] if rest.endswith((".", "-")) else rest


def _means(version: str, normalised: str) -> bool:
    try:
        return normalise(version) == normalised
    except InvalidVersion:
        return False


def _can_be_required(version: str, normalised: str) -> bool:
    """Whether a constraint with this text asks for that branch and nothing else.

    Composer only asks whether it parses, so it passes over "a,b" and takes in "a,1.0" and "a@dev": they ask for both of
    two, and for the branch "a".
    """
    try:
        return parse(version).alternatives == ((Comparison("==", normalised),),)
    except InvalidConstraint:
        return False


def _refuse_unreadable(kind: Kind, name: str) -> None:
    """Metadata is JSON in UTF-8, and a version is shown in terminals."""
    # git has no backslash in a name: there it stands for a byte that is no UTF-8, which would be published as text.
    if "\\" in name or any(unicodedata.category(character) in _UNREADABLE for character in name):
        raise InvalidVersion(
            f"The name of the {kind} {_shown(name)} has a control character or is not UTF-8: rename it."
        )


def _shown(name: str) -> str:
    """A name by a stranger, as it may stand in a sentence."""
    return repr(name) if len(name) <= 80 else f"{name!r:.80}…"
