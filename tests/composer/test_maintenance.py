"""What a client says of packages nobody looks after, of advisories, and of versions that are too young."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from packistry import clock
from tests.composer.client import NAMES, composer
from tests.composer.registry import Projects, Shelf


def test_an_abandoned_package_is_named_by_update(shelf: Shelf, projects: Projects) -> None:
    shelf.publish()
    shelf.abandon("lib", "acme/better-lib")
    project = projects(shelf, token=shelf.token(), require={shelf.name(): "*"})

    result = project.run("update")

    assert f"Package {shelf.name()} is abandoned" in result.output
    assert "Use acme/better-lib instead" in result.output


def test_composer_json_can_say_that_a_package_is_abandoned(shelf: Shelf, projects: Projects) -> None:
    shelf.publish(abandoned=True)
    project = projects(shelf, token=shelf.token(), require={shelf.name(): "*"})

    result = project.run("update")

    assert f"Package {shelf.name()} is abandoned" in result.output
    assert "No replacement was suggested" in result.output


def test_a_package_abandoned_since_is_named_by_the_next_update(shelf: Shelf, projects: Projects) -> None:
    shelf.publish()
    project = projects(shelf, token=shelf.token(), require={shelf.name(): "*"})
    before = project.run("update")
    shelf.abandon("lib")

    after = project.run("update")

    assert "abandoned" not in before.output
    assert f"Package {shelf.name()} is abandoned" in after.output


def test_audit_finds_nothing_in_healthy_packages(any_shelf: Shelf, projects: Projects) -> None:
    any_shelf.publish()
    project = projects(any_shelf, token=any_shelf.token(), require={any_shelf.name(): "*"})
    project.run("update")

    result = project.run("audit")

    assert "No security vulnerability advisories found" in result.output


def test_audit_fails_on_abandoned_packages(shelf: Shelf, projects: Projects) -> None:
    shelf.publish()
    shelf.abandon("lib", "acme/better-lib")
    project = projects(shelf, token=shelf.token(), require={shelf.name(): "*"})
    project.run("update")

    result = project.run("audit", "--format=json", check=False)

    if projects.client.version < (2, 7):
        # It looks at advisories alone.
        assert result.code == 0
        return
    assert result.code != 0
    assert json.loads(result.stdout)["abandoned"] == {shelf.name(): "acme/better-lib"}


@pytest.fixture
def newest(tmp_path_factory: pytest.TempPathFactory) -> Projects:
    """Projects of the newest client alone: the older ones know no cooldown."""
    return Projects(composer(NAMES[-1]), tmp_path_factory.mktemp("newest"))


@pytest.mark.client
def test_a_cooldown_withholds_what_was_published_lately(
    shelf: Shelf, newest: Projects, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: datetime.now(UTC) - timedelta(days=8))
        shelf.publish(version="1.0.0")
    # Its author says that it is old; we say when we saw it first.
    shelf.publish(version="1.1.0", time="2020-01-01T00:00:00+00:00")
    project = newest(shelf, token=shelf.token(), require={shelf.name(): "^1.0"})

    project.run("update", COMPOSER_POLICY_COOLDOWN_PERIOD="7 days")

    locked = project.locked[shelf.name()]
    assert locked["version"] == "1.0.0"
    assert datetime.fromisoformat(locked["published-time"]) < datetime.now(UTC) - timedelta(days=7)


@pytest.mark.client
def test_without_a_cooldown_the_latest_version_is_taken(shelf: Shelf, newest: Projects) -> None:
    shelf.publish(version="1.0.0")
    shelf.publish(version="1.1.0")
    project = newest(shelf, token=shelf.token(), require={shelf.name(): "^1.0"})

    project.run("update")

    assert project.locked[shelf.name()]["version"] == "1.1.0"
