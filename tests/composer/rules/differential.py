"""Our rules against Composer's: `python -m tests.composer.rules.differential --cases 20000 --seed 1`.

Compares versions, branches, order, constraints, lists and names over random cases and prints how many of each; exit
code 1 if there is one difference. Left out are only: strings longer than we take, and lists to sort that have no order
by Composer's own rules, because two branches, or two spellings of one version ("1.2" and "1.02"), are each "greater"
than the other: what comes out then is up to PHP's sorting algorithm.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

from packistry.composer import constraints, names, versions
from packistry.errors import InvalidVersion, Refusal
from tests.composer.rules.oracle import NEWEST, Question, ask
from tests.composer.rules.random_cases import Cases

# Many differences mostly have one reason.
_SHOWN = 10

_OURS: dict[str, Callable[[Question], Any]] = {
    "normalise": lambda q: versions.normalise(q["version"]),
    "stability": lambda q: versions.stability(q["version"]),
    "branch": lambda q: versions.normalise_branch(q["branch"]),
    "prefix": lambda q: versions.numeric_alias_prefix(q["branch"]),
    "imported": lambda q: [_imported(branch) for branch in q["branches"]],
    "compare": lambda q: versions.compare(q["left"], q["right"]),
    "parse": lambda q: _shape(constraints.parse(q["constraint"])),
    "satisfies": lambda q: constraints.satisfies(q["version"], q["constraint"]),
    "sort": lambda q: versions.sort_versions(q["versions"]),
    "name": lambda q: names.is_valid_name(q["name"]) or names.is_platform_name(q["name"]),
    "platform": lambda q: names.is_platform_name(q["name"]),
}


@dataclass(frozen=True)
class Outcome:
    """What one kind of question brought; `refused` and `denied` count Composer's answers that are null and false."""

    title: str
    asked: int
    refused: int
    denied: int
    left_out: int
    differences: list[str]

    @property
    def answered_yes(self) -> int:
        """How many were neither refused nor denied."""
        return self.asked - self.refused - self.denied

    def __str__(self) -> str:
        counts = f"{self.asked:>7} asked {self.refused:>7} refused {self.denied:>7} false {self.left_out:>6} left out"
        return "\n  ".join([f"{self.title:<34}{counts} {len(self.differences):>4} differ", *self.differences[:_SHOWN]])


def run(cases: int, seed: int, client: str = NEWEST) -> list[Outcome]:
    """Compares `cases` versions and as many pairs with a constraint, over a tenth as many lists, half as many names."""
    source = Cases(seed)
    drawn = [source.version() for _ in range(cases)]
    strings = [text for text in drawn if len(text) <= versions.MAX_VERSION_LENGTH]
    branches = sorted({source.branch() for _ in range(cases // 2)} | {*strings[: cases // 2]})
    pairs = [(source.opponent(), source.constraint()) for _ in range(cases)]
    lists = [source.versions() for _ in range(cases // 10 * 3)]
    sortable = [one for one in lists if _has_an_order(one)]
    named = [source.name() for _ in range(cases // 2)]
    plan: list[tuple[str, list[Question], int]] = [
        ("versions: normalise", [question("normalise", version=text) for text in strings], cases - len(strings)),
        ("versions: stability as written", [question("stability", version=text) for text in strings], 0),
        ("versions: compare", [question("compare", left=a, right=b) for a, b in _comparable(strings)], 0),
        ("branches: normalise", [question("branch", branch=name) for name in branches], 0),
        ("branches: numeric alias prefix", [question("prefix", branch=name) for name in branches], 0),
        ("branches: imported as (by 50)", [question("imported", branches=some) for some in _by_fifty(branches)], 0),
        ("constraints: parse", [question("parse", constraint=text) for _, text in pairs], 0),
        ("constraints: satisfies", [question("satisfies", version=v, constraint=text) for v, text in pairs], 0),
        ("lists: sort", [question("sort", versions=one) for one in sortable], len(lists) - len(sortable)),
        ("names: package", [question("name", name=name) for name in named], 0),
        ("names: platform", [question("platform", name=name) for name in named], 0),
    ]
    return [compare_questions(title, questions, left_out, client) for title, questions, left_out in plan]


def main() -> int:
    """Prints what was compared; 1 if anything differs."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--cases", type=int, default=20_000, help="versions, and pairs with a constraint")
    arguments.add_argument("--seed", type=int, default=1)
    chosen = arguments.parse_args()
    outcomes = run(chosen.cases, chosen.seed)
    print(f"seed {chosen.seed}", *outcomes, sep="\n")
    return int(any(outcome.differences for outcome in outcomes))


def compare_questions(title: str, questions: list[Question], left_out: int = 0, client: str = NEWEST) -> Outcome:
    """Asks Composer and ourselves, and keeps what differs."""
    theirs = ask(questions, client)
    differences = [
        f"{asked!s:.400}: Composer {their!r:.400}, we {our!r:.400}"
        for asked, their, our in zip(questions, theirs, map(_answer, questions), strict=True)
        if their != our
    ]
    refused, denied = sum(answer is None for answer in theirs), sum(answer is False for answer in theirs)
    return Outcome(title, len(questions), refused, denied, left_out, differences)


def _answer(asked: Question) -> Any:
    try:
        return _OURS[asked["ask"]](asked)
    except Refusal:
        return None


def _imported(branch: str) -> list[str] | None:
    """Pretty and normalised version as an import has them; branches whose name is no constraint are passed over."""
    normalised = versions.normalise_branch(branch)
    try:
        constraints.parse(normalised)
    except Refusal:
        return None
    return [versions.pretty_branch(branch), normalised.replace("#", "+")]


def _shape(constraint: constraints.Constraint) -> list[list[list[str]]]:
    return [[[part.operator, part.version] for part in alternative] for alternative in constraint.alternatives]


def _has_an_order(written: Iterable[str]) -> bool:
    """Whether Composer's comparison says of any two different versions that one of them is lower."""
    try:
        normalised = {versions.normalise_default_branch(versions.normalise(one)) for one in written}
    except InvalidVersion:
        return True  # Sorting it is refused, and so it must be by us.
    if sum(versions.is_branch(one) for one in normalised) > 1:
        return False
    return all(versions.compare(left, right) != 0 for left, right in combinations(normalised, 2))


def _comparable(strings: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Pairs of normalised versions that Composer ever compares: different ones, and not two branches."""
    normalised = [_answer(question("normalise", version=text)) for text in strings]
    for left, right in pairwise(one for one in normalised if one is not None):
        if left != right and not (versions.is_branch(left) and versions.is_branch(right)):
            yield left, right


def _by_fifty(branches: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(branches), 50):
        yield branches[start : start + 50]


def question(ask_for: str, **what: Any) -> Question:
    """One of the questions oracle.php answers."""
    return {"ask": ask_for, **what}


if __name__ == "__main__":
    sys.exit(main())
