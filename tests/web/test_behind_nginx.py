"""Debian's nginx before a running server, configured as docs/operations.md and the README say."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from packistry.app import House, open_house
from packistry.settings import Settings
from tests import factories
from tests.composer.client import ComposerProject, composer
from tests.nginx import documented, in_front_of
from tests.server import Installation

ROOT_LOCATIONS = [("Behind nginx", "docs/operations.md"), ("Behind a proxy", "README.md")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The data folder of the test."""
    return tmp_path / "data"


@pytest.fixture
def house(folder: Path) -> Iterator[House]:
    """An installation with one private package."""
    with open_house(Settings(data_dir=folder)) as opened:
        factories.repository(opened, "acme")
        factories.publish(opened, files={"src/lib.php": "<?php"})
        yield opened


@pytest.mark.parametrize(("heading", "page"), ROOT_LOCATIONS)
def test_the_caller_is_known_by_his_own_address(
    house: House, folder: Path, tmp_path: Path, heading: str, page: str
) -> None:
    token = factories.deploy_token(house, "acme", abilities="read write", name="ci")
    installation = Installation(folder, settings={"trusted_proxies": "127.0.0.1", "download_flush_seconds": "0.1"})

    with (
        installation.serve() as server,
        in_front_of(server, tmp_path / "nginx", [documented(heading, page)], folder) as url,
        # He pretends to be somebody else, and calls from an address of his own.
        httpx2.Client(transport=httpx2.HTTPTransport(local_address="127.0.0.9")) as caller,
    ):
        headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "192.0.2.7"}
        answer = caller.post(
            f"{url}/r/acme/acme/lib",
            headers=headers,
            files={"file": factories.package_zip()},
            data={"version": "1.1.0"},
        )

    assert answer.status_code == 201
    [listed] = installation.json("deploy-token", "list")
    assert listed["last_used_address"] == "127.0.0.9"


def test_addresses_are_those_of_nginx_whatever_the_caller_says_of_himself(
    house: House, folder: Path, tmp_path: Path
) -> None:
    token = factories.deploy_token(house, "acme")
    installation = Installation(folder, settings={"trusted_proxies": "127.0.0.1"})
    lies = {"X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/evil"}

    with (
        installation.serve() as server,
        in_front_of(server, tmp_path / "nginx", [documented("Behind nginx")], folder) as url,
    ):
        answer = httpx2.get(f"{url}/r/acme/packages.json", headers={"Authorization": f"Bearer {token}", **lies})

    assert answer.json()["metadata-url"] == f"{url}/r/acme/p2/%package%.json"


@pytest.mark.client
def test_composer_installs_from_below_a_path(house: House, folder: Path, tmp_path: Path) -> None:
    token = factories.deploy_token(house, "acme")
    installation = Installation(folder, settings={"trusted_proxies": "127.0.0.1"})

    with (
        installation.serve() as server,
        in_front_of(server, tmp_path / "nginx", [documented("Below a path")], folder) as url,
    ):
        repository = f"{url}/packages/r/acme"
        project = ComposerProject(composer("composer-latest"), tmp_path / "project", [repository])
        project.bearer(token)
        project.run("require", "acme/lib")

    assert project.locked["acme/lib"]["dist"]["url"].startswith(f"{repository}/-/dist/")
    assert (project.installed("acme/lib") / "src/lib.php").is_file()


@pytest.mark.client
def test_composer_installs_from_below_the_path_of_the_public_address(
    house: House, folder: Path, tmp_path: Path
) -> None:
    token = factories.deploy_token(house, "acme")
    public = "https://example.com/packages"
    installation = Installation(folder, settings={"trusted_proxies": "127.0.0.1", "public_url": public})

    with (
        installation.serve() as server,
        in_front_of(server, tmp_path / "nginx", [documented("Below a path")], folder) as url,
    ):
        answer = httpx2.get(f"{url}/packages/r/acme/p2/acme/lib.json", headers={"Authorization": f"Bearer {token}"})

    [version] = answer.json()["packages"]["acme/lib"]
    assert version["dist"]["url"].startswith(f"{public}/r/acme/-/dist/acme/lib/")
