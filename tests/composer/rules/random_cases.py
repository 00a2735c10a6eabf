"""Nasty versions, constraints, branches, names and lists: real ones, bent ones, nonsense. A seed brings them back."""

import json
import random
from pathlib import Path

from packistry.composer.versions import normalise
from packistry.errors import InvalidVersion

_REAL: dict[str, list[str]] = json.loads(Path(__file__).with_name("real.json").read_text(encoding="utf-8"))

# PHP's expressions work on bytes: a digit, a blank or a capital of another alphabet is none of theirs, though Python
# would say so (the Kelvin sign folds to k, the long s to s, there are Arabic digits and blanks that do not break).
# NUL, form feed and line feeds are where trim, \s and $ differ from each other.
_ODD = [*"\u212a\u017f\u0661\uff11\u00bd\u0130\u00e9\u00b5\U0001f600", *"\u00a0\u0085\u2028", *"\0\f\v\n\r\t"]
_PLAIN = list("0123456789....----___+++:~^*xXvV@#/ ,|<>=!aAbBpPdDeErRcC")
_WORDS = [
    "stable",
    "beta",
    "b",
    "RC",
    "rc",
    "alpha",
    "a",
    "patch",
    "pl",
    "p",
    "dev",
    "DEV",
    "Stable",
    "BETA",
    "as",
    "x",
]
_STABILITIES = ["stable", "RC", "rc", "beta", "Alpha", "dev", "DEV"]
_BRANCHES = [
    "dev-main",
    "dev-master",
    "dev-trunk",
    "dev-feature/x",
    "DEV-Foo",
    "dev-1.0",
    "dev-",
    "feature-dev",
    "main",
]
_OPERATORS = [
    *["", "=", "==", "!=", "<>", "<", "<=", ">", ">=", "^", "~", "^", "~", ">= "] * 3,
    "===",
    "=>",
    "~>",
    "^ ",
    "!",
]
_SEPARATORS = [*[",", " ", ", ", " , ", "  ", "||", " || ", "|", " | "] * 3, "|||", ",,", "\n", " as ", "  -  ", "-"]


def _is_version(text: str) -> bool:
    try:
        normalise(text)
    except InvalidVersion:
        return False
    return True


