"""Our minification against Composer's: `python -m tests.composer.rules.minifier --lists 5000 --seed 1`.

Draws lists of objects in which neighbours are alike but not identical, in value, type or order of keys. Prints how many
lists and objects were compared; exit code 1 if there is one difference. Left out is what PHP cannot tell apart: an
empty object from an empty list, an object with the keys 0, 1, ... from a list.
"""

import argparse
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from packistry.composer.metadata import expand, minify, pack, unpack
from tests.composer.rules.oracle import ask

SCRIPT = Path(__file__).with_name("documents.php")

_KEYS = ("name", "version", "require", "extra", "dist", "license", "abandoned", "autoload", "x:y", "time")
_VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        1,
        1.0,
        2,
        0.1,
        "",
        "0",
        "1",
        "__unset",
        "__unset ",
        "a\nb",
        "\u0001",
        "é",
        "/",
        '"',
        "\\u0001",
    ),
    *([], [1], [1.0], [True], ["1"], [[]], [1, 2], [2, 1], {"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1.0, "b": 2}),
    *(
        {"a": {"c": [], "d": "x"}},
        {"a": {"d": "x", "c": []}},
        {"a": "__unset"},
        "a,\nb",
        {"a": ",\n"},
        {"__unset": True},
    ),
)


def object_lists(count: int, seed: int) -> Iterator[list[dict[str, Any]]]:
    """Lists of 1 to 8 objects, each made from the one before by a few changes; the first key never goes."""
    source = random.Random(seed)
    for _ in range(count):
        objects = [{"uid": 0, **{key: source.choice(_VALUES) for key in source.sample(_KEYS, source.randint(0, 6))}}]
        for number in range(1, source.randint(1, 8)):
            following = {**objects[-1], "uid": number}
            for key in source.sample(_KEYS, source.randint(0, 3)):
                following.pop(key, None)
                if source.random() < 0.7:
                    following[key] = source.choice(_VALUES)
            objects.append(following)
        yield objects


def differences(lists: list[list[dict[str, Any]]]) -> list[str]:
    """Where our minification, or our expansion of it, is not Composer's; compared as text, with the order of keys."""
    minified = [_minified(objects) for objects in lists]
    theirs = ask([{"ask": "minify", "objects": objects} for objects in lists], script=SCRIPT)
    expanded = ask([{"ask": "expand", "objects": objects} for objects in minified], script=SCRIPT)
    found: list[str] = []
    for objects, ours, minifies, expands in zip(lists, minified, theirs, expanded, strict=True):
        if _text(ours) != _text(minifies):
            found.append(f"minify {_text(objects)}: {_text(ours)} is not {_text(minifies)}")
        if _text(expand(ours)) != _text(expands):
            found.append(f"expand {_text(ours)}: {_text(expand(ours))} is not {_text(expands)}")
    return found


def _minified(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    entries = minify([unpack(pack(members)) for members in objects])
    return [orjson.loads(b"{%b}" % b",".join(entry.values())) for entry in entries]


def _text(value: Any) -> str:
    # PHP knows no empty object: an entry without any difference comes back as a list.
    return json.dumps(value).replace("{}", "[]")


def main() -> int:
    """Draws, compares, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lists", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    lists = list(object_lists(arguments.lists, arguments.seed))
    found = differences(lists)
    print(f"{len(lists)} lists, {sum(map(len, lists))} objects, {len(found)} differ", *found[:10], sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
