"""Adding packages by page: an archive in the browser, and a git repository by its address."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from packistry.access.grants import Grant
from packistry.app import Worker
from packistry.house import House
from packistry.settings import Settings
from tests import factories
from tests.fakes.git_host import GitHost
from tests.fakes.git_projects import make_library
from tests.web.pages.browser import HOME, Browser, Shown


@pytest.fixture
def host(tmp_path: Path) -> Iterator[GitHost]:
    """A git server with the library team/widgets.git."""
    folder = tmp_path / "host"
    (folder / "team").mkdir(parents=True)
    make_library(folder / "team", "widgets.git", tags=1)
    with GitHost(folder).running() as running:
        yield running


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings that allow the host beside us, and archives of 100 KB."""
    return settings.model_copy(update={"outbound_allow": ("127.0.0.1",), "max_archive_bytes": 100_000})


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(Worker(settings), base_url="http://packistry.test") as caller:
        yield caller


def sent(browser: Browser, archive: bytes | None, status: int = 303, origin: str = HOME, **fields: str) -> Shown:
    """The page that answers the form with this file."""
    files = {"file": ("lib.zip", b"" if archive is None else archive)}
    answer = browser.client.post(
        "/-/add/upload", data=fields, files=files, headers={"origin": origin}, follow_redirects=False
    )
    assert answer.status_code == status, answer.text[-2000:]
    return Shown(answer)


def test_an_archive_is_published_under_the_name_in_it(administrator: Browser) -> None:
    found = sent(administrator, factories.package_zip("acme/lib"), repository="/", version="1.0.0").leads_to

    assert found == "/-/packages/acme/lib/versions/1.0.0"
    assert "composer require acme/lib:1.0.0" in administrator.open(found).text
    assert "version.published" in administrator.open("/-/audit").text


def test_a_version_in_composer_json_needs_no_field(administrator: Browser) -> None:
    archive = factories.package_zip("acme/lib", version="2.0.0")

    assert sent(administrator, archive, repository="/").leads_to.endswith("/versions/2.0.0")


REFUSED: dict[str, tuple[bytes, dict[str, str], str]] = {
    "no version": (factories.package_zip(), {}, "This archive has no version"),
    "a version that is none": (factories.package_zip(), {"version": "latest!"}, "latest!"),
    "no archive": (b"nothing", {"version": "1.0.0"}, "Nothing was published."),
    "nothing chosen": (b"", {"version": "1.0.0"}, "Nothing was published."),
    "no composer.json": (factories.zip_of({"a": "b"}), {"version": "1.0.0"}, "composer.json"),
    "a reserved vendor": (factories.package_zip("api/lib"), {"version": "1.0.0"}, "is an address of this server"),
    "a repository that is not there": (factories.package_zip(), {"repository": "none"}, "no such repository"),
    "too large": (b"x" * 100_001, {}, "is larger than the 100,000 bytes allowed here"),
}


@pytest.mark.parametrize(("archive", "fields", "sentence"), REFUSED.values(), ids=list(REFUSED))
def test_what_is_refused_is_said_beside_the_form(
    administrator: Browser, archive: bytes, fields: dict[str, str], sentence: str
) -> None:
    shown = sent(administrator, archive, 422, **{"repository": "/", **fields})

    assert sentence in shown.text
    assert "No packages yet" in administrator.open("/-/packages").text


def test_an_archive_from_another_site_is_not_read(administrator: Browser) -> None:
    sent(administrator, factories.package_zip(), 403, origin="https://evil.test", version="1.0.0", repository="/")


def test_nobody_publishes_where_they_may_not(stranger: Browser, house: House) -> None:
    factories.repository(house, "mine")
    factories.repository(house, "other")
    stranger.sign_in(factories.user(house, "bob@example.test", Grant("mine", write=True), Grant("other")))

    shown = stranger.open("/-/add")
    refused = sent(stranger, factories.package_zip(), 422, repository="other", version="1.0.0")

    assert '<option value="mine"' in shown.html
    assert '<option value="other"' not in shown.html
    assert "From a git address" not in shown.text
    assert "may not publish acme/lib here" in refused.text
    assert sent(stranger, factories.package_zip(), repository="mine", version="1.0.0").leads_to.startswith("/-/r/mine/")
    stranger.send("/-/add/git", {"url": "https://git.example.test/x.git", "repository": "mine"}, status=403)


def test_whoever_may_publish_nothing_has_no_such_page(plain_user: Browser) -> None:
    plain_user.open("/-/add", status=403)
    sent(plain_user, factories.package_zip(), 403, repository="/", version="1.0.0")
    assert "/-/add" not in plain_user.open("/-/packages").links


def test_a_git_address_makes_a_source_and_imports(administrator: Browser, house: House, host: GitHost) -> None:
    added = administrator.send("/-/add/git", {"url": f"{host.address}/team/widgets.git", "repository": "/"}, status=200)
    house.importer.work(1, threading.Event())

    assert "/-/imports/1" in added.links
    assert "acme/widgets" in administrator.open("/-/packages").text
    assert f"{host.address}/team" in administrator.open("/-/sources").text


def test_a_git_address_below_a_source_uses_it(administrator: Browser, host: GitHost) -> None:
    administrator.send("/-/sources/new/git", {"name": "Local", "url": host.address})

    administrator.send("/-/add/git", {"url": f"{host.address}/team/widgets.git", "repository": "/"}, status=200)

    assert "/-/sources/1" in administrator.open("/-/sources").links
    assert "/-/sources/2" not in administrator.open("/-/sources").links


WRONG = ("file:///etc/passwd", "--upload-pack=x", "https://git.example.test", "nowhere", "git@host:")


@pytest.mark.parametrize("address", WRONG)
def test_an_address_that_is_none_is_said_beside_its_field(administrator: Browser, address: str) -> None:
    shown = administrator.send("/-/add/git", {"url": address, "repository": "/"}, status=422)

    assert "Nothing was added." in shown.text


def test_a_repository_that_is_not_there_leaves_no_source(administrator: Browser, host: GitHost) -> None:
    shown = administrator.send("/-/add/git", {"url": f"{host.address}/team/none.git", "repository": "/"}, status=422)

    assert "Nothing was added." in shown.text
    assert "/-/sources/1" not in administrator.open("/-/sources").links
