"""The exclude patterns of composer.json: by a table, by Composer's own filter, and by `composer archive`."""

import json
import random
import re
import time
import zipfile
from pathlib import Path

import pytest

from packistry.archives.excludes import Excludes
from packistry.archives.globs import DeadPattern, parse_glob
from packistry.errors import InvalidManifest
from tests.composer.client import ComposerProject, composer
from tests.composer.rules.oracle import ask

# Rules, what they keep out, what they leave in, why.
TABLE: list[tuple[list[str], list[str], list[str], str]] = [
    (["/tests"], ["tests", "tests/a", "tests/b/c"], ["tests.php", "a/tests", "mytests"], "a slash binds to the root"),
    (["tests"], ["tests/a", "a/tests", "a/tests/b"], ["tests.php", "mytests/a"], "a name is found anywhere"),
    (["tests/"], ["tests/a", "a/tests/b", "tests"], ["mytests/a"], "a slash at the end says nothing"),
    (["/docs/api"], ["docs/api/a"], ["docs/a", "a/docs/api/b"], "a path from the root"),
    (["docs/api"], ["docs/api/a", "a/docs/api/b", "mydocs/api/c"], ["docs/apis"], "a path begins even within a name"),
    (["*.md"], ["README.md", "docs/a.md"], [".md", "a.mdx", "docs/.hidden.md"], "a star finds nothing hidden"),
    ([".*"], [".gitignore", ".github/a", "src/.b"], ["a.b"], "unless the dot is written"),
    (["/*"], ["a", "src/a"], [".a", ".github/a"], "all but hidden files of the root"),
    (["/*/a"], ["src/a", "src/a/b"], ["a", "src/b/a", ".src/a"], "a star is one folder"),
    (["/a?.php"], ["ab.php"], ["a.php", "a/.php", "abc.php"], "one letter"),
    (["/a??"], ["aé"], ["ab", "aéé"], "a letter with an accent is two bytes to PHP"),
    (["/src/**/a"], ["src/a", "src/b/a", "src/b/c/a"], ["a", "src/.b/a", "src/ba"], "any number of folders"),
    (["**/a"], ["a", "b/a", "b/c/a", "ba"], ["b", "b/ab"], "anywhere, even within a name"),
    (["/src/**"], ["src/a", "src/b/c"], ["src/.a", "a"], "everything in a folder"),
    (["/**"], ["a", "b/c"], [".a"], "everything that is not hidden"),
    (["**"], ["a", "b/c", ".a/b"], [".a"], "two stars without a slash are one"),
    (["/src/**b/a"], ["src/b/a", "src/cb/a"], ["src/c/b/a"], "and so are two beside a letter"),
    (["*.{md,txt}"], ["a.md", "b/a.txt"], ["a.php", "a.{md,txt}"], "alternatives"),
    (["/{a,b{c,d}}/e"], ["a/e", "bc/e", "bd/e"], ["b/e", "c/e"], "alternatives in alternatives"),
    (["/a{,b}"], ["a", "ab"], ["ac"], "an empty alternative"),
    (["/{a,b"], ["{a,b"], ["a", "b"], "a brace that nothing closes is a letter"),
    (["/{a,{b,c"], ["{a,{b,c"], ["a", "b"], "so are two"),
    (["/{a{b,c}"], ["{ab", "{ac"], ["a", "{a"], "one closed, one not"),
    (["a}"], [], ["a}", "a"], "one that opens nothing ends PHP's expression"),
    (["/a\\}{"], [], ["a}{", "a"], "escaped too"),
    (["/a\\{b"], ["a{b"], ["ab"], "this is how a brace is written"),
    (["/[ab].php"], ["a.php", "b.php"], ["c.php", "ab.php"], "a class"),
    (["/[a-c_-]"], ["b", "_", "-"], ["d"], "a range"),
    (["/[]a]"], ["]", "a"], ["b", "[]a]"], "a bracket in a class"),
    (["/[!a]", "/[^b]"], ["!", "a", "^", "b"], ["c"], "nothing in a class means not"),
    (["/[[:digit:]x]"], ["7", "x"], ["a", ":"], "a class by name"),
    (["/[[:nope:]]", "/[[=a=]]", "/[:digit:]", "/[z-a]", "/[[:digit:]-9]"], [], ["a", "1", "9"], "PHP refuses these"),
    (["/[a\\]b]"], ["]", "b"], ["\\"], "an escaped bracket"),
    (["/[{}]"], ["{", "}"], ["a"], "braces in pairs"),
    (["/[{]"], [], ["{"], "alone they confuse PHP"),
    (["/[a"], ["[a"], ["a"], "a bracket that nothing closes is a letter"),
    (["/[a\\"], ["[a"], ["a"], "nor with a backslash at the end"),
    (["/a\\*b"], ["a*b"], ["ab", "axb"], "an escaped star"),
    (["/a\\?"], ["a?"], ["ab"], "an escaped question mark"),
    (["/a\\"], ["a"], ["ab"], "a backslash at the end is nothing"),
    (["/a\\\\b"], [], ["ab", "a/b"], "a backslash is in no path"),
    (["/a.(b|c)+$^#"], ["a.(b|c)+$^#"], ["axb"], "letters to a pattern, though not to an expression"),
    (["/src", "!/src/a"], ["src/b"], ["src/a", "src/a/c"], "an exclamation mark takes back"),
    (["!/src/a", "/src"], ["src/a", "src/b"], [], "the last rule that matches has it"),
    (["*", "!!a.php"], ["b.php"], ["a.php", "c/a.php"], "two marks are one"),
    (["!a"], [], ["a"], "nothing to take back"),
    (["", "/", "//", "!", "!/"], [], ["a", "a/b"], "nothing"),
    (["a#"], ["a#"], ["a"], "a hash is a letter: this is no file of patterns"),
    (["größe"], ["größe/a"], ["gro"], "an accent"),
]


