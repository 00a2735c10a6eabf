"""Hosts that lie, stall or attack: the ref or the run that it concerns says what is wrong; nothing else is harmed."""

import io
import stat
import tarfile
import threading
import zipfile
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from packistry import clock
from packistry.archives.limits import Limits
from packistry.db.models import ImportRef, ImportRun, Project, Version
from packistry.house import House
from packistry.outbound.client import OutboundLimits
from packistry.sources.actions import request_run
from packistry.sources.connecting import Connector
from packistry.sources.queries import refs_of
from packistry.sources.states import Cause
from packistry.sources.tasks import REF_ATTEMPTS, Importer
from packistry.sources.working import SILENT_REFS
from tests.fakes.github import FakeGitHub
from tests.fakes.host import FakeProject, Reply, Request
from tests.sources.hosted import Hosted, hosted_on

MANIFEST = b'{"name": "acme/widgets"}'
# Long enough for a busy machine, short enough to wait for.
IMPATIENT = OutboundLimits(
    connect_seconds=2, read_seconds=2, deadline_seconds=3, download_seconds=3, pause_seconds=0.001
)
SMALL = Limits(file_bytes=256 * 1024, unpacked_bytes=1024 * 1024, entries=50)


class BadGitHub(FakeGitHub):
    """A host that answers in its own way where it was told to: `instead` looks at each request first."""

    def __init__(self) -> None:
        super().__init__()
        self.instead: Callable[[Request], Reply | None] = lambda request: None
        # What is sent for a commit in place of its archive.
        self.archives: dict[str, Reply] = {}

    def refuse(self, request: Request) -> Reply | None:
        return self.instead(request) or super().refuse(request)

    def redirect_to_archive(self, project: FakeProject, commit: str) -> Reply:
        return self.archives.get(commit) or super().redirect_to_archive(project, commit)


@dataclass
class Bad:
    """A project acme/widgets with the branch main, which is well, at a host that may not be."""

    hosted: Hosted
    host: BadGitHub
    limits: OutboundLimits = IMPATIENT
    resolved: dict[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])

    @property
    def remote(self) -> FakeProject:
        return self.hosted.remote

    def ref_with(self, name: str, archive: Reply | bytes) -> str:
        """A branch whose commit is well but for its archive."""
        commit = self.remote.push_branch(name, {"composer.json": MANIFEST, "note.txt": name.encode()})
        self.host.archives[commit] = archive if isinstance(archive, Reply) else Reply(200, archive)
        return commit

    def run(self, cause: Cause = Cause.RETRY) -> ImportRun:
        """A run that was worked off once; as it is then."""
        with self.hosted.house.database.write() as session:
            run = request_run(session, session.get_one(Project, self.hosted.project_id), cause)
            run.due_at = clock.now()
        return self.work(run.id)

    def work(self, run_id: int) -> ImportRun:
        house = self.hosted.house
        connector = Connector(house.settings, limits=self.limits)
        Importer(house.database, house.storage, SMALL, None, connector).work(run_id, threading.Event())
        with house.database.read() as session:
            return session.get_one(ImportRun, run_id)

    def refs(self, run: ImportRun) -> dict[str, tuple[str, str]]:
        """State and reason of each ref."""
        with self.hosted.house.database.read() as session:
            return {row.name: (row.state, row.reason or "") for row in refs_of(session, run)}

    def versions(self) -> set[str]:
        with self.hosted.house.database.read() as session:
            return set(session.scalars(select(Version.version).where(Version.deleted_at.is_(None))))


@pytest.fixture
def bad(house: House) -> Generator[Bad]:
    with BadGitHub().running() as host:
        yield Bad(hosted_on(house, host), host)


ODD_NAMES = {
    "with space": "nobody could require it",
    "../../etc/passwd": None,
    "a..b": None,
    "grün/ü": None,
    "-rf": "begins with '-'",
    "--upload-pack=touch x": "begins with '-'",
    "back\\slash": "is not UTF-8",
    "l" * 1000: "nobody could require it",
}


def test_names_that_git_would_refuse_do_no_harm(bad: Bad) -> None:
    for name in ODD_NAMES:
        bad.remote.push_branch(name, {"composer.json": MANIFEST})
        bad.remote.push_tag(name, bad.remote.branches["main"])
    bad.remote.push_tag("1.0.0", bad.remote.branches["main"])

    run = bad.run()

    assert run.state == "done", run.reason
    with bad.hosted.house.database.read() as session:
        rows = session.scalars(select(ImportRef).where(ImportRef.run_id == run.id)).all()
    refs = {(row.kind, row.name): row for row in rows}
    assert len(refs) == 2 * len(ODD_NAMES) + 2
    assert refs["branch", "main"].state == refs["tag", "1.0.0"].state == "imported"
    for name, why in ODD_NAMES.items():
        branch, tag = refs["branch", name], refs["tag", name]
        assert tag.state == "skipped"
        assert tag.reason
        assert branch.state == ("imported" if why is None else "skipped"), (name, branch.reason)
        assert (why or "") in (branch.reason or "")


