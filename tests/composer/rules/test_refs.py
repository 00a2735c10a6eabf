"""Which tags and branches become which versions: by tables, and by a git repository that Composer's own code crawls."""

import json
import os
import subprocess
from collections.abc import Hashable
from pathlib import Path

import pytest

from packistry.composer.refs import (
    Kind,
    branch_version,
    comparable,
    import_order,
    ref_version,
    tag_matches,
    tag_version,
)
from packistry.composer.versions import normalise
from packistry.errors import InvalidVersion
from tests.composer.rules.oracle import ask
from tests.tools import program

# Tag, the version in composer.json at its commit, what is published (None: the tag is passed over), why.
TAGS: list[tuple[str, str | None, str | None, str]] = [
    ("1.1.0", None, "1.1.0", "the plain case"),
    ("v1.2.0", None, "v1.2.0", "the spelling of the tag is kept"),
    ("V1.2.1", None, "V1.2.1", "a capital too"),
    ("1.10.0-stable", None, "1.10.0-stable", "also a word that says nothing"),
    ("20200103", None, "20200103", "a date"),
    ("2020-01-04", None, "2020-01-04", "a date with hyphens"),
    ("7", None, "7", "one number"),
    ("1.8.0-beta1", None, "1.8.0-beta1", "a beta"),
    ("1.8.0_RC.2", None, "1.8.0_RC.2", "a candidate with odd separators"),
    ("1.8.0-p1", None, "1.8.0-p1", "a patch"),
    ("1.8.5+build.5", None, "1.8.5+build.5", "build metadata"),
    ("release-1.3.0", None, "1.3.0", '"release-" is taken out'),
    ("1.3.1-release-", None, "1.3.1-", "wherever it stands"),
    ("release-v1.3.2", None, "v1.3.2", "before a v"),
    ("Release-1.3.3", None, None, "but not with a capital"),
    ("release/1.3.4", None, None, "nor with a slash"),
    ("release-", None, None, "and something must be left"),
    ("nonsense", None, None, "no version"),
    ("nightly", None, None, "no version"),
    ("foo/1.8.0", None, None, "a slash"),
    ("acme-lib-1.8.1", None, None, "the package's name"),
    ("1.2.3.4.5", None, None, "five numbers"),
    ("1.2.3-foo", None, None, "an unknown word"),
    ("1.2.3-1", None, None, "a number without a word"),
    ("1.x", None, None, "a branch's name"),
    ("latest", None, None, "no version"),
    ("1.4.0-dev", None, None, "a tag is no branch"),
    ("1.4.1.dev", None, None, "a tag is no branch"),
    ("1.5.x-dev", None, None, "a tag is no branch"),
    ("dev-1.5", None, None, "a tag is no branch"),
    ("dev-tag", None, None, "a tag is no branch"),
    ("master", None, None, "Composer reads it as dev-master"),
    ("3.0.0", "3.0.0", "3.0.0", "composer.json agrees"),
    ("v3.0.2", "3.0.2", "3.0.2", "composer.json's spelling is taken"),
    ("3.0.3.0", "v3.0.3", "v3.0.3", "composer.json's spelling is taken"),
    ("3.0.1", "3.0.0", None, "composer.json says another version"),
    ("3.1.0", "3.1.0-beta1", None, "composer.json says another version"),
    ("3.1.1", "dev-main", None, "composer.json says a branch"),
    ("3.1.2", "3.1.x-dev", None, "composer.json says a branch"),
    ("5.0.0", "5.0.0-dev", "5.0.0", "a left-over of the work before"),
    ("5.0.1", "5.0.1.DEV", "5.0.1", "whatever its case"),
    ("5.0.2", "5.0.2dev", "5.0.2", "and without separator"),
    ("5.0.3-RC1", "5.0.3-RC1-dev", "5.0.3-RC1", "after another word"),
    ("5.0.4-dev", "5.0.4-dev", None, "the tag itself must be none"),
    ("release-5.1.0", "5.1.0", "5.1.0", "both rules"),
    ("1.7.0", None, "1.7.0", "the first of two equal ones in byte order"),
    ("1.7.0+build5", None, None, "so this comes second"),
    ("1.0.0", None, "1.0.0", "digits come before letters"),
    ("v1.0.0", None, None, "so this comes second"),
    ("v1.0.1", None, "v1.0.1", "the shorter comes first"),
    ("v1.0.1.0", None, None, "so this comes second"),
    ("1.02.5", None, "1.02.5", "compared as versions, this is 1.2.5"),
    ("1.2.5", None, None, "so this comes second"),
]