@pytest.mark.parametrize(("rules", "out", "kept", "why"), TABLE, ids=[" ".join(row[0]) or "-" for row in TABLE])
def test_rules(rules: list[str], out: list[str], kept: list[str], why: str) -> None:
    excludes = Excludes(rules)

    assert {path for path in [*out, *kept] if excludes.covers(path)} == set(out), why


def test_what_is_no_text_is_passed_over() -> None:
    excludes = Excludes([None, 7, ["a"], "/b"])

    assert (excludes.covers("7"), excludes.covers("b")) == (False, True)


def test_bracket_that_spans_folders_matches_nothing() -> None:
    """Composer would read "a", then one of "b", "/" and "c"; nobody means that."""
    with pytest.raises(DeadPattern):
        parse_glob(b"a[b/c]")
    with pytest.raises(DeadPattern):
        parse_glob(b"a[b\\/c]")


@pytest.mark.parametrize(
    "rules",
    [
        ["*a*a*a*a*a*a*a*a*a*a*a*a*b"],
        ["/**/a/**/a/**/a/**/a/**/a/**/a/**/b"],
        ["{*a,*b}" * 30 + "c"],
        ["{" * 120 + "a" + "}" * 120],
        [f"{'a' * number}*b" for number in range(200)],
    ],
)
def test_hostile_patterns_take_little_time(rules: list[str]) -> None:
    excludes = Excludes(rules)
    paths = ["a" * 250, "a/" * 100 + "a", *(f"{'a' * number}/{'ab' * 100}" for number in range(50))]
    start = time.process_time()

    assert not excludes.covers("x")
    for path in paths:
        excludes.covers(path)

    assert time.process_time() - start < 5


def test_patterns_that_would_take_too_long_are_refused() -> None:
    shape = random.Random(1)
    excludes = Excludes("".join(shape.choices("ab*?", k=200)) + "c" for _ in range(500))

    with pytest.raises(InvalidManifest, match="take too long to be compared with the files") as refusal:
        all(excludes.covers("".join(shape.choices("ab", k=100))) in {True, False} for _ in range(50_000))

    assert refusal.value.field == "archive.exclude"


