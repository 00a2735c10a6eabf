"""Git servers that lead elsewhere, and names that change their address: the run says so, and nobody is asked."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from packistry.db.models import ImportRun, Project, Source, Version
from packistry.house import archive_limits
from packistry.settings import Settings
from packistry.sources.actions import request_run
from packistry.sources.connecting import Connector
from packistry.sources.states import Cause
from packistry.sources.tasks import Importer
from tests.fakes.git_host import GitHost, Reply
from tests.fakes.git_projects import library
from tests.sources.conftest import Connected
from tests.sources.test_lacking import add_submodule

MIB = 1024**2


def worked_off(connected: Connected, importer: Importer | None = None) -> ImportRun:
    """A run that was worked off once, however it ended."""
    with connected.house.database.write() as session:
        run_id = request_run(session, session.get_one(Project, connected.project_id), Cause.RETRY).id
    (importer or connected.importer).work(run_id, threading.Event())
    with connected.house.database.read() as session:
        return session.get_one(ImportRun, run_id)


@pytest.mark.parametrize("url", ["ext::sh -c 'touch {0}'", "file:///etc", "--upload-pack=touch {0}", "../../../etc"])
def test_a_submodule_is_never_asked_for_whatever_its_address(connected: Connected, tmp_path: Path, url: str) -> None:
    touched = tmp_path / "touched"
    modules = f'[submodule "x"]\n\tpath = lib/x\n\turl = {url.format(touched)}\n\tupdate = !touch {touched}\n'
    connected.project.push_branch("main", {**library(), ".gitmodules": modules.encode()})
    add_submodule(connected, "main", "lib/x")

    refs = connected.run()

    assert refs["main"].state == "imported"
    assert "submodule lib/x" in (refs["main"].reason or "")
    assert not touched.exists()


@pytest.mark.parametrize(
    "location",
    ["http://169.254.169.254/latest/", "http://127.0.0.1:1/x.git", "file:///etc/passwd", "ext::sh -c touch% /tmp/x"],
)
def test_a_server_that_leads_elsewhere_is_not_followed(connected: Connected, git_host: GitHost, location: str) -> None:
    connected.project.push_branch("main", library())
    worked_off(connected)
    git_host.trouble = lambda path: Reply(302, {"Location": location})

    run = worked_off(connected)

    assert run.state == "failed"
    assert "sends us elsewhere" in (run.reason or "")
    assert _versions(connected) == ["dev-main"]


def test_more_refs_than_anybody_has_are_not_read(connected: Connected, git_host: GitHost) -> None:
    connected.project.push_branch("main", library())
    worked_off(connected)
    line = f"{'1' * 40} refs/heads/{'b' * 900}%07d\n"
    packet = f"{len(line % 0) + 4:04x}{line}"
    endless = "".join(packet % number for number in range(66 * MIB // 900)).encode() + b"0000"
    kind = {"Content-Type": "application/x-git-upload-pack-result"}
    git_host.trouble = lambda path: Reply(200, kind, endless) if path.endswith("git-upload-pack") else None

    run = worked_off(connected)

    assert run.state == "waiting"
    assert run.reason == "The host gave more than 64 MiB, which is the most we take from git."
    assert _versions(connected) == ["dev-main"]


def test_a_name_that_turns_to_our_own_net_is_not_asked(connected: Connected, allowing: Settings) -> None:
    connected.project.push_branch("main", library())
    address = ["127.0.0.1"]
    importer = _importer(connected, allowing, lambda host, port: list(address))
    with connected.house.database.write() as session:
        source = session.scalars(select(Source)).one()
        source.address = source.address.replace("127.0.0.1", "code.example.test")

    before = worked_off(connected, importer)
    address[:] = ["169.254.169.254"]
    after = worked_off(connected, importer)

    assert before.state == "done", before.reason
    assert after.state == "failed"
    assert "code.example.test is at 169.254.169.254, which is not on the public internet" in (after.reason or "")


def test_one_source_that_fails_leaves_the_others_alone(connected: Connected, allowing: Settings) -> None:
    connected.project.push_branch("main", library())
    with connected.house.database.write() as session:
        session.scalars(select(Source)).one().address = "http://127.0.0.1:9"

    gone = worked_off(connected)
    with connected.house.database.read() as session:
        source = session.scalars(select(Source)).one()

    assert gone.state == "waiting"
    assert gone.reason
    # Nobody said that the host wants to be left alone: its other projects are tried in their turn.
    assert source.waits_until is None


def _importer(connected: Connected, settings: Settings, resolver: Callable[[str, int], list[str]]) -> Importer:
    connector = Connector(settings, resolver=resolver)
    return replace(connected.importer, connector=connector, limits=archive_limits(settings))


def _versions(connected: Connected) -> list[str]:
    with connected.house.database.read() as session:
        return list(session.scalars(select(Version.version).where(Version.deleted_at.is_(None))))
