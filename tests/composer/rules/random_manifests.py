"""Manifests nobody would write: right and wrong values in every key Composer knows, drawn with a seed."""

import json
import random
from typing import Any

from packistry.composer.manifest_keys import KEYS

# What goes wrong in any key: every kind of JSON value, empty ones, and texts that are more than text to somebody.
_WRONG: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        1.5,
        1e30,
        2**63,
        2**65,
        "",
        " ",
        "0",
        "7",
        "__unset",
        "self.version",
        "a\nb",
        "a\x01b",
    ),
    *([], {}, [[]], [{}], [None], [1, 2.5], ["a"], ["a", "a"], [["a"], {"b": "c"}], {"": ""}, {"0": "a"}, {"5": 5}),
    *(
        {"a": None},
        {"a": True},
        {"a": []},
        {"a": {"b": {}}},
        {"__unset": "__unset"},
        {"a/b": "__unset"},
        "\u0001",
        "é\u2028",
    ),
)
_LINKS: tuple[Any, ...] = (
    {"php": ">=7.1", "ext-PDO": "*"},
    {"acme/lib": "self.version", "other/lib": "^1.0 || dev-main"},
    {"acme/LIB": "1.0", "Other/Lib": "~2.0@beta", "other/lib": "dev-main as 1.0"},
    {"core": "1.0", "12": "1.0"},
    {"-1": "*"},
    {"a b/c": "*"},
    {"other/lib": "^"},
    {"other/lib": " ^1.0 "},
    {"other/lib": ""},
    {"other/lib": "dev-feature/x#abc"},
    ["other/lib"],
)
_PATHS: tuple[Any, ...] = (["a.php", "b/"], {"x": "a.php"}, {"3": ["a", "b"]}, "src", [["a"], "b"], [1], {"a": None})
_PREFIXES: tuple[Any, ...] = (
    {"Acme\\": "src/"},
    {"Acme\\": ["src/", "lib/"], "": "fallback"},
    {"\\Acme\\": "src"},
    {"Acme": "src"},
    {"Acme_": "src", "5": "x"},
    {"Acme\\": {"k": "src"}},
    {"Acme\\": None},
    {"Acme\\": [["src"]]},
    ["src"],
    "src",
)
_RIGHT: dict[str, tuple[Any, ...]] = {
    "version": ("1.0.0", " v2.0 ", "dev-main", "1.x-dev", 1.2, 3, "main", "1.2.3.4.5"),
    "time": ("2020-01-02", "2020-01-02 03:04:05", "2020-01-02T03:04:05+02:00", "0001-01-01T00:00:00+14:00", "tomorrow"),
    "abandoned": ("other/lib",),
    "type": ("Library", "metapackage", "php-ext", "php-ext-zend", "acme_module", "composer-plugin", " x "),
    "description": ("Does things.", "Two\r\n lines"),
    "keywords": (["a", "b-c", 5, "c++", ["x"]], {"k": "v"}, "a, b"),
    "homepage": ("https://example.test/", "javascript:alert(1)", "https://[::1", "example.test"),
    "license": ("MIT", ["MIT", " GPL-2.0 "], ["MIT", 5], [[]]),
    "authors": (
        [{"name": "Ada", "email": "ada@example.test", "homepage": "x", "role": 5, "more": "x"}, "Ada"],
        {"name": "Ada"},
    ),
    "support": (
        {"issues": "https://example.test/i", "email": "x", "irc": "irc://example.test/c", "slack": "yes", "b": 1},
    ),
    "funding": ([{"type": "other", "url": "https://example.test"}, {"url": "ftp://example.test"}, 5],),
    "suggest": ({"a/b": "why", "ext-x": 5, "c/d": None},),
    "autoload-dev": ({"psr-4": {"T\\": "tests/"}}, {"psr-4": {"T": "tests"}}),
    "include-path": (["lib/"], {"a": "lib"}, "lib", [1]),
    "target-dir": ("Acme/Lib", "../x"),
    "bin": (
        "bin/x",
        ["bin/x", "/bin/y"],
        {"a": "bin/x"},
        ["../x"],
        ["a\\..\\b"],
        ["a b"],
        ["$(x)"],
        ["bin/..x"],
        [""],
        ["/"],
    ),
    "php-ext": (
        {
            "extension-name": "x",
            "priority": 80,
            "support-zts": True,
            "configure-options": [{"needs-value": True, "name": "o"}],
        },
        {"os-families": ["linux"], "build-path": None, "download-url-method": "composer-default", "zzz": 1},
        {"os-families": ["linux"], "os-families-exclude": ["windows"]},
        {"os-families": []},
        {"download-url-method": ["pre-packaged-binary", 5]},
        {"configure-options": [{}]},
    ),
    "extra": (
        {"branch-alias": {"dev-main": "1.x-dev", "dev-master": "2.0-dev"}, "more": {"z": 1, "a": []}},
        {"branch-alias": {"dev-main": "1.x", "dev-x": 5, "1.x-dev": "2.0-dev", "dev-y": "x-dev"}},
        {"branch-alias": {"dev-main": "9999999-dev"}},
        {"branch-alias": {"5": "1.x-dev"}},
        {"branch-alias": ["1.x-dev"]},
        {"branch-alias": "1.x-dev"},
        {"branch-alias": None},
    ),
    "scripts": ({"test": "phpunit", "build": ["a", "b"], "php": "x"}, {"test": 5}),
    "archive": ({"name": "x", "exclude": ["/a"]}, {"name": 5, "exclude": "a"}),
    **dict.fromkeys(("require", "require-dev", "conflict", "provide", "replace"), _LINKS),
}


class Manifests:
    """An endless source; the same seed gives the same manifests."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def next(self) -> bytes:
        """One composer.json, with a few keys."""
        document: dict[str, Any] = {"name": self._one("acme/lib", "acme/lib", "Acme/Lib")}
        for key in self._random.sample(KEYS, self._random.randint(1, 5)):
            if key.name != "name" or self._random.random() < 0.05:
                document[key.name] = self._value(key.name)
        return json.dumps(document).encode()

    def _value(self, key: str) -> Any:
        if self._random.random() < 0.3:
            return self._random.choice(_WRONG)
        if key == "autoload":
            return {
                self._one("psr-4", "psr-4", "psr-0"): self._random.choice(_PREFIXES),
                self._one("classmap", "files", "exclude-from-classmap", "psr4"): self._random.choice(_PATHS),
            }
        return self._random.choice(_RIGHT.get(key, _WRONG))

    def _one(self, *choices: str) -> str:
        return self._random.choice(choices)
