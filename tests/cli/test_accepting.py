"""What an administrator takes on purpose, at the command line."""

import threading
from collections.abc import Generator
from pathlib import Path

import pytest

from packistry.documents.sources import AddedProjectDocument, ImportDocument
from packistry.house import House
from packistry.sources.states import Cause
from tests.cli.conftest import Packistry
from tests.fakes.git_host import GitHost
from tests.fakes.git_projects import library, make_project
from tests.sources.conftest import Connected, connect


@pytest.fixture
def connected(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Connected]:
    """A git project that a source of this house has."""
    monkeypatch.setenv("PACKISTRY_OUTBOUND_ALLOW", "127.0.0.1")
    with GitHost(tmp_path / "projects").running() as host:
        allowing = house.settings.model_copy(update={"outbound_allow": ("127.0.0.1",)})
        yield connect(house, allowing, host, make_project(tmp_path / "projects", "acme/widgets.git"))


def test_a_tag_that_moved_is_accepted(packistry: Packistry, connected: Connected) -> None:
    connected.project.push_tag("1.0.0", connected.project.push_branch("main", library()))
    connected.run(Cause.FIRST)
    connected.project.push_tag("1.0.0", connected.project.push_branch("main", library(note="moved")))
    reason = connected.run()["1.0.0"].reason or ""
    # The reason ends with the command to type.
    words = reason.partition("packistry ")[2].split()

    [accepted] = packistry(*words, "--json", code=0).documents(ImportDocument)

    connected.importer.work(accepted.id, threading.Event())
    shown = packistry("import", "show", str(accepted.id), "--json", code=0).document(ImportDocument)
    assert {ref.name: ref.state for ref in shown.refs}["1.0.0"] == "imported"
    assert "did not move" in packistry(*words[:2], str(accepted.id), "1.0.0", "--json").refusal.message


def test_a_new_name_is_accepted(packistry: Packistry, connected: Connected) -> None:
    connected.project.push_branch("main", library())
    connected.run(Cause.FIRST)
    connected.project.push_branch("main", library(name="acme/gizmos"))
    connected.run()
    shown = packistry("project", "show", "1", "--json", code=0).document(AddedProjectDocument)

    [accepted] = packistry("project", "accept-rename", "1", "--json", code=0).documents(ImportDocument)

    connected.importer.work(accepted.id, threading.Event())
    now = packistry("project", "show", "1", "--json", code=0).document(AddedProjectDocument)
    assert (shown.renamed_to, shown.package, now.renamed_to, now.package) == (
        "acme/gizmos",
        "acme/widgets",
        None,
        "acme/gizmos",
    )
    assert "packistry project accept-rename 1" in (shown.problem or "")


def test_a_new_name_is_refused(packistry: Packistry, connected: Connected) -> None:
    connected.project.push_branch("main", library())
    connected.run(Cause.FIRST)
    connected.project.push_branch("main", library(name="acme/gizmos"))
    connected.run()

    said = packistry("project", "refuse-rename", "1", code=0).out

    assert said == "Project acme/widgets.git stays acme/widgets.\n"
    assert "has no new name" in packistry("project", "refuse-rename", "1", "--json").refusal.message