# Branch, its version (None: it is passed over), why.
BRANCHES: list[tuple[str, str | None, str]] = [
    ("main", "dev-main", "the default branch"),
    ("master", "dev-master", "a name without number"),
    ("develop", "dev-develop", "a name without number"),
    ("trunk", "dev-trunk", "a name without number"),
    ("feature/foo", "dev-feature/foo", "a slash stays"),
    ("Feature/Bar", "dev-Feature/Bar", "a capital stays"),
    ("fix#12", "dev-fix+12", 'a "#" would begin a reference'),
    ("1", "1.x-dev", "a number"),
    ("2.x", "2.x-dev", "a number with its x"),
    ("3.X", "3.x-dev", "a capital X"),
    ("4.0", "4.0.x-dev", "two numbers"),
    ("4.1.x", "4.1.x-dev", "two numbers with their x"),
    ("4.2.3", "4.2.3.x-dev", "three numbers"),
    ("4.2.3.4", "4.2.3.4-dev", "four numbers"),
    ("4.2.3.4.5", "dev-4.2.3.4.5", "five are no number"),
    ("v5", "v5.x-dev", "the v stays"),
    ("v6.1", "v6.1.x-dev", "the v stays"),
    ("V7.0", "7.0.x-dev", "a capital V goes"),
    ("10", "10.x-dev", "two digits"),
    ("5.x-dev", "dev-5.x-dev", "no number, by its dev"),
    ("dev-foo", "dev-dev-foo", "the prefix comes on top"),
    ("release/1.0", "dev-release/1.0", "no number, by its word"),
    ("1.0-beta", "dev-1.0-beta", "no number, by its word"),
    ("1.foo", "dev-1.foo", "no number, by its word"),
    ("2010-01-02", "dev-2010-01-02", "a date is no number"),
    ("größe", "dev-größe", "an accent"),
    ("merge_up", "dev-merge_up", "only nearly a name of a tool"),
    ("a,b", None, "two constraints"),
    ("a|b", None, "two constraints"),
]

# What Composer takes in and Packagist or we don't: branch, why.
STRICTER: list[tuple[str, str]] = [
    ("gh-pages", "no code"),
    ("gitattributes", "a tool's"),
    ("release-please--branches--main", "a tool's"),
    ("gh-readonly-queue/main/pr-1", "a tool's"),
    ("renovate/lodash-4.x", "a tool's"),
    ("dependabot/npm/lodash-4", "a tool's"),
    ("conductor-lodash", "a tool's"),
    ("merge-up/1.0", "a tool's"),
    ("a,1.0", "who requires it asks for both"),
    ("a||1.0", "who requires it asks for either"),
    ("fix@dev", 'who requires it gets "dev-fix"'),
]


@pytest.mark.parametrize(("tag", "manifest_version", "published", "why"), TAGS)
def test_tag(tag: str, manifest_version: str | None, published: str | None, why: str) -> None:
    if published is None and why != "so this comes second":
        with pytest.raises(InvalidVersion):
            tag_matches(tag, manifest_version)
    else:
        assert tag_matches(tag, manifest_version) == (published or tag), why


@pytest.mark.parametrize(("branch", "version", "why"), BRANCHES)
def test_branch(branch: str, version: str | None, why: str) -> None:
    if version is None:
        with pytest.raises(InvalidVersion):
            branch_version(branch)
    else:
        assert branch_version(branch) == version, why


