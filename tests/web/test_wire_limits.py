"""Requests that ask for more than anybody needs, and addresses near the edge of what is ours."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from packistry.db.engine import Database
from packistry.db.schema import current_revision, newest_revision
from packistry.house import House
from packistry.settings import Settings
from packistry.storage.keys import archive_key
from tests import factories


@pytest.fixture
def dist(client: TestClient, house: House) -> str:
    """The address of an archive in a public repository."""
    factories.repository(house, "open", public=True)
    factories.publish(house, repository="open")
    [entry] = client.get("/r/open/p2/acme/lib.json").json()["packages"]["acme/lib"]
    return entry["dist"]["url"].removeprefix("http://packistry.test")


def test_a_range_of_five_thousand_digits_is_the_whole(client: TestClient, dist: str) -> None:
    assert client.get(dist, headers={"Range": f"bytes={'9' * 5000}-"}).status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_missing_file_is_404_and_not_counted(
    client: TestClient, dist: str, settings: Settings, house: House, method: str
) -> None:
    [key] = house.storage.keys()
    Path(settings.data_dir / "storage" / key).unlink()

    assert client.request(method, dist).status_code == 404
    assert key == archive_key(key.rpartition("/")[2].removesuffix(".zip"))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"search.json?q={'+'.join(['a'] * 200)}", 200),
        (f"search.json?q={'a' * 10_000}", 400),
        (f"list.json?filter={'*a' * 10_000}", 400),
        ("search.json?q=%00", 400),
        ("search.json?page=0", 400),
        ("search.json?per_page=1000000", 200),
    ],
)
def test_questions_that_are_too_long_are_refused_before_the_database(
    client: TestClient, dist: str, path: str, status: int
) -> None:
    assert client.get(f"/r/open/{path}").status_code == status, dist


@pytest.mark.parametrize("path", ["/.well-known/acme-challenge/t", "/_/b/c", "/a/b-/c", "/-x/y/z"])
def test_what_cannot_be_a_package_is_404_whoever_asks(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_who_asks_comes_before_what_is_wrong_with_the_name(client: TestClient, house: House) -> None:
    factories.repository(house, "acme")
    reader = {"Authorization": f"Bearer {factories.deploy_token(house, 'acme')}"}
    writer = {"Authorization": f"Bearer {factories.deploy_token(house, 'acme', abilities='read write')}"}

    answers = [client.post("/r/acme/acme/lib..x", headers=headers).status_code for headers in ({}, reader, writer)]

    assert answers == [401, 403, 422]


@pytest.mark.parametrize("vendor", ["p2", "api", "health"])
def test_a_vendor_that_is_an_address_of_ours_is_refused_with_a_sentence(
    client: TestClient, house: House, vendor: str
) -> None:
    factories.repository(house, "acme")
    token = factories.deploy_token(house, "acme", abilities="read write")

    answer = client.post(f"/r/acme/{vendor}/lib", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 422
    assert "choose another vendor" in answer.json()["warning"]


def test_a_wrong_method_behind_the_wire_says_so(client: TestClient) -> None:
    answer = client.post("/health")

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


def test_whether_it_is_ready_does_not_wait_for_who_writes(settings: Settings, house: House) -> None:
    other = Database(settings.sqlalchemy_url)
    with other.write() as writing:
        writing.connection()
        # Were it asked of the writers, this would wait for us for ever.
        revision = current_revision(house.database)
    other.dispose()

    assert revision == newest_revision()


def test_a_bad_credential_leaves_nothing_in_memory(client: TestClient, house: House) -> None:
    from packistry.web.identity import NOT_A_CREDENTIAL

    factories.repository(house, "acme")
    for _ in range(20):
        assert client.get("/r/acme/packages.json", headers={"Authorization": "Bearer x"}).status_code == 401

    refusal = NOT_A_CREDENTIAL.refusal
    assert refusal is not None
    assert refusal.__traceback__ is None
