"""Archives sent by Debian's nginx (X-Accel-Redirect), set up with the commands of docs/operations.md."""

import os
import pwd
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from packistry.app import open_house
from packistry.settings import Settings
from tests import factories
from tests.nginx import documented, in_front_of
from tests.readme import blocks, type_in
from tests.server import Installation

BODY = bytes(range(256)) * 4096
HEADING = "Archives sent by nginx"


@dataclass(frozen=True)
class Registry:
    """What the tests ask of: nginx and the server behind it, one archive, and who may have it."""

    installation: Installation
    url: str
    behind: str
    dist: str
    archive: bytes
    sha256: str
    token: str

    def get(self, url: str | None = None, method: str = "GET", **headers: str) -> httpx2.Response:
        """The answer to the caller with the token."""
        return httpx2.request(
            method, url or self.url + self.dist, headers={"Authorization": f"Bearer {self.token}", **headers}
        )


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    """nginx runs as its own user where we may let it, so that the documented modes matter."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # That of pytest is closed to other users.
        folder.chmod(0o711)
        installation = Installation(folder / "data", settings={"accel_redirect_prefix": "/packistry-files"})
        archive = factories.package_zip(files={"data": BODY})
        with open_house(Settings(data_dir=installation.data_dir)) as house:
            factories.repository(house, "acme")
            user = "www-data" if os.getuid() == 0 and _is_known("www-data") else ""
            _open_to(user, folder, installation)
            published = factories.publish(house, archive=archive)
            token = factories.deploy_token(house, "acme")
        dist = f"/r/acme/-/dist/acme/lib/{published.version.id}/{published.archive.reference}.zip"
        locations = [documented("Behind nginx"), documented(HEADING)]
        with (
            installation.serve() as server,
            in_front_of(server, folder / "nginx", locations, installation.data_dir, user) as url,
        ):
            yield Registry(installation, url, server.url, dist, archive, published.archive.sha256, token)


def _is_known(user: str) -> bool:
    return any(entry.pw_name == user for entry in pwd.getpwall())


def _open_to(user: str, folder: Path, installation: Installation) -> None:
    """What the documentation says to do; one who is not root can only give files to his own group."""
    [modes] = blocks(HEADING, "docs/operations.md")
    group = user or str(os.getgid())
    type_in(modes.replace("www-data", group), folder, installation.environment)


def test_the_whole_archive_arrives(registry: Registry) -> None:
    answer = registry.get()

    assert answer.status_code == 200
    assert answer.content == registry.archive
    assert answer.headers["content-length"] == str(len(registry.archive))
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == 'attachment; filename="acme-lib-1.0.0.zip"'
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert "x-accel-redirect" not in answer.headers


PARTS = [
    ("bytes=0-99", slice(0, 100), "the head"),
    ("bytes=1000-", slice(1000, None), "what is left"),
    ("bytes=-10", slice(-10, None), "the tail"),
]


@pytest.mark.parametrize(("asked", "part", "why"), PARTS)
def test_a_part_of_the_archive_arrives(registry: Registry, asked: str, part: slice, why: str) -> None:
    answer = registry.get(Range=asked)

    assert answer.status_code == 206, why
    assert answer.content == registry.archive[part]


def test_a_part_that_is_not_there_is_refused(registry: Registry) -> None:
    assert registry.get(Range=f"bytes={len(registry.archive)}-").status_code == 416


def test_a_head_request_gets_the_length(registry: Registry) -> None:
    answer = registry.get(method="HEAD")

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(registry.archive))


def test_who_may_not_have_the_archive_gets_nothing_of_it(registry: Registry) -> None:
    answer = httpx2.get(registry.url + registry.dist)

    assert answer.status_code == 401
    assert b"PK" not in answer.content


def test_nobody_reaches_the_files_but_through_us(registry: Registry) -> None:
    digest = registry.sha256
    inside = f"/packistry-files/archives/{digest[:2]}/{digest[2:4]}/{digest}.zip"
    assert (registry.installation.data_dir / "storage" / inside.removeprefix("/packistry-files/")).is_file()

    answers = [registry.get(registry.url + path) for path in (inside, f"{inside}?", f"/x/..{inside}")]

    assert [answer.status_code for answer in answers] == [404, 404, 404]


def test_without_nginx_only_the_name_of_the_file_is_sent(registry: Registry) -> None:
    answer = registry.get(registry.behind + registry.dist)

    assert answer.content == b""
    assert answer.headers["x-accel-redirect"].endswith(f"/{registry.sha256}.zip")


def test_the_data_folder_stays_closed_to_everybody_else(registry: Registry) -> None:
    data_dir = registry.installation.data_dir

    assert data_dir.stat().st_mode & 0o777 == 0o710
    assert (data_dir / "packistry.sqlite3").stat().st_mode & 0o077 == 0
    assert (data_dir / "secret.key").stat().st_mode & 0o077 == 0