class Cases:
    """An endless supply from one seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def version(self) -> str:
        """Mostly something that could be a version or the name of a branch or tag."""
        kind = self._random.random()
        if kind < 0.35:
            text = self._random.choice(_REAL["versions"])
        elif kind < 0.85:
            text = self._composed()
        elif kind < 0.92:
            text = self._random.choice(_BRANCHES)
        else:
            text = self._noise()
        return self._bent(text, likelihood=0.3)

    def good_version(self) -> str:
        """Small and well formed, so that two of them often meet."""
        numbers = ".".join(str(self._random.choice([0, 1, 2, 3, 10])) for _ in range(self._random.randint(1, 4)))
        suffixes = ["", "", "", "-dev", ".x-dev", "-beta", "-beta2", "-RC1", "-alpha.3", "-p1", "-STABLE", "+build"]
        return self._random.choice([numbers + self._random.choice(suffixes)] * 9 + _BRANCHES[:3])

    def opponent(self) -> str:
        """A version to hold against a constraint."""
        return self.version() if self._random.random() < 0.2 else self.good_version()

    def branch(self) -> str:
        """A name as git could have it, or a version."""
        if self._random.random() < 0.4:
            return self._bent(self._random.choice(_REAL["branches"]), likelihood=0.5)
        parts = [self._random.choice(["x", "X", "*", str(self._random.randint(0, 99)), "9999999"]) for _ in range(4)]
        numeric = self._random.choice(["", "v", "V"]) + ".".join(parts[: self._random.randint(1, 4)])
        alias = f"{self._number()}.{self._number()}{self._random.choice(['.x', '.X', ''])}-dev"
        return self._bent(
            self._random.choice([numeric, numeric, f"{numeric}-dev", alias, self.version()]), likelihood=0.2
        )

    def constraint(self) -> str:
        """Terms joined by anything, most of them sensible."""
        if self._random.random() < 0.15:
            return self._bent(self._random.choice(_REAL["constraints"]), likelihood=0.5)
        text = self._term()
        for _ in range(self._random.choice([0, 0, 0, 1, 1, 2, 3])):
            text += self._random.choice(_SEPARATORS) + self._term()
        return self._bent(text, likelihood=0.1)

    def name(self) -> str:
        """A name of a package or a part of the platform, often spoilt."""
        kind = self._random.random()
        if kind < 0.4:
            return self._bent(self._random.choice(_REAL["names"]), likelihood=0.6)
        words = [
            "acme",
            "lib",
            "a",
            "0",
            "nul",
            "COM1",
            "php",
            "ext",
            "lib-x",
            "composer-plugin-api",
            "x.json",
            "é",
            "B",
        ]
        joints = ["/", "/", "/", "-", "--", "---", ".", "_", "._", "", "~", "\n"]
        text = self._random.choice(words)
        for _ in range(self._random.randint(0, 3)):
            text += self._random.choice(joints) + self._random.choice(words)
        return self._bent(text, likelihood=0.2)

    def versions(self) -> list[str]:
        """A list to sort; past 16 elements PHP sorts by another algorithm."""
        size = self._random.choice([2, 3, 5, 8, 15, 17, 40])
        wide = self._random.random() < 0.7
        return [self._acceptable_version() if wide else self.good_version() for _ in range(size)]

    def _acceptable_version(self) -> str:
        while True:
            text = self.version()
            # One list in a hundred or so keeps a version that cannot be sorted.
            if _is_version(text) or self._random.random() < 0.001:
                return text

    def _term(self) -> str:
        kind = self._random.random()
        if kind < 0.2:
            return self._random.choice(["*", "x", "v*", "*.*", "dev-main#abc", "1.x-dev#abc", "@dev", "2.* as 1.0", ""])
        if kind < 0.3:
            return f"{self.good_version()} - {self.good_version()}"
        if kind < 0.4:
            return (
                self._random.choice(["", "v", "V", "="])
                + self._number()
                + self._random.choice([".*", ".x", ".2.*", ".*.X"])
            )
        version = self.good_version() if kind < 0.9 else self._random.choice([self.version(), self.branch()])
        decorations = [*[""] * 16, f"@{self._random.choice(_STABILITIES)}", "#abc", ".*", " as 1.0", "+b"]
        return self._random.choice(_OPERATORS) + version + self._random.choice(decorations)

    def _composed(self) -> str:
        """Written by the rules, with a slip here and there."""
        text = self._random.choice([*["", "", "v", "V"] * 3, "v.", "release-"]) + self._number()
        for _ in range(self._random.choice([0, 1, 2, 2, 2, 3, 3, 5])):
            text += self._random.choice([*"............", "-", "_", ":", "", ".."]) + self._number()
        if self._random.random() < 0.6:
            separators = ["", ".", "-", "_", "--"]
            text += self._random.choice(separators) + self._random.choice(_WORDS)
            for _ in range(self._random.choice([0, 1, 1, 2])):
                text += self._random.choice(separators) + self._number()
        tails = [
            "",
            "",
            "",
            "",
            "-dev",
            ".dev",
            "dev",
            "_dev",
            "+build.1",
            "+a b",
            "+a+b",
            " as 1.0",
            ".x-dev",
            ".*-dev",
        ]
        text += self._random.choice(tails)
        return text + self._random.choice(["", "", "", "", f"@{self._random.choice(_STABILITIES)}", "#abcdef"])

    def _number(self) -> str:
        wide = ["9" * 19, str(2**63 - 1), str(2**63), str(2**64 + 1), "1" + "0" * 24, "0" * 30 + "7"]
        small = [*map(str, range(10)), "10", "00", "01", "12", "2024", "20240131", "99999", "100000", "9999999"]
        return self._random.choice(wide if self._random.random() < 0.03 else small)

    def _noise(self) -> str:
        alphabet = _PLAIN + _ODD + _WORDS
        return "".join(self._random.choice(alphabet) for _ in range(self._random.randint(0, 12)))

    def _bent(self, text: str, *, likelihood: float) -> str:
        while self._random.random() < likelihood:
            place = self._random.randint(0, len(text))
            piece = self._random.choice([*_PLAIN, *_ODD, *_WORDS, " ", "\n", "-dev", "9" * 20])
            text = self._random.choice(
                [
                    text[:place] + piece + text[place:],
                    text[:place] + piece + text[place + 1 :],
                    text[:place] + text[place + 1 :],
                    text[:place] + text[:place],
                    text + self._random.choice(["\n", " ", "\n\n", "\r\n", "\f", "\0", "-", ".", "+", "@dev", "#x"]),
                    self._random.choice([" ", "\n", "v", "dev-", "\0", "=", "\u00a0"]) + text,
                    text.swapcase(),
                ]
            )
        return text