@pytest.mark.parametrize(
    ("kind", "name", "sentence"),
    [
        ("tag", "nightly", "The tag 'nightly' is no version: tag the commit as '1.2.3'"),
        ("tag", "1.4.0-dev", "The tag '1.4.0-dev' is named like a branch, .* or make a branch of it"),
        ("tag", "1.0\x1b[31m", r"The name of the tag '1.0\\x1b\[31m' has a control character"),
        ("tag", "1.0+\udcff", r"The name of the tag '1.0\+\\udcff' has a control character or is not UTF-8: rename it"),
        ("tag", "v" * 300, "The tag 'v{79}… is no version"),
        ("branch", "a\udcff", r"The name of the branch 'a\\udcff' has .* is not UTF-8: rename it"),
        ("branch", "-x", "The branch '-x' begins with '-', which git takes for an option: rename it"),
        ("branch", "a b", "The branch 'a b' has a name that means something else in a constraint, .*: rename it"),
        ("branch", "1.99999990", "means something else"),
        ("branch", "b" * 252, "means something else"),
        *(("branch", name, f"The branch '{name}' .*") for name, _ in STRICTER),
        ("branch", "gh-pages", "holds the project's web site, so it is not imported: .* give it another name"),
        ("branch", "renovate/x", "is where Renovate proposes an update, so it is not imported"),
    ],
)
def test_refusal_says_why_and_what_to_do(kind: str, name: str, sentence: str) -> None:
    with pytest.raises(InvalidVersion, match=sentence):
        ref_version(kind, name)


def test_contradiction_names_both_versions() -> None:
    with pytest.raises(
        InvalidVersion, match=r"tag '3\.0\.1' does not match the version '3\.0\.0' in its composer\.json"
    ):
        tag_matches("3.0.1", "3.0.0")


@pytest.mark.parametrize(
    ("tag", "manifest_version", "published", "why"),
    [
        ("1.0.0@stable", None, "1.0.0", "a flag belongs to a request; Composer keeps it"),
        ("1.0.0@dev", None, "1.0.0", 'Composer makes "1.0.0@" of it'),
        ("1.0.0", "1.0.0@dev", "1.0.0", 'and "1.0.0@" of this'),
        ("1.0.0", "1.0.0 as 2.0", "1.0.0", "an alias belongs to a request; Composer keeps it"),
        ("1.0.0", "dev-1.0.0.0", "1.0.0", "Composer would publish dev-1.0.0.0 as 1.0.0.0"),
    ],
)
def test_unreadable_spellings_give_way_to_the_tag(
    tag: str, manifest_version: str | None, published: str, why: str
) -> None:
    assert tag_matches(tag, manifest_version) == published, why


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        ("1.02.0", "v1.2.0", True),
        ("1.0.0", "1.0.0+build5", True),
        ("1.0.0", "1.0.0-p1", False),
        ("dev-Feature", "dev-feature", True),
        ("dev-feature", "dev-feature2", False),
        ("2.x-dev", "v2.x-dev", True),
        ("2.0.x-dev", "2.x-dev", False),
        ("1.0.0", "dev-1.0.0", False),
    ],
)
def test_comparable(left: str, right: str, *, equal: bool) -> None:
    assert (comparable(left) == comparable(right)) is equal


def test_default_branch_comes_first_then_tags_then_branches() -> None:
    refs: list[tuple[Kind, str]] = [
        ("branch", "a"),
        ("branch", "main"),
        ("tag", "v1.0.0"),
        ("tag", "main"),
        ("tag", "1.0.0"),
        ("branch", "\udcff"),
        ("branch", "é"),
        ("branch", "B"),
    ]

    assert import_order(refs, "main") == [
        ("branch", "main"),
        ("tag", "1.0.0"),
        ("tag", "main"),
        ("tag", "v1.0.0"),
        ("branch", "B"),
        ("branch", "a"),
        ("branch", "é"),
        ("branch", "\udcff"),
    ]
    assert import_order(refs, None)[0] == ("tag", "1.0.0")


