"""Several repositories in one project: whose package is installed, and that ours is never taken from elsewhere.

The first repository is ours and private, the second a public one in the place of Packagist, where anybody may publish
a package under the name of one of ours.
"""

import shlex

import pytest

from packistry.repositories.clients import composer_commands
from tests.composer.client import ComposerProject
from tests.composer.registry import Projects, Registry, Shelf
from tests.factories import deploy_token


@pytest.fixture
def attacker(shelf: Shelf) -> Shelf:
    """The public repository, in which somebody publishes under our vendor."""
    return shelf.elsewhere().sharing(shelf)


def test_a_name_with_branches_only_is_not_taken_from_elsewhere(
    shelf: Shelf, attacker: Shelf, projects: Projects
) -> None:
    shelf.publish(version="dev-main")
    attacker.publish(version="1.0.0")
    project = projects(shelf, attacker, token=shelf.token(), require={shelf.name(): "*"})

    result = project.run("update", check=False)

    assert_not_found(project, result.code)


def test_a_name_that_the_token_does_not_see_is_not_taken_from_elsewhere(
    shelf: Shelf, attacker: Shelf, projects: Projects
) -> None:
    shelf.publish("lib", require={shelf.name("secret"): "*"})
    shelf.publish("secret")
    attacker.publish("secret", "9.0.0")
    project = projects(shelf, attacker, token=shelf.token("lib"), require={shelf.name("lib"): "*"})

    result = project.run("update", check=False)

    assert_not_found(project, result.code)


def test_a_name_that_is_not_published_yet_is_not_taken_from_elsewhere(
    shelf: Shelf, attacker: Shelf, projects: Projects
) -> None:
    shelf.publish("lib")
    attacker.publish("planned")
    project = projects(shelf, attacker, token=shelf.token(), require={shelf.name("planned"): "*"})

    result = project.run("update", check=False)

    assert_not_found(project, result.code)


def test_a_name_whose_last_version_was_deleted_is_not_taken_from_elsewhere(
    shelf: Shelf, attacker: Shelf, projects: Projects
) -> None:
    shelf.publish("lib")
    shelf.delete("lib", "1.0.0")
    attacker.publish("lib")
    project = projects(shelf, attacker, token=shelf.token(), require={shelf.name("lib"): "*"})

    result = project.run("update", check=False)

    assert_not_found(project, result.code)


def test_a_higher_version_elsewhere_is_not_taken(shelf: Shelf, attacker: Shelf, projects: Projects) -> None:
    shelf.publish(version="1.0.0")
    attacker.publish(version="99.0.0")
    project = projects(shelf, attacker, token=shelf.token(), require={shelf.name(): "*"})

    project.run("update")

    assert project.locked[shelf.name()]["version"] == "1.0.0"
    assert project.locked[shelf.name()]["dist"]["url"].startswith(shelf.url)


def test_a_repository_that_claims_no_vendors_lets_others_have_names_it_lacks(
    registry: Registry, projects: Projects
) -> None:
    modest = registry.shelf(claims_vendors=False)
    modest.publish("lib", require={modest.name("other"): "*"})
    other = modest.elsewhere().sharing(modest)
    other.publish("other")
    project = projects(modest, other, token=modest.token("lib"), require={modest.name("lib"): "*"})

    project.run("update")

    assert project.locked[modest.name("other")]["dist"]["url"].startswith(other.url)


def test_a_vendor_that_is_not_ours_comes_from_elsewhere(shelf: Shelf, projects: Projects) -> None:
    elsewhere = shelf.elsewhere()
    elsewhere.publish("console")
    shelf.publish("lib", require={elsewhere.name("console"): "*"})
    project = projects(shelf, elsewhere, token=shelf.token(), require={shelf.name("lib"): "*"})

    project.run("update")

    assert project.locked[elsewhere.name("console")]["dist"]["url"].startswith(elsewhere.url)


def test_of_two_repositories_with_one_name_the_first_is_taken(
    registry: Registry, shelf: Shelf, projects: Projects
) -> None:
    second = registry.shelf().sharing(shelf)
    shelf.publish(version="1.0.0", files={"FROM": "first"})
    second.publish(version="1.0.0", files={"FROM": "second"})
    second.publish(version="1.1.0", files={"FROM": "second"})
    token = both(shelf, second)
    project = projects(shelf, second, token=token, require={shelf.name(): "*"})
    swapped = projects(second, shelf, token=token, require={shelf.name(): "*"})

    project.run("update")
    swapped.run("update")

    assert (project.installed(shelf.name()) / "FROM").read_text() == "first"
    assert (swapped.installed(shelf.name()) / "FROM").read_text() == "second"


def test_two_repositories_that_share_a_vendor_complete_each_other(
    registry: Registry, shelf: Shelf, projects: Projects
) -> None:
    second = registry.shelf().sharing(shelf)
    shelf.publish("lib", require={shelf.name("base"): "*"})
    second.publish("base")
    project = projects(shelf.elsewhere(), require={shelf.name("lib"): "*"})
    paths = [shelf.path, second.path]
    for command in composer_commands(shelf.server_url, both(shelf, second), paths, share_vendors=True):
        project.run(*shlex.split(command)[1:])

    project.run("update")

    assert sorted(project.locked) == [shelf.name("base"), shelf.name("lib")]


def test_two_repositories_that_share_a_vendor_need_those_commands(
    registry: Registry, shelf: Shelf, projects: Projects
) -> None:
    second = registry.shelf().sharing(shelf)
    shelf.publish("lib", require={shelf.name("base"): "*"})
    second.publish("base")
    project = projects(shelf, second, token=both(shelf, second), require={shelf.name("lib"): "*"})

    result = project.run("update", check=False)

    assert_not_found(project, result.code)


def both(*shelves: Shelf) -> str:
    """A token for all of them: a client keeps one for a host."""
    return deploy_token(shelves[0].house, *(shelf.path for shelf in shelves))


def assert_not_found(project: ComposerProject, code: int) -> None:
    """The solver found nothing: no error of another kind, and nothing installed."""
    assert code == 2
    assert not (project.folder / "composer.lock").exists()
