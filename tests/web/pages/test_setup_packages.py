"""The set-up's way to a first package: a repository, a host or an archive or the sample, the import, the commands."""

import re
import threading
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from packistry.app import Worker
from packistry.house import House
from packistry.settings import Settings
from tests import factories
from tests.fakes.github import FakeGitHub
from tests.fakes.host import FakeProject, FakeToken
from tests.web.pages.browser import HOME, Browser

TOKEN = "good-token-of-the-tests"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings that allow the host beside us."""
    return settings.model_copy(update={"outbound_allow": ("127.0.0.1",)})


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(Worker(settings), base_url="http://packistry.test") as caller:
        yield caller


@pytest.fixture
def host() -> Iterator[FakeGitHub]:
    """Thirty packages, and a project that is none."""
    with FakeGitHub().running() as host:
        host.tokens[TOKEN] = FakeToken(scopes=("repo", "admin:repo_hook"))
        for number in range(1, 31):
            project = host.add(FakeProject(number, f"acme/part-{number:02}"))
            name = project.full_name.encode()
            project.push_tag("1.0.0", project.push_branch("main", {"composer.json": b'{"name": "%s"}' % name}))
        host.add(FakeProject(99, "acme/handbook")).push_branch("main", {"README.md": b""})
        yield host


def connect(browser: Browser, host: FakeGitHub, token: str = TOKEN, *, status: int = 303) -> str:
    fields = {"url": host.address, "name": "GitHub", "field:token": token}
    shown = browser.send("/-/setup/source/github?repository=/", fields, status=status)
    return shown.leads_to if status == 303 else shown.text


def upload(
    browser: Browser, version: str, archive: bytes, path: str = "/-/setup/upload?repository=/"
) -> "tuple[int, str]":
    answer = browser.client.post(
        path,
        data={"version": version},
        files={"file": ("lib.zip", archive)},
        headers={"origin": HOME},
        follow_redirects=False,
    )
    return answer.status_code, answer.headers.get("location") or answer.text


def test_packages_go_to_the_root_or_to_a_repository_of_their_own(administrator: Browser) -> None:
    root = administrator.send("/-/setup/repository", {"repository": "/"})
    own = administrator.send("/-/setup/repository", {"repository": "new", "name": "Acme", "path": "acme"})
    wrong = administrator.send("/-/setup/repository", {"repository": "new", "name": "Acme", "path": "A b"}, status=422)

    assert root.leads_to == "/-/setup/packages?repository=/"
    assert own.leads_to == "/-/setup/packages?repository=acme"
    assert "The repository was not made." in wrong.text
    assert "/-/setup/source/github?repository=acme" in administrator.open(own.leads_to).links
    administrator.open("/-/setup/packages?repository=none", status=404)


def test_the_sample_needs_no_network_and_may_be_asked_for_twice(administrator: Browser) -> None:
    first = administrator.send("/-/setup/sample?repository=/")
    second = administrator.send("/-/setup/sample?repository=/")

    assert first.leads_to == second.leads_to == "/-/setup/install?repository=/&package=packistry/hello"
    assert "Install packistry/hello" in administrator.open(first.leads_to).text


def test_an_archive_says_itself_what_it_is(administrator: Browser) -> None:
    archive = factories.package_zip("acme/lib")

    nameless = upload(administrator, "", archive)
    taken = upload(administrator, "1.2.0", archive)

    assert nameless[0] == 422
    assert "This archive has no version" in nameless[1]
    assert taken == (303, "/-/setup/install?repository=/&package=acme/lib")


def test_what_is_no_archive_is_said_on_the_form(administrator: Browser) -> None:
    status, text = upload(administrator, "1.0.0", b"no archive")

    assert (status, "Nothing was published." in text) == (422, True)


def test_the_page_that_makes_tokens_is_one_click_away(administrator: Browser) -> None:
    shown = administrator.open("/-/setup/source/github?repository=/")

    assert "https://github.com/settings/tokens/new?description=Packistry&scopes=repo%2Cadmin%3Arepo_hook" in shown.links


def test_a_credential_that_the_host_refuses_is_not_kept(administrator: Browser, host: FakeGitHub) -> None:
    text = connect(administrator, host, "wrong", status=422)

    assert "GitHub does not accept the credential of this source" in text
    assert "connected: choose projects" not in administrator.open("/-/setup/packages").text


def test_a_good_one_is_tried_at_once_and_its_packages_are_there_to_choose(
    administrator: Browser, host: FakeGitHub
) -> None:
    path = connect(administrator, host)
    shown = administrator.open(path)
    second = administrator.open(f"{path}&page=2")
    found = administrator.open(f"{path}&q=part-07")

    assert path == "/-/setup/projects/1?repository=/&tested=1"
    assert "octocat" in shown.text
    assert shown.html.count('name="project"') == 25
    assert second.html.count('name="project"') == 5
    assert re.findall(r'name="project" value="([^"]+)"', found.html) == ["acme/part-07"]
    assert "acme/handbook" not in shown.text + second.text
    assert "connected: choose projects" in administrator.open("/-/setup/packages").text


def test_choosing_nothing_is_said(administrator: Browser, host: FakeGitHub) -> None:
    path = connect(administrator, host)

    assert "Choose 1 to 100 projects" in administrator.send(path, {"names": " "}, status=422).text


def test_an_import_is_watched_until_the_first_package_can_be_installed(
    administrator: Browser, house: House, host: FakeGitHub
) -> None:
    chosen = administrator.send(connect(administrator, host), {"project": ["acme/part-03"]})
    waiting = administrator.open(chosen.leads_to)
    house.importer.work(1, threading.Event())
    part = administrator.open(chosen.leads_to, headers={"x-partial": "setup-import"})

    assert "data-running" in waiting.html
    assert "Continue: install one" not in waiting.text
    assert "data-running" not in part.html
    assert "<html" not in part.html
    assert "/-/setup/install?repository=/&package=acme/part-03" in part.links
    assert administrator.open("/-/setup/packages").answer.status_code == 200


def commands_on(html: str) -> list[str]:
    return [found.replace("&#34;", '"').replace("&#39;", "'") for found in re.findall(r'data-copy="([^"]+)"', html)]


def test_the_commands_hold_a_token_that_reads_and_the_page_waits_until_it_was_used(
    administrator: Browser, house: House
) -> None:
    administrator.send("/-/setup/sample?repository=/")
    before = administrator.open("/-/setup/install")
    shown = administrator.send("/-/setup/install", status=200)
    secret = re.findall(r"pkpat-\w+", shown.html)[0]
    headers = {"authorization": f"Bearer {secret}", "user-agent": "Composer/2.9.1 (Linux; 6.1; PHP 8.3)"}
    waiting = administrator.open("/-/setup/install", headers={"x-partial": "setup-waiting"})
    document = administrator.client.get("/p2/packistry/hello.json", headers=headers).json()
    dist = document["packages"]["packistry/hello"][0]["dist"]["url"]
    fetched = administrator.client.get(dist.removeprefix(HOME), headers=headers)

    assert "pkpat" not in before.html
    assert commands_on(shown.html)[:4] == [
        f"composer config --global bearer.packistry.test {secret}",
        "composer config secure-http false",
        "composer config repositories.packistry composer http://packistry.test",
        "composer require packistry/hello",
    ]
    assert "Waiting for the first download" in waiting.text
    assert secret not in waiting.html
    assert fetched.status_code == 200
    assert_works(administrator)


def assert_works(browser: Browser) -> None:
    """What was counted is written within a second."""
    sentence = "It works: packistry/hello 1.0.0 was installed by Composer 2.9.1, just now"
    for _ in range(60):
        part = browser.open("/-/setup/install", headers={"x-partial": "setup-waiting"})
        if sentence in part.text:
            assert "data-running" not in part.html
            return
        threading.Event().wait(0.05)
    raise AssertionError("nobody was seen to install it")


def test_commands_asked_for_again_leave_the_former_token_an_hour(administrator: Browser) -> None:
    administrator.send("/-/setup/sample?repository=/")
    first = re.findall(r"pkpat-\w+", administrator.send("/-/setup/install", status=200).html)[0]
    second = re.findall(r"pkpat-\w+", administrator.send("/-/setup/install", status=200).html)[0]

    answers = [
        administrator.client.get("/packages.json", headers={"authorization": f"Bearer {secret}"}).status_code
        for secret in (first, second)
    ]

    assert first != second
    assert answers == [200, 200]
    assert administrator.open("/-/personal-tokens").text.count("set-up") == 1


def test_a_package_without_a_stable_version_is_required_by_its_version(administrator: Browser, house: House) -> None:
    factories.publish(house, "acme/lib", "dev-main", repository="")

    assert 'composer require "acme/lib:dev-main"' in commands_on(
        administrator.send("/-/setup/install", status=200).html
    )


def test_without_a_package_there_is_nothing_to_install_yet(administrator: Browser) -> None:
    assert administrator.open("/-/setup/install", status=303).leads_to == "/-/setup/packages"
    assert administrator.send("/-/setup/install").leads_to == "/-/setup/packages"
    assert "Choose projects first" in administrator.open("/-/setup/import").text


PATHS = ["repository", "packages", "upload", "source/github", "projects/1", "import", "install"]


@pytest.mark.parametrize("path", PATHS)
def test_only_administrators_set_up(plain_user: Browser, path: str) -> None:
    plain_user.open(f"/-/setup/{path}", status=403)
    if path not in {"packages", "import"}:
        plain_user.send(f"/-/setup/{path}", status=403)
