"""Uploads through their door: what a CI job sends, and what somebody hostile sends instead."""

import io
import json
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from packistry.access.grants import Grant
from packistry.app import House, Worker
from packistry.db.models import Archive, AuditEvent, Package
from packistry.settings import Settings
from packistry.storage.keys import archive_key
from packistry.storage.local import LocalStorage
from tests import factories

URL = "/r/acme/acme/lib"


@pytest.fixture
def writer(house: House) -> dict[str, str]:
    """The headers of a token that may publish in the repository acme."""
    factories.repository(house, "acme")
    return bearer(factories.deploy_token(house, "acme", abilities="read write"))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def nothing_was_kept(house: House) -> bool:
    """No row, no file, and nothing half written."""
    storage = house.storage
    assert isinstance(storage, LocalStorage)
    with house.database.read() as session:
        rows = session.execute(select(func.count()).select_from(Package)).scalar_one()
    return rows == 0 and not list(storage.keys()) and not list(storage.incoming.iterdir())


def test_the_answer_has_the_keys_of_the_php_product_and_our_own(client: TestClient, writer: dict[str, str]) -> None:
    archive = factories.package_zip()

    answer = client.post(URL, files={"file": archive}, data={"version": "v1.0"}, headers=writer)

    body = answer.json()
    assert answer.status_code == 201
    assert {"id", "package_id", "shasum", "total_downloads", "created_at", "updated_at"} < body.keys()
    assert (body["name"], body["version_normalized"], body["outcome"]) == ("v1.0", "1.0.0.0", "published")
    assert body["dist"].startswith("http://packistry.test/r/acme/-/dist/acme/lib/")
    assert body["reference"] in body["dist"]


def test_a_zip_is_served_byte_for_byte_at_both_its_addresses(client: TestClient, writer: dict[str, str]) -> None:
    archive = factories.package_zip()
    body = client.post(URL, files={"file": archive}, data={"version": "1.0.0"}, headers=writer).json()

    at_dist = client.get(body["dist"], headers=writer)
    at_version = client.get(f"{URL}/1.0.0", headers=writer)
    with_v = client.get(f"{URL}/v1.0.0", headers=writer)

    assert at_dist.content == at_version.content == with_v.content == archive
    assert at_dist.headers["content-length"] == str(len(archive))
    assert at_dist.headers["content-disposition"] == 'attachment; filename="acme-lib-1.0.0.zip"'
    assert "immutable" in at_dist.headers["cache-control"]


@pytest.mark.parametrize("compression", ["", "gz", "bz2", "xz"])
def test_a_tar_is_served_as_a_zip(client: TestClient, writer: dict[str, str], compression: str) -> None:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode=f"w:{compression}") as archive:  # pyright: ignore[reportCallIssue, reportUnknownVariableType, reportArgumentType]
        text = json.dumps({"name": "acme/lib", "version": "2.0.0"}).encode()
        entry = tarfile.TarInfo("lib/composer.json")
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text))  # pyright: ignore[reportUnknownMemberType]

    body = client.post(URL, files={"file": target.getvalue()}, headers=writer).json()
    served = client.get(body["dist"], headers=writer)

    with zipfile.ZipFile(io.BytesIO(served.content)) as unpacked:
        assert unpacked.namelist()[-1] == "lib/composer.json"


def test_the_same_upload_again_is_200_and_other_files_are_409(client: TestClient, writer: dict[str, str]) -> None:
    def send(**manifest: Any) -> Any:
        files = {"file": factories.package_zip(**manifest)}
        return client.post(URL, files=files, data={"version": "1.0.0"}, headers=writer)

    first, again, other = send(), send(), send(description="other")

    assert [first.status_code, again.status_code, other.status_code] == [201, 200, 409]
    assert again.json()["outcome"] == "unchanged"
    assert first.json()["sha256"] in other.json()["warning"]


def test_a_branch_with_slashes_is_found_at_its_version_address(client: TestClient, writer: dict[str, str]) -> None:
    archive = factories.package_zip()
    client.post(URL, files={"file": archive}, data={"version": "dev-feature/foo"}, headers=writer)

    assert client.get(f"{URL}/dev-feature/foo", headers=writer).content == archive


