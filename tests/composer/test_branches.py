"""Branches: they move on, have aliases and odd names; and locks go on naming the commit they were made at."""

from tests.composer.registry import Projects, Shelf


def test_a_lock_installs_the_files_from_before_the_branch_moved(any_shelf: Shelf, projects: Projects) -> None:
    any_shelf.publish(version="dev-main", files={"STATE": "old", "only-old": ""})
    before = projects(any_shelf, token=any_shelf.token(), require={any_shelf.name(): "dev-main"})
    before.run("update")
    any_shelf.publish(version="dev-main", files={"STATE": "new"})
    colleague = projects.of_colleague(before)

    colleague.run("install")

    assert (colleague.installed(any_shelf.name()) / "STATE").read_text() == "old"
    assert (colleague.installed(any_shelf.name()) / "only-old").exists()


def test_update_takes_what_a_branch_moved_to(any_shelf: Shelf, projects: Projects) -> None:
    any_shelf.publish(version="dev-main", files={"STATE": "old", "only-old": ""})
    project = projects(any_shelf, token=any_shelf.token(), require={any_shelf.name(): "dev-main"})
    project.run("update")
    old = project.locked[any_shelf.name()]["dist"]["reference"]
    any_shelf.publish(version="dev-main", files={"STATE": "new"})

    project.run("update")

    assert (project.installed(any_shelf.name()) / "STATE").read_text() == "new"
    assert not (project.installed(any_shelf.name()) / "only-old").exists()
    assert project.locked[any_shelf.name()]["dist"]["reference"] != old


def test_a_branch_that_moved_twice_in_one_second_is_seen(shelf: Shelf, projects: Projects) -> None:
    project = projects(shelf, token=shelf.token(), require={shelf.name(): "dev-main"})
    for state in ("first", "second", "third"):
        shelf.publish(version="dev-main", files={"STATE": state})

        project.run("update")

        assert (project.installed(shelf.name()) / "STATE").read_text() == state


def test_a_branch_alias_satisfies_what_it_stands_for(shelf: Shelf, projects: Projects) -> None:
    shelf.publish(version="dev-main", extra={"branch-alias": {"dev-main": "2.x-dev"}})
    project = projects(shelf, token=shelf.token(), require={shelf.name(): "^2.0@dev"})

    project.run("update")

    assert project.locked[shelf.name()]["version"] == "dev-main"


def test_the_default_branch_is_the_highest_version_of_all(shelf: Shelf, projects: Projects) -> None:
    shelf.publish(version="dev-main", default_branch=True)
    shelf.publish(version="dev-other")
    project = projects(shelf, token=shelf.token(), require={shelf.name(): "9999999-dev"})

    project.run("update")

    assert project.locked[shelf.name()]["version"] == "dev-main"
    assert project.locked[shelf.name()]["default-branch"] is True


def test_a_numeric_branch_is_a_version_in_progress(shelf: Shelf, projects: Projects) -> None:
    shelf.publish(version="1.2.0")
    shelf.publish(version="1.x-dev")
    require = {shelf.name(): "^1.0"}
    stable = projects(shelf, token=shelf.token(), require=require)
    daring = projects(shelf, token=shelf.token(), require=require, minimum_stability="dev")

    stable.run("update")
    daring.run("update")

    assert stable.locked[shelf.name()]["version"] == "1.2.0"
    assert daring.locked[shelf.name()]["version"] == "1.x-dev"


def test_a_pre_release_needs_to_be_asked_for(shelf: Shelf, projects: Projects) -> None:
    shelf.publish(version="1.0.0")
    shelf.publish(version="1.1.0-RC1")
    stable = projects(shelf, token=shelf.token(), require={shelf.name(): "^1.0"})
    daring = projects(shelf, token=shelf.token(), require={shelf.name(): "^1.0@RC"})

    stable.run("update")
    daring.run("update")

    assert stable.locked[shelf.name()]["version"] == "1.0.0"
    assert daring.locked[shelf.name()]["version"] == "1.1.0-RC1"


# One package for each, and why it is odd.
BRANCHES = {
    "slash": ("dev-feature/foo", "as git flow makes them"),
    "plus": ("dev-fix+12", "which stands for the # of an issue"),
    "capital": ("dev-Feature", "which stays one"),
    "number": ("dev-release/1.0", "that is not the version"),
    "v": ("v1.x-dev", "before a number"),
}


def test_branches_of_any_name_install(any_shelf: Shelf, projects: Projects) -> None:
    require = {any_shelf.name(short): version for short, (version, _) in BRANCHES.items()}
    for short, (version, why) in BRANCHES.items():
        any_shelf.publish(short, version, files={"WHY": why})
    project = projects(any_shelf, token=any_shelf.token(), require=require)
    project.run("update", "--no-install")
    colleague = projects.of_colleague(project)

    colleague.run("install")

    assert {name: package["version"] for name, package in colleague.locked.items()} == require
    for short, (_, why) in BRANCHES.items():
        assert (colleague.installed(any_shelf.name(short)) / "WHY").read_text() == why


def test_packages_of_any_name_install(any_shelf: Shelf, projects: Projects) -> None:
    shorts = ["lib.core", "lib-core", "lib--core", "lib_core", "0", "json", "dist", "p2"]
    for short in shorts:
        any_shelf.publish(short)
    project = projects(any_shelf, token=any_shelf.token())

    project.run("require", *(any_shelf.name(short) for short in shorts))

    assert sorted(project.locked) == sorted(any_shelf.name(short) for short in shorts)