@pytest.mark.parametrize("name", ["nul\0byte", "line\nbreak", "\x1b[31mred"])
def test_a_host_that_names_what_no_git_can_is_not_believed_at_all(bad: Bad, name: str) -> None:
    bad.run()
    bad.remote.push_branch(name, {"composer.json": MANIFEST})

    run = bad.run()

    assert run.state == "waiting"
    assert "name is not a usable text" in (run.reason or "")
    assert bad.versions() == {"dev-main"}


@pytest.mark.parametrize("path", ["", "/branches", "/tags"])
def test_a_page_of_html_in_place_of_the_api_puts_the_run_off(bad: Bad, path: str) -> None:
    page = Reply(200, b"<html><body>Please sign in</body></html>", {"Content-Type": "text/html"})
    bad.host.instead = lambda request: page if _is_below(request, path) else None

    run = bad.run()

    assert run.state == "waiting"
    assert run.due_at > clock.now()
    assert "did not answer as its API does" in (run.reason or "")


def test_a_page_of_html_in_place_of_an_archive_is_said_by_its_ref(bad: Bad) -> None:
    commit = bad.ref_with("bad", b"<!DOCTYPE html><html>Please sign in</html>")

    refs = bad.refs(bad.run())

    assert refs["main"] == ("imported", "")
    assert refs["bad"][0] == "failed"
    assert refs["bad"][1].startswith(f"The archive of {commit[:12]} was refused: The file is a web page")


def test_a_page_of_html_in_place_of_composer_json_is_said_by_its_ref(bad: Bad) -> None:
    bad.remote.push_branch("bad", {"composer.json": b"<html>Please sign in</html>"})

    refs = bad.refs(bad.run())

    assert refs["main"][0] == "imported"
    assert refs["bad"][0] == "skipped"
    assert "not valid JSON" in refs["bad"][1]


def _zip(entries: Mapping[str, bytes], *, links: Mapping[str, str] | None = None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("top/composer.json", MANIFEST)
        for name, content in entries.items():
            archive.writestr(name, content)
        for name, target in (links or {}).items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(entry, target)
    return buffer.getvalue()


def _tar(name: str, *, target: str | None = None, size: int = 0) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        first = tarfile.TarInfo("top/composer.json")
        first.size = len(MANIFEST)
        archive.addfile(first, io.BytesIO(MANIFEST))
        entry = tarfile.TarInfo(name)
        if target is not None:
            entry.type, entry.linkname = tarfile.SYMTYPE, target
        entry.size = size
        archive.addfile(entry, io.BytesIO(b"\0" * size))
    return buffer.getvalue()


def _lying_zip() -> bytes:
    """The directory says that a file unpacks to a hundred bytes; it does to half a megabyte."""
    whole = _zip({"top/large.txt": b"x" * 500_000})
    return whole.replace((500_000).to_bytes(4, "little"), (100).to_bytes(4, "little"))


BAD_ARCHIVES = {
    "the way up": (_zip({"top/../../evil.php": b"<?php"}), '".."'),
    "absolute": (_tar("/etc/cron.d/evil"), "composer.json"),
    "a link to /etc/passwd": (_zip({}, links={"top/passwd": "/etc/passwd"}), "is absolute"),
    "a link out of it": (_zip({}, links={"top/env": "../../.env"}), "points out of the package"),
    "a link out of a tar": (_tar("top/env", target="../../.env"), "points out of the package"),
    "a bomb": (_zip({"top/zeros": b"\0" * (2 * 1024**2)}), "unpacks to more than"),
    "a liar about sizes": (_lying_zip(), ""),
    "too many files": (_zip({f"top/{number}": b"" for number in range(60)}), "more than the 50 files"),
    "cut off": (_zip({"top/a": b"a" * 1000})[:-40], ""),
    "empty": (b"", "is empty"),
    "another package": (_zip({})[:0] + b"PK\x05\x06" + b"\0" * 18, "composer.json"),
}


@pytest.mark.parametrize("name", BAD_ARCHIVES)
def test_a_bad_archive_is_said_by_its_ref(bad: Bad, name: str) -> None:
    archive, why = BAD_ARCHIVES[name]
    commit = bad.ref_with("bad", archive)
    bad.remote.push_tag("1.0.0", bad.remote.branches["main"])

    run = bad.run()

    refs = bad.refs(run)
    assert run.state == "done"
    assert (refs["main"][0], refs["1.0.0"][0], refs["bad"][0]) == ("imported", "imported", "failed")
    assert refs["bad"][1].startswith(f"The archive of {commit[:12]} was refused: ")
    assert why in refs["bad"][1]
    assert bad.versions() == {"dev-main", "1.0.0"}


def test_an_archive_past_the_limit_is_not_read_to_its_end(bad: Bad) -> None:
    bad.ref_with("bad", b"PK\x03\x04" + b"x" * (2 * SMALL.unpacked_bytes))

    refs = bad.refs(bad.run())

    assert refs["main"][0] == "imported"
    assert refs["bad"][0] == "failed"
    assert "It is larger than the 1 MiB that PACKISTRY_MAX_UNPACKED_BYTES allows" in refs["bad"][1]


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("http://169.254.169.254/latest/meta-data/", "169.254.169.254, which is not on the public internet"),
        ("http://127.0.0.2:6379/", "127.0.0.2, which is not on the public internet"),
        ("http://[::ffff:169.254.169.254]/", "which is not on the public internet"),
        ("file:///etc/passwd", "which is not safe"),
        ("gopher://127.0.0.1/", "which is not safe"),
    ],
)
def test_an_archive_that_lies_inside_our_net_is_not_fetched(bad: Bad, location: str, why: str) -> None:
    bad.ref_with("bad", Reply(302, headers={"Location": location}))

    refs = bad.refs(bad.run())

    assert refs["main"][0] == "imported"
    assert refs["bad"][0] == "failed"
    assert why in refs["bad"][1]


