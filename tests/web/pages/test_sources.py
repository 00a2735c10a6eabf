"""Connecting a code host by page, choosing its projects, and watching them arrive."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from packistry.app import PATIENT_THREADS, THREADS, Worker
from packistry.house import House
from packistry.settings import Settings
from tests.fakes.git_host import GitHost
from tests.fakes.git_projects import make_library
from tests.web.pages.browser import Browser


@pytest.fixture
def host(tmp_path: Path) -> Iterator[GitHost]:
    """A git server with the library widgets.git."""
    folder = tmp_path / "host"
    folder.mkdir()
    make_library(folder, "widgets.git", tags=2)
    with GitHost(folder).running() as running:
        yield running


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings that allow the host beside us."""
    return settings.model_copy(update={"outbound_allow": ("127.0.0.1",)})


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(Worker(settings), base_url="http://packistry.test") as caller:
        yield caller


def test_a_form_says_which_fields_belong_together(administrator: Browser) -> None:
    shown = administrator.open("/-/sources/new/bitbucket")

    assert "Key (an OAuth consumer)" in shown.text
    assert "E-mail address (an API token)" in shown.text


def test_a_source_is_connected_tried_and_its_project_arrives(
    administrator: Browser, house: House, host: GitHost
) -> None:
    connected = administrator.send("/-/sources/new/git", {"name": "Local", "url": host.address})
    tried = administrator.open(connected.leads_to)
    fields = {"names": "widgets.git", "repository": "/", "hook": "yes"}
    added = administrator.send("/-/sources/1/projects", fields, status=200)
    waiting = administrator.open("/-/imports/1")
    house.importer.work(1, threading.Event())
    done = administrator.open("/-/imports/1")

    assert "127.0.0.1 answers." in tried.text
    assert "http://packistry.test/incoming/git/1/1" in added.text
    assert "/-/imports/1" in added.links
    assert "data-running" in waiting.html
    assert "1.1.0 tag imported" in done.text
    assert "data-running" not in done.html
    assert "acme/widgets" in administrator.open("/-/packages").text
    assert "widgets.git" in administrator.open("/-/imports").text


def test_a_silent_host_keeps_no_other_page_waiting(administrator: Browser, host: GitHost) -> None:
    administrator.send("/-/sources/new/git", {"name": "Local", "url": host.address})
    asked, may_answer = threading.Semaphore(0), threading.Event()

    def keep_waiting(path: str) -> None:
        asked.release()
        may_answer.wait(30)

    host.trouble = keep_waiting
    waiting = [threading.Thread(target=administrator.open, args=["/-/sources/1?test=1"]) for _ in range(THREADS)]
    for thread in waiting:
        thread.start()
    for _ in range(PATIENT_THREADS):
        assert asked.acquire(timeout=30)
    others = administrator.open("/-/packages")
    still_waiting = [thread.is_alive() for thread in waiting]
    may_answer.set()
    for thread in waiting:
        thread.join()

    assert "Packages" in others.text
    assert all(still_waiting)


WRONG = {
    "no name": ({"name": ""}, "has 1 to 255 characters"),
    "an address of another kind": ({"url": "file:///etc"}, "begin it with http://"),
    "an option": ({"url": "--upload-pack=x"}, "begins with a hyphen"),
    "nowhere": ({"url": ""}, "say where it is"),
}


@pytest.mark.parametrize(("change", "sentence"), WRONG.values(), ids=list(WRONG))
def test_a_source_that_cannot_be_is_refused_before_anything_is_stored(
    administrator: Browser, change: dict[str, str], sentence: str
) -> None:
    shown = administrator.send(
        "/-/sources/new/git", {"name": "Local", "url": "https://git.example.test", **change}, status=422
    )

    assert sentence in shown.text
    assert "The source was not connected." in shown.text
    assert "Connect a source" in administrator.open("/-/sources").text


def test_a_secret_is_on_no_page(administrator: Browser, host: GitHost) -> None:
    fields = {"name": "Local", "url": host.address, "field:username": "ada", "field:password": "s3cret-of-the-host"}

    administrator.send("/-/sources/new/git", fields)
    refused = administrator.send("/-/sources/new/git", fields, status=422)

    for path in ("/-/sources", "/-/sources/1", "/-/audit"):
        assert "s3cret" not in administrator.open(path).html
    assert "s3cret" not in refused.html
    assert "There is a source Local already" in refused.text


def test_a_project_that_is_not_there_adds_nothing(administrator: Browser, host: GitHost) -> None:
    administrator.send("/-/sources/new/git", {"name": "Local", "url": host.address})

    shown = administrator.send("/-/sources/1/projects", {"names": "none.git", "repository": "/"}, status=404)

    assert "none.git" in shown.text
    assert "Nothing was imported yet" in administrator.open("/-/imports").text


def test_choosing_nothing_is_said(administrator: Browser, host: GitHost) -> None:
    administrator.send("/-/sources/new/git", {"name": "Local", "url": host.address})

    assert "Choose a project" in administrator.send("/-/sources/1/projects", {"repository": "/"}, status=422).text


def test_an_import_is_cancelled_and_begun_again(administrator: Browser, host: GitHost) -> None:
    administrator.send("/-/sources/new/git", {"name": "Local", "url": host.address})
    administrator.send("/-/sources/1/projects", {"names": "widgets.git", "repository": "/"})

    administrator.send("/-/imports/1/cancel")
    administrator.send("/-/imports/1/cancel")
    again = administrator.send("/-/imports/1/retry")

    assert "Cancelled" in administrator.open("/-/imports/1").text
    assert again.leads_to == "/-/imports/2"


def test_another_credential_is_taken_and_the_source_goes(administrator: Browser, host: GitHost) -> None:
    administrator.send("/-/sources/new/git", {"name": "Local", "url": host.address})

    administrator.send("/-/sources/1/credential", {"field:password": "other"})
    administrator.send("/-/sources/1/delete")

    administrator.open("/-/sources/1", status=404)


PAGES = ["/-/sources", "/-/sources/new/git", "/-/sources/1", "/-/sources/1/projects", "/-/imports", "/-/imports/1"]


def test_only_administrators_see_sources(plain_user: Browser) -> None:
    assert {path: plain_user.client.get(path).status_code for path in PAGES} == dict.fromkeys(PAGES, 403)
    for path in ("/-/sources/new/git", "/-/sources/1/delete", "/-/sources/1/test", "/-/imports/1/cancel"):
        plain_user.send(path, {"name": "x", "url": "https://x.test"}, status=403)


def test_a_kind_of_host_that_there_is_not_is_refused(administrator: Browser) -> None:
    assert "There is no provider cvs" in administrator.open("/-/sources/new/cvs", status=422).text


def test_the_dashboard_says_what_needs_attention(administrator: Browser, house: House, host: GitHost) -> None:
    begun = administrator.open("/-/").text
    administrator.send("/-/sources/new/git", {"name": "Local", "url": host.address})
    administrator.send("/-/sources/1/projects", {"names": "widgets.git", "repository": "/"})
    (host.folder / "widgets.git").rename(host.folder / "gone.git")
    house.importer.work(1, threading.Event())

    assert "Connect a source" in begun
    assert "Needs attention" in administrator.open("/-/").text