def test_the_archive_of_a_moved_branch_stays_at_its_own_address(client: TestClient, writer: dict[str, str]) -> None:
    old = factories.package_zip(description="old")
    sent = client.post(URL, files={"file": old}, data={"version": "dev-main"}, headers=writer).json()
    new = factories.package_zip(description="new")
    client.post(URL, files={"file": new}, data={"version": "dev-main"}, headers=writer)

    assert client.get(sent["dist"], headers=writer).content == old
    assert client.get(f"{URL}/dev-main", headers=writer).content == new


def test_a_write_token_of_one_package_publishes_only_that_one(
    client: TestClient, house: House, writer: dict[str, str]
) -> None:
    factories.publish(house, "acme/lib")
    token = bearer(factories.deploy_token(house, Grant("acme", "acme/lib"), abilities="read write"))

    def send(name: str) -> int:
        files = {"file": factories.package_zip(name)}
        return client.post(f"/r/acme/{name}", files=files, data={"version": "3.0.0"}, headers=token).status_code

    assert send("acme/lib") == 201
    assert send("acme/other") == 403


def test_the_audit_log_says_from_where(client: TestClient, house: House, writer: dict[str, str]) -> None:
    client.post(URL, files={"file": factories.package_zip()}, data={"version": "1.0.0"}, headers=writer)

    with house.database.read() as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.event == "version.published")).one()

    assert (event.actor_kind, event.address) == ("deploy_token", "testclient")


def broken(name: str) -> bytes:
    """A body of file bytes that is no good archive, by what is wrong with it."""
    whole = factories.package_zip()
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("../composer.json", '{"name": "acme/lib"}')
    return {
        "empty": b"",
        "truncated": whole[: len(whole) // 2],
        "html": b"<html>Not found</html>",
        "traversal": target.getvalue(),
        "no manifest": factories.zip_of({"a.php": "<?php"}),
        "invalid json": factories.zip_of({"composer.json": '{"name": '}),
        "not utf-8": factories.zip_of({"composer.json": b'{"name": "acme/lib", "description": "\xff"}'}),
        "a list": factories.zip_of({"composer.json": "[]"}),
        "bad require": factories.package_zip(require={"a/b": "not a constraint"}),
        "require a list of numbers": factories.package_zip(require=[1, 2]),
        "no name": factories.zip_of({"composer.json": "{}"}),
    }[name]


@pytest.mark.parametrize(
    ("name", "status", "field"),
    [
        ("empty", 422, "archive"),
        ("truncated", 422, "archive"),
        ("html", 422, "archive"),
        ("traversal", 422, "archive"),
        ("no manifest", 422, "file"),
        ("invalid json", 422, "composer.json"),
        ("not utf-8", 422, "composer.json"),
        ("a list", 422, "composer.json"),
        ("bad require", 422, "require"),
        ("require a list of numbers", 422, "require"),
        ("no name", 422, "name"),
    ],
)
def test_a_bad_archive_is_refused_and_nothing_is_kept(  # noqa: PLR0917
    client: TestClient, house: House, writer: dict[str, str], name: str, status: int, field: str
) -> None:
    answer = client.post(URL, files={"file": broken(name)}, data={"version": "1.0.0"}, headers=writer)

    assert answer.status_code == status, answer.text
    assert list(answer.json()["errors"]) == [field], answer.text
    assert answer.json()["warning"].endswith(tuple(".`'\")")), "a sentence for the person at the terminal"
    assert nothing_was_kept(house)


def multipart(*, cut: int = 0, boundary: str = "xyz", end: bool = True) -> bytes:
    """A body as a client writes it, without its last `cut` bytes, or without its end."""
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'.encode()
    body = head + factories.package_zip() + (f"\r\n--{boundary}--\r\n".encode() if end else b"")
    return body[: len(body) - cut]


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("multipart/form-data; boundary=xyz", multipart(cut=40), 400),
        ("multipart/form-data; boundary=xyz", multipart(end=False), 400),
        ("multipart/form-data; boundary=other", multipart(), 400),
        ("multipart/form-data", multipart(), 415),
        ("application/zip", factories.package_zip(), 415),
        ("application/json", b"{}", 415),
        ("", b"", 415),
        ("multipart/form-data; boundary=xyz", b"--xyz--\r\n", 422),
    ],
)
def test_a_body_that_is_no_whole_form_is_refused_and_nothing_is_kept(  # noqa: PLR0917
    client: TestClient, house: House, writer: dict[str, str], content_type: str, body: bytes, status: int
) -> None:
    answer = client.post(URL, content=body, headers={**writer, "Content-Type": content_type})

    assert answer.status_code == status, answer.text
    assert nothing_was_kept(house)


