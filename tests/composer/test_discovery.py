"""Finding packages from the terminal: search, show, outdated, and hints when something is missing."""

import json
from pathlib import Path

import pytest

from tests.composer.client import ComposerProject
from tests.composer.registry import Projects, Shelf


def stock(shelf: Shelf) -> Shelf:
    """Publishes three packages."""
    shelf.publish("mailer", "1.0.0", description="Sends letters by post")
    shelf.publish("mailer", "1.4.0", description="Sends letters by post")
    shelf.publish("invoices", "2.0.0", description="Writes invoices and letters")
    shelf.publish("paper", "0.1.0", description="Folds paper")
    return shelf


@pytest.fixture
def stocked(shelf: Shelf) -> Shelf:
    """A repository with three packages."""
    return stock(shelf)


@pytest.fixture
def project(stocked: Shelf, projects: Projects) -> ComposerProject:
    """A project with a token for the whole repository."""
    return projects(stocked, token=stocked.token())


def test_search_looks_in_names_and_descriptions(any_shelf: Shelf, projects: Projects) -> None:
    project = projects(stock(any_shelf), token=any_shelf.token())

    found = json.loads(project.run("search", any_shelf.vendor, "letters", "--format=json").stdout)

    assert {hit["name"]: hit["description"] for hit in found} == {
        any_shelf.name("mailer"): "Sends letters by post",
        any_shelf.name("invoices"): "Writes invoices and letters",
    }


def test_search_by_name_looks_in_names_alone(stocked: Shelf, project: ComposerProject) -> None:
    found = project.run("search", "-N", f"{stocked.vendor}/mail").stdout.split()

    assert found == [stocked.name("mailer")]


def test_search_for_vendors_lists_vendors(stocked: Shelf, project: ComposerProject) -> None:
    found = project.run("search", "-O", stocked.vendor).stdout.split()

    assert found == [stocked.vendor]


def test_search_shows_only_what_the_token_sees(stocked: Shelf, projects: Projects) -> None:
    project = projects(stocked, token=stocked.token("mailer"))

    found = json.loads(project.run("search", stocked.vendor, "--format=json").stdout)

    assert [hit["name"] for hit in found] == [stocked.name("mailer")]


def test_search_marks_abandoned_packages(stocked: Shelf, project: ComposerProject) -> None:
    stocked.abandon("paper", stocked.name("invoices"))

    assert "Abandoned" in project.run("search", stocked.vendor, "folds").output


def test_show_all_tells_every_version(stocked: Shelf, project: ComposerProject) -> None:
    shown = json.loads(project.run("show", "-a", stocked.name("mailer"), "--format=json").stdout)

    assert shown["versions"] == ["1.4.0", "1.0.0"]
    assert shown["description"] == "Sends letters by post"


def test_show_all_lists_by_pattern(any_shelf: Shelf, projects: Projects) -> None:
    project = projects(stock(any_shelf), token=any_shelf.token())

    shown = json.loads(project.run("show", "-a", f"{any_shelf.vendor}/*", "--format=json").stdout)

    names = {package["name"] for package in shown["available"]}
    assert names == {any_shelf.name(short) for short in ("mailer", "invoices", "paper")}


def test_outdated_names_the_newer_version(stocked: Shelf, project: ComposerProject) -> None:
    project.run("require", f"{stocked.name('mailer')}:1.0.0")

    [row] = json.loads(project.run("outdated", "--format=json").stdout)["installed"]

    assert (row["name"], row["version"], row["latest"]) == (stocked.name("mailer"), "1.0.0", "1.4.0")


def test_a_mistyped_name_is_answered_with_the_right_one(stocked: Shelf, project: ComposerProject) -> None:
    result = project.run("require", f"{stocked.vendor}/maile", check=False)

    assert result.code != 0
    assert stocked.name("mailer") in result.output


def test_a_missing_virtual_package_is_answered_with_those_that_provide_it(
    stocked: Shelf, project: ComposerProject
) -> None:
    virtual = f"{stocked.vendor}/log-implementation"
    stocked.publish("file-log", provide={virtual: "1.0"})
    stocked.publish("logged", require={virtual: "1.0"})

    result = project.run("require", stocked.name("logged"), check=False)

    assert result.code != 0
    assert stocked.name("file-log") in result.output


def test_an_archive_of_a_package_is_made(stocked: Shelf, project: ComposerProject, tmp_path: Path) -> None:
    project.run("archive", stocked.name("paper"), "0.1.0", "--format=zip", f"--dir={tmp_path}", "--file=paper")

    assert (tmp_path / "paper.zip").is_file()