@pytest.mark.parametrize("rules", [["a"] * 501, ["é" * 128]])
def test_more_than_anybody_needs_is_refused(rules: list[str]) -> None:
    with pytest.raises(InvalidManifest, match="only 500 patterns of 255 bytes are read"):
        Excludes(rules)


@pytest.mark.client
def test_table_is_composers() -> None:
    questions = [{"rules": rules, "paths": [*out, *kept]} for rules, out, kept, _ in TABLE]

    answers = ask(questions, script=Path(__file__).with_name("excludes.php"))

    for (rules, out, kept, _), answer in zip(TABLE, answers, strict=True):
        assert (rules, answer) == (rules, [True] * len(out) + [False] * len(kept))


# What random patterns and paths are made of.
ATOMS = [
    *["a", "b", ".", "/", "*", "**", "?", "{", "}", ",", "[", "]", "!", "\\", "-", "^", "a/", "/**/", "/**", "**/"],
    *["[a-b]", "[!a]", "[[:alpha:]]", "{a,b}", "é", "$", "(", "|", ")", "+", "#", "src", "[a-", "[:", "[=", "=]", ":]"],
]
PATH_ATOMS = ["a", "b", ".", "/a", "/b", "/.a", "src/", "é", *"-![]{},$#^*?(|+"]
_SPANNING = re.compile(r"\[[^\]]*/|\[\].*/")


@pytest.mark.client
def test_random_patterns_agree_with_composer() -> None:
    shape = random.Random(20_261_124)

    def rule() -> str:
        made = "".join(shape.choices(ATOMS, k=shape.randint(1, 6)))
        return "a" if _SPANNING.search(made) else shape.choice(["", "", "/", "!"]) + made

    def path() -> str:
        return re.sub("/+", "/", "".join(shape.choices(PATH_ATOMS, k=shape.randint(1, 7)))).strip("/")

    questions = [
        {"rules": [rule() for _ in range(shape.randint(1, 3))], "paths": [path() for _ in range(30)]}
        for _ in range(2000)
    ]

    answers = ask(questions, script=Path(__file__).with_name("excludes.php"))

    differences = [
        (question["rules"], path, answer)
        for question, row in zip(questions, answers, strict=True)
        for excludes in [Excludes(question["rules"])]
        for path, answer in zip(question["paths"], row, strict=True)
        if excludes.covers(path) != answer
    ]
    assert differences == []
    assert sum(map(sum, answers)) > 1000


@pytest.mark.client
def test_composer_archive_leaves_out_the_same_files(tmp_path: Path) -> None:
    rules = ["/tests", "*.md", "!/README.md", "docs/api", ".*", "!.editorconfig", "*.{yml,dist}", "/a/**/x"]
    files = [
        *["README.md", "CHANGES.md", "src/A.php", "src/notes.md", "tests/ATest.php", "src/tests/B.php", "docs/api/a"],
        *["docs/index", ".editorconfig", ".github/x", "ci.yml", "sub/phpunit.xml.dist", "a/x", "a/b/c/x", "a/b/y"],
    ]
    project = ComposerProject(composer("composer-latest"), tmp_path / "project", [])
    for file in files:
        (project.folder / file).parent.mkdir(parents=True, exist_ok=True)
        (project.folder / file).write_text("text")
    manifest = {"name": "acme/lib", "version": "1.0.0", "archive": {"exclude": rules}}
    (project.folder / "composer.json").write_text(json.dumps(manifest))

    project.run("archive", "--format=zip", f"--dir={tmp_path}", "--file=made").check()

    excludes = Excludes(rules)
    with zipfile.ZipFile(tmp_path / "made.zip") as zip_file:
        assert sorted(zip_file.namelist()) == sorted(["composer.json", *(f for f in files if not excludes.covers(f))])