def test_tags_by_our_rules() -> None:
    """Sees to it that the rows about equal tags say which of them is published."""
    assert imported_by_us() == expected()


@pytest.mark.client
def test_composer_makes_the_same_of_a_git_repository(tmp_path: Path) -> None:
    commits = make_repository(tmp_path / "lib.git")

    questions = [{"folder": str(tmp_path / "lib.git"), "home": str(tmp_path)}]
    (found,) = ask(questions, script=Path(__file__).with_name("crawl.php"))

    by_composer = {ref: found[commit] for ref, commit in commits.items() if commit in found}
    stricter = {("branch", name) for name, _ in STRICTER}
    assert {ref for ref in by_composer if by_composer[ref][2]} == {("branch", "main")}
    # A row that Composer skips as well, or that git cannot hold, would prove nothing.
    assert stricter <= by_composer.keys()
    assert {ref: said[:2] for ref, said in by_composer.items() if ref not in stricter} == {
        ref: [version, normalise(version)] for ref, version in imported_by_us().items()
    }


def expected() -> dict[tuple[Kind, str], str]:
    """What the two tables say."""
    tags: dict[tuple[Kind, str], str] = {("tag", tag): version for tag, _, version, _ in TAGS if version}
    branches: dict[tuple[Kind, str], str] = {("branch", name): version for name, version, _ in BRANCHES if version}
    return tags | branches


def imported_by_us() -> dict[tuple[Kind, str], str]:
    """The tables as one project: refs in their order, the first of equal versions wins."""
    stated: dict[tuple[Kind, str], str | None] = {("tag", tag): version for tag, version, *_ in TAGS}
    stated |= {("branch", branch): None for branch, *_ in BRANCHES}
    found: dict[tuple[Kind, str], str] = {}
    taken: set[Hashable] = set()
    for kind, name in import_order(stated, "main"):
        try:
            version = tag_matches(name, stated[kind, name]) if kind == "tag" else branch_version(name)
        except InvalidVersion:
            continue
        if comparable(version) not in taken:
            taken.add(comparable(version))
            found[kind, name] = version
    return found


def make_repository(folder: Path) -> dict[tuple[Kind, str], str]:
    """A bare repository with a commit for every row, named by its ref."""
    versions: dict[tuple[Kind, str], str | None] = {("tag", tag): version for tag, version, *_ in TAGS}
    versions |= {("branch", branch): None for branch in [row[0] for row in BRANCHES] + [row[0] for row in STRICTER]}
    folder.mkdir()
    _git(folder, "init", "-q", "--bare", "--initial-branch=main")
    stream = "".join(_commit(kind, name, version) for (kind, name), version in versions.items())
    _git(folder, "fast-import", "--quiet", stdin=stream)
    listed = _git(folder, "for-each-ref", "--format=%(objectname) %(refname)").splitlines()
    commits = {refname: commit for commit, refname in (line.split(" ", 1) for line in listed)}
    return {(kind, name): commits[_refname(kind, name)] for kind, name in versions}


def _refname(kind: Kind, name: str) -> str:
    return f"refs/{'tags' if kind == 'tag' else 'heads'}/{name}"


def _commit(kind: Kind, name: str, version: str | None) -> str:
    manifest = json.dumps({"name": "acme/lib"} | ({"version": version} if version else {}))
    refname = _refname(kind, name)
    return (
        f"commit {refname}\ncommitter T <t@example.org> 1700000000 +0000\ndata {len(refname.encode())}\n{refname}\n"
        f"M 100644 inline composer.json\ndata {len(manifest)}\n{manifest}\n\n"
    )


def _git(folder: Path, *words: str, stdin: str = "") -> str:
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
    }
    command = [program("git"), *words]
    return subprocess.run(
        command, cwd=folder, env=environment, input=stdin, check=True, capture_output=True, text=True
    ).stdout


def test_tag_version_is_the_tag_alone() -> None:
    assert tag_version("release-3.0.1") == "3.0.1"