def test_a_ref_that_the_host_does_not_give_waits_and_then_has_failed(bad: Bad) -> None:
    bad.ref_with("bad", Reply(500))

    run = bad.run()
    first = (run.state, bad.refs(run))
    for _ in range(REF_ATTEMPTS):
        run = bad.work(run.id)

    assert first[0] == "waiting"
    assert first[1]["main"] == ("imported", "")
    assert first[1]["bad"][0] == "waiting"
    assert "answered 500" in first[1]["bad"][1]
    assert run.state == "done"
    assert bad.refs(run)["bad"] == ("failed", first[1]["bad"][1])


def test_a_commit_that_is_gone_meanwhile_is_said_by_its_ref(bad: Bad) -> None:
    bad.ref_with("bad", Reply(404))

    run = bad.run()

    assert run.state == "done"
    assert bad.refs(run)["main"][0] == "imported"
    assert bad.refs(run)["bad"][0] == "failed"


def test_a_host_that_gives_no_archive_at_all_is_spared_the_rest(bad: Bad) -> None:
    for number in range(100):
        bad.ref_with(f"bad-{number}", Reply(500))

    run = bad.run()

    asked = sum("zipball" in request.path for request in bad.host.requests)
    assert run.state == "waiting"
    assert "answered 500" in (run.reason or "")
    assert SILENT_REFS <= asked < 60


def test_pages_without_end_are_refused(bad: Bad) -> None:
    def again(request: Request) -> Reply | None:
        if not _is_below(request, "/branches"):
            return None
        row: dict[str, Any] = {"name": "main", "commit": {"sha": bad.remote.branches["main"]}}
        link = f'<{request.base}{request.path}?per_page=100&page=2>; rel="next"'
        return Reply(200, [row], {"Link": link})

    bad.host.instead = again

    run = bad.run()

    assert run.state == "waiting"
    assert "does not come to an end" in (run.reason or "")


def test_a_host_that_hangs_is_left_after_a_while(bad: Bad) -> None:
    going = threading.Event()

    def hang(request: Request) -> Reply | None:
        if _is_below(request, "/branches"):
            going.wait(20)
        return None

    bad.host.instead = hang
    began = clock.now()

    run = bad.run()

    going.set()
    assert clock.now() - began < timedelta(seconds=15)
    assert run.state == "waiting"
    assert run.reason


def test_a_token_that_loses_its_scope_half_way_is_said_by_the_run_which_goes_on_later(bad: Bad) -> None:
    for number in range(6):
        bad.remote.push_branch(f"b{number}", {"composer.json": MANIFEST, "n": str(number).encode()})
    closed = Reply(403, {"message": "Resource not accessible by personal access token"})
    seen: list[str] = []

    def after_three(request: Request) -> Reply | None:
        if "zipball" not in request.path:
            return None
        seen.append(request.path)
        return closed if len(seen) > 3 else None

    bad.host.instead = after_three
    failed = bad.run()
    told = bad.refs(failed)
    bad.host.instead = lambda request: None
    again = bad.run()

    assert failed.state == "failed"
    assert "to this credential" in (failed.reason or "")
    assert {state for state, _ in told.values()} <= {"imported", "failed"}
    assert "failed" in {state for state, _ in told.values()}
    assert all(reason == failed.reason for state, reason in told.values() if state == "failed")
    assert again.state == "done"
    assert {state for state, _ in bad.refs(again).values()} <= {"imported", "unchanged"}
    assert len(bad.versions()) == 7


def _is_below(request: Request, path: str) -> bool:
    return request.path.endswith(path) and "/repos" in request.path


def test_of_a_package_the_file_is_asked_for_once_and_else_comes_out_of_the_archives(bad: Bad) -> None:
    for number in range(4):
        bad.remote.push_tag(f"1.{number}.0", bad.remote.branches["main"])
    bad.host.requests.clear()

    refs = bad.refs(bad.run())

    assert {state for state, _ in refs.values()} == {"imported"}
    # By the default branch, which tells the name of all.
    assert sum("/contents/composer.json" in request.path for request in bad.host.requests) == 1
