"""What composer.json says is what the client's solver reads: links survive publishing, and minification is undone."""

from typing import Any

import pytest

from tests.composer.registry import Projects, Shelf


def test_an_older_version_does_not_inherit_what_newer_ones_require(shelf: Shelf, projects: Projects) -> None:
    shelf.publish(version="3.0.0", require={"ext-not-there": "*"}, conflict={shelf.name("base"): "*"}, type="project")
    shelf.publish(version="2.0.0", require={"ext-not-there": "*"}, suggest={"ext-other": "for speed"})
    shelf.publish(version="1.0.0")
    project = projects(shelf, token=shelf.token(), require={shelf.name(): "*"})

    project.run("update")

    locked = project.locked[shelf.name()]
    assert locked["version"] == "1.0.0"
    assert locked["type"] == "library"
    assert locked.keys().isdisjoint({"require", "conflict", "suggest"})


def test_all_that_was_said_of_a_version_is_in_the_lock(shelf: Shelf, projects: Projects) -> None:
    said: dict[str, Any] = {
        "description": 'Ünïcode & <tags> "quoted" \\ €',
        "keywords": ["a", "b"],
        "homepage": "https://example.test/lib",
        "license": ["MIT"],
        "authors": [{"name": "Ada", "email": "ada@example.test"}],
        "type": "symfony-bundle",
        "support": {"issues": "https://example.test/issues"},
        "funding": [{"type": "custom", "url": "https://example.test/pay"}],
        "autoload": {"psr-4": {"Acme\\Lib\\": "src/"}, "files": ["src/functions.php"]},
        "bin": ["bin/lib"],
        "extra": {"nested": {"deep": [1, 2.5, True, None]}},
        "require": {"php": ">=7.4"},
        "require-dev": {"phpunit/phpunit": "^9"},
        "suggest": {"ext-intl": "for sorting"},
        "conflict": {"other/lib": "<2"},
        "provide": {"psr/log-implementation": "1.0"},
        "replace": {"old/lib": "self.version"},
    }
    shelf.publish(version="1.0.0", files={"bin/lib": "#!/usr/bin/env php\n<?php", "src/functions.php": "<?php"}, **said)
    # A neighbour that differs in everything, so that every key is part of a difference.
    shelf.publish(version="2.0.0")
    project = projects(shelf, token=shelf.token(), require={shelf.name(): "^1.0"})

    project.run("update")

    locked = project.locked[shelf.name()]
    assert {key: locked.get(key) for key in said} == said
    assert (project.folder / "vendor/bin/lib").exists()


def test_a_replaced_package_is_not_installed_beside_its_replacement(shelf: Shelf, projects: Projects) -> None:
    shelf.publish("old")
    shelf.publish("new", replace={shelf.name("old"): "self.version"})
    shelf.publish("user", require={shelf.name("old"): "^1.0"})
    require = {shelf.name("new"): "*", shelf.name("user"): "*"}
    project = projects(shelf, token=shelf.token(), require=require)

    project.run("update")

    assert sorted(project.locked) == sorted(require)


def test_versions_in_conflict_are_not_installed_together(shelf: Shelf, projects: Projects) -> None:
    shelf.publish("base", "1.0.0")
    shelf.publish("base", "2.0.0")
    shelf.publish("lib", conflict={shelf.name("base"): ">=2"})
    require = {shelf.name("lib"): "*", shelf.name("base"): "*"}
    project = projects(shelf, token=shelf.token(), require=require)

    project.run("update")

    assert project.locked[shelf.name("base")]["version"] == "1.0.0"


@pytest.mark.parametrize("provided", ["1.0.0", "self.version"])
def test_a_virtual_package_is_satisfied_by_one_that_provides_it(
    provided: str, shelf: Shelf, projects: Projects
) -> None:
    virtual = shelf.name("log-implementation")
    shelf.publish("file-log", provide={virtual: provided})
    shelf.publish("logged", require={virtual: "^1.0"})
    require = {shelf.name("logged"): "*", shelf.name("file-log"): "*"}
    project = projects(shelf, token=shelf.token(), require=require)

    project.run("update")

    assert sorted(project.locked) == sorted(require)


def test_a_metapackage_brings_what_it_requires_and_no_files(shelf: Shelf, projects: Projects) -> None:
    shelf.publish("lib")
    shelf.publish("suite", type="metapackage", require={shelf.name("lib"): "*"})
    project = projects(shelf, token=shelf.token())

    project.run("require", shelf.name("suite"))

    assert project.installed(shelf.name("lib")).is_dir()
    assert not (project.folder / "vendor" / shelf.name("suite")).exists()


def test_every_one_of_many_versions_is_read_as_it_was_written(shelf: Shelf, projects: Projects) -> None:
    # The even ones can be installed; each differs from its neighbours, so that one slip spoils all that follow.
    for minor in range(24):
        extra: dict[str, Any] = {"require": {"ext-not-there": "*"}} if minor % 2 else {"extra": {"minor": minor}}
        shelf.publish(version=f"1.{minor}.0", **extra)
    project = projects(shelf, token=shelf.token(), require={shelf.name(): "<1.10"})

    project.run("update")

    assert project.locked[shelf.name()]["version"] == "1.8.0"
    assert project.locked[shelf.name()]["extra"] == {"minor": 8}