def test_a_version_nowhere_is_422_and_says_where_to_put_one(client: TestClient, writer: dict[str, str]) -> None:
    answer = client.post(URL, files={"file": factories.package_zip()}, headers=writer)

    assert answer.status_code == 422
    assert 'send the field "version"' in answer.json()["errors"]["version"][0]


@pytest.mark.parametrize(
    ("name", "status"),
    [("acme/lib%00", 404), ("acme/" + "x" * 300, 422), ("acme/lib.json", 422), ("Acme/Lib", 201), ("acme/l i b", 422)],
)
def test_names_in_the_address_are_checked_once_at_the_door(
    client: TestClient, writer: dict[str, str], name: str, status: int
) -> None:
    answer = client.post(
        f"/r/acme/{name}", files={"file": factories.package_zip()}, data={"version": "1.0.0"}, headers=writer
    )

    assert answer.status_code == status, answer.text


@pytest.fixture
def small(settings: Settings) -> Iterator[TestClient]:
    """A worker that takes archives of 10,000 bytes and manifests of 500."""
    tight = settings.model_copy(update={"max_archive_bytes": 10_000, "max_composer_json_bytes": 500})
    with TestClient(Worker(tight), base_url="http://packistry.test") as caller:
        yield caller


def test_a_file_past_the_limit_is_413_before_it_is_whole(
    small: TestClient, house: House, writer: dict[str, str]
) -> None:
    answer = small.post(URL, files={"file": b"PK" + b"x" * 20_000}, data={"version": "1.0.0"}, headers=writer)

    assert answer.status_code == 413
    assert nothing_was_kept(house)


def test_a_manifest_past_the_limit_is_refused(small: TestClient, house: House, writer: dict[str, str]) -> None:
    files = {"file": factories.package_zip(description="x" * 600)}

    answer = small.post(URL, files=files, data={"version": "1.0.0"}, headers=writer)

    assert answer.status_code == 413, answer.text
    assert nothing_was_kept(house)


def test_the_right_is_asked_for_before_the_body_is_read(
    client: TestClient, house: House, writer: dict[str, str]
) -> None:
    reader = bearer(factories.deploy_token(house, "acme", abilities="read"))

    headers = {**reader, "Content-Type": "multipart/form-data; boundary=x"}
    # Read, this body would be 400: it is no form.
    answer = client.post(URL, content=b"x", headers=headers)

    assert answer.status_code == 403
    assert "write" in answer.json()["warning"]


def test_a_row_is_never_without_its_file(client: TestClient, house: House, writer: dict[str, str]) -> None:
    for number in range(5):
        files = {"file": factories.package_zip(description=str(number))}
        client.post(URL, files=files, data={"version": f"1.0.{number}"}, headers=writer)

    with house.database.read() as session:
        digests = session.scalars(select(Archive.sha256)).all()

    assert len(digests) == 5
    assert all(house.storage.exists(archive_key(digest)) for digest in digests)


def test_a_missing_file_is_404_and_not_a_broken_answer(
    client: TestClient, house: House, writer: dict[str, str], settings: Settings
) -> None:
    files = {"file": factories.package_zip()}
    body = client.post(URL, files=files, data={"version": "1.0.0"}, headers=writer).json()
    Path(settings.data_dir / "storage" / archive_key(body["sha256"])).unlink()

    assert client.get(body["dist"], headers=writer).status_code == 404
