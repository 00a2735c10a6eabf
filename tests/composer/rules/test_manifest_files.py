"""Autoloading, programs, folders, scripts: as written, and refused where a client would abort or be endangered."""

from typing import Any

import pytest

from tests.composer.rules.manifest_of import manifest_of, published, refusal_of

AS_WRITTEN: list[tuple[str, Any]] = [
    ("autoload", {"psr-4": {"B\\": "b/", "A\\": ["a/", "c/"], "": "x"}, "psr-0": {"Old_": ""}}),
    ("autoload", {"files": ["z.php", "a.php"], "classmap": ["src/", ["lib/"]], "exclude-from-classmap": ["/tests/"]}),
    ("autoload", {"classmap": {"x": "src/", "7": "lib/"}}),
    ("autoload_dev", {"psr-4": {"Tests": 5}}),
    ("include_path", ["b", "a"]),
    ("target_dir", "../Acme"),
    ("bin", ["bin/a", "/bin/b", "bin/..c", "a b"]),
    ("scripts", {"z": "phpunit", "a": ["x", "@z"], "n": None}),
    ("archive", {"name": "x", "exclude": ["/b", "!/b/c", "/a"]}),
]


@pytest.mark.parametrize(("key", "value"), AS_WRITTEN)
def test_what_composer_acts_on_is_published_as_it_is_in_its_order(key: str, value: Any) -> None:
    manifest = manifest_of(**{key: value})

    assert repr(manifest.published[key.replace("_", "-")]) == repr(value)
    assert manifest.warnings == ()


CHANGED: list[tuple[str, Any, Any, str]] = [
    ("autoload", {"psr4": {"A\\": "a"}, "files": []}, {"files": []}, "autoload.psr4: left out"),
    ("autoload", {"files": "a.php"}, {}, "autoload.files: left out"),
    ("autoload", {"psr-4": []}, {"psr-4": {}}, ""),
    ("autoload_dev", "tests/", None, "autoload-dev: left out"),
    ("include_path", {"a": "lib"}, ["lib"], ""),
    ("target_dir", "", None, ""),
    ("bin", "bin/a", ["bin/a"], ""),
    ("bin", {"a": "bin/a"}, ["bin/a"], ""),
    ("bin", ["", "/", "bin/a"], ["bin/a"], "bin: '' left out"),
    ("scripts", "phpunit", None, "scripts: left out"),
    ("scripts", {"php": "x", "test": "y"}, {"test": "y"}, "scripts.php: left out"),
    ("archive", ["x"], None, "archive: left out"),
    ("archive", {"name": 5, "exclude": "a"}, {}, "archive.name: left out"),
    ("archive", {"name": None, "exclude": ["a"]}, {"exclude": ["a"]}, ""),
]


@pytest.mark.parametrize(("key", "value", "expected", "warning"), CHANGED)
def test_what_clients_skip_or_read_otherwise_is_published_as_they_read_it(
    key: str, value: Any, expected: Any, warning: str
) -> None:
    manifest = manifest_of(**{key: value})

    assert manifest.published.get(key.replace("_", "-")) == expected
    assert (manifest.warnings[0] if manifest.warnings else "").startswith(warning)
    assert bool(manifest.warnings) == bool(warning)


REFUSED: list[tuple[str, Any, str]] = [
    ("autoload", "src", "Composer takes nothing but an object"),
    ("autoload", ["src"], "a list is none"),
    ("autoload", {"psr-4": "src"}, "aborts while it makes the autoloader"),
    ("autoload", {"psr-4": ["src"]}, "a namespace that is an integer"),
    ("autoload", {"psr-0": {"5": "src"}}, "the same, written as a text"),
    ("autoload", {"psr-4": {"Acme": "src"}}, "no backslash at the end"),
    ("autoload", {"psr-4": {"Acme\\": None}}, "no folder"),
    ("autoload", {"psr-4": {"Acme\\": [["src"]]}}, "a list in a list"),
    ("autoload", {"files": [5]}, "a number"),
    ("autoload", {"classmap": [[["src"]]]}, "a list in a list in a list"),
    ("include_path", "lib", "a text"),
    ("include_path", [5], "a number"),
    ("target_dir", ["a"], "a list"),
    ("bin", True, "a boolean"),
    ("bin", ["a", 5], "a number, which Composer's validator lets pass and its loader does not"),
    ("bin", [None], "null"),
    ("bin", "../evil", "out of the package"),
    ("bin", ["a/../../evil"], "out of the package"),
    ("bin", ["a\\..\\evil"], "out of the package, on Windows"),
    ("bin", [".."], "the folder above"),
    ("bin", ["a;b"], "a shell would act on it"),
    ("bin", ["$(x)"], "a shell would act on it"),
    ("bin", ["a\nb"], "a shell would act on it"),
    ("bin", ["%PATH%"], "a batch file would act on it"),
]


@pytest.mark.parametrize(("key", "value"), [case[:2] for case in REFUSED], ids=[f"{c[0]}: {c[2]}" for c in REFUSED])
def test_what_would_abort_or_endanger_a_client_is_refused(key: str, value: Any) -> None:
    assert refusal_of(**{key: value}).field == key.replace("_", "-")


def test_every_program_of_a_list_is_kept() -> None:
    assert published(bin=["a", "b"]) == ["a", "b"]
