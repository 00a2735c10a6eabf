"""The wire through its door: documents, dates, ranges, methods and addresses that are none."""

import gzip
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from packistry.access.actors import System
from packistry.app import House, Worker
from packistry.db.models import Repository
from packistry.repositories.actions import update_repository
from packistry.settings import Settings
from tests import factories

Get = Callable[..., Any]


@pytest.fixture
def get(client: TestClient, house: House) -> Get:
    """Asks below the repository acme, which has acme/lib 1.0.0, with a token that reads it."""
    factories.repository(house, "acme")
    factories.publish(house)
    token = factories.deploy_token(house, "acme")

    def ask(path: str, method: str = "GET", **headers: str) -> Any:
        sent = {
            "Authorization": f"Bearer {token}",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return client.request(method, f"/r/acme/{path}", headers=sent)

    return ask


def dist_of(get: Get) -> str:
    [entry] = get("p2/acme/lib.json").json()["packages"]["acme/lib"]
    return entry["dist"]["url"].removeprefix("http://packistry.test/r/acme/")


DOCUMENTS = ["packages.json", "p2/acme/lib.json", "p2/acme/lib~dev.json", "p2/acme/unknown.json", "list.json"]


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_document_that_the_client_has_is_304_and_empty(get: Get, path: str) -> None:
    date = get(path).headers["last-modified"]

    again = get(path, If_Modified_Since=date)

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["last-modified"] == date


@pytest.mark.parametrize("path", DOCUMENTS)
@pytest.mark.parametrize("date", ["Fri, 01 Jan 2100 00:00:00 GMT", "Sat, 01 Jan 2000 00:00:01 GMT", "yesterday"])
def test_any_other_date_gets_the_document_because_only_equality_counts(get: Get, path: str, date: str) -> None:
    assert get(path, If_Modified_Since=date).status_code == 200


@pytest.mark.parametrize("path", DOCUMENTS)
def test_other_clients_may_ask_by_etag(get: Get, path: str) -> None:
    etag = get(path).headers["etag"]

    assert get(path, If_None_Match=f'"x", {etag}').status_code == 304
    assert get(path, If_None_Match='"x"').status_code == 200


@pytest.mark.parametrize("path", [*DOCUMENTS, "search.json?q=lib", "-/providers/psr/log-implementation.json"])
def test_every_document_is_private_and_depends_on_the_credential(get: Get, path: str) -> None:
    answer = get(path)

    assert answer.headers["content-type"] == "application/json", "exactly: with a charset Composer hides warnings"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert "Authorization" in answer.headers["vary"]


@pytest.mark.parametrize("path", [*DOCUMENTS, "search.json?q=lib", "acme/lib/1.0.0"])
def test_head_is_answered_with_the_headers_of_get(get: Get, path: str) -> None:
    whole, head = get(path), get(path, "HEAD")

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == whole.headers["content-length"]


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip", "gzip"), ("deflate, gzip, br, zstd", "gzip"), ("identity", None), ("gzip;q=0", None), ("", None)],
)
def test_metadata_is_packed_only_for_those_who_take_gzip(get: Get, accepted: str, encoding: str | None) -> None:
    answer = get("p2/acme/lib.json", Accept_Encoding=accepted)

    assert answer.headers.get("content-encoding") == encoding
    assert answer.json()["packages"]["acme/lib"]


@pytest.mark.parametrize(
    ("asked", "status", "start", "stop"),
    [
        ("bytes=0-9", 206, 0, 10),
        ("bytes=10-", 206, 10, None),
        ("bytes=-5", 206, -5, None),
        ("bytes=5-1000000", 206, 5, None),
        ("bytes=0-0", 206, 0, 1),
        ("bytes=9-5", 200, 0, None),
        ("bytes=0-1,4-5", 200, 0, None),
        ("bytes=-", 200, 0, None),
        ("lines=1-2", 200, 0, None),
    ],
)
def test_a_part_of_an_archive(get: Get, asked: str, status: int, start: int, stop: int | None) -> None:
    path = dist_of(get)
    whole = get(path).content

    answer = get(path, Range=asked)

    assert answer.status_code == status
    assert answer.content == whole[start:stop]
    assert answer.headers["content-length"] == str(len(answer.content))


def test_a_part_beyond_the_end_is_416_with_the_size(get: Get) -> None:
    path = dist_of(get)
    size = len(get(path).content)

    answer = get(path, Range=f"bytes={size}-")

    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{size}")


def test_a_part_of_another_file_is_answered_with_the_whole(get: Get) -> None:
    path = dist_of(get)
    etag = get(path).headers["etag"]

    assert get(path, Range="bytes=0-3", If_Range=etag).status_code == 206
    assert get(path, Range="bytes=0-3", If_Range='"other"').status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "FOO"])
@pytest.mark.parametrize("path", ["packages.json", "p2/acme/lib.json", "acme/lib/1.0.0"])
def test_a_method_that_the_address_does_not_take_is_405_and_names_those_it_takes(
    get: Get, path: str, method: str
) -> None:
    answer = get(path, method)

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "path",
    [
        "p2/acme.json",
        "p2/acme/lib/x.json",
        "p2/%2e%2e/%2e%2e.json",
        "p2/acme/..%2f..%2fetc.json",
        "p2/.json",
        "p2/acme/lib~dev~dev.json",
        "p2/acme/LIB%00.json",
        "%2e%2e/%2e%2e/etc/passwd",
        "acme/lib/not a version",
        "acme/lib/9.9.9",
        "acme/lib",
        "-/dist/acme/lib/1/0000.zip",
        "-/dist/acme/lib/999999999999999999/0000.zip",
        "-/dist/acme/lib/9999999999999999999999999999/0000.zip",
        "-/dist/acme/lib/%c2%b2/0000.zip",
        "-/dist/x.zip",
        "-/else",
        "incoming/github",
        "nothing",
        "",
    ],
)
def test_an_address_that_is_none_is_404_as_json(get: Get, path: str) -> None:
    answer = get(path)

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json"), answer.text
    assert answer.json()["message"]


@pytest.mark.parametrize("name", ["acme/lib.json.json", "ACME/LIB.json", "other/thing.json"])
def test_a_404_of_metadata_has_no_warning_because_composer_would_print_it(get: Get, name: str) -> None:
    answer = get(f"p2/{name}")

    assert answer.status_code in {200, 404}
    assert "warning" not in answer.json()


def test_downloads_count_whole_and_first_parts_only(client: TestClient, get: Get, house: House) -> None:
    path = dist_of(get)
    etag = get(path, "HEAD").headers["etag"]

    get(path)
    get(path, Range="bytes=0-3")
    get(path, Range="bytes=4-7")
    get(path, If_None_Match=etag)
    client.__exit__()  # a stop writes what was counted

    assert counted(house) == [(2, 0)]
    client.__enter__()


def test_reported_installs_count_when_they_are_visible(client: TestClient, get: Get, house: House) -> None:
    token = factories.deploy_token(house, "acme")
    rows = [{"name": "acme/lib", "version": "1.0.0.0"}, {"name": "acme/none", "version": "1.0.0.0"}]

    answer = client.post("/r/acme/-/notify", json={"downloads": rows}, headers={"Authorization": f"Bearer {token}"})
    client.__exit__()

    assert (answer.status_code, answer.json()) == (200, {"status": "partial"})
    assert counted(house) == [(0, 1)]
    client.__enter__()


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"downloads": 1}', b'{"downloads": [1]}', b"\xff"])
def test_a_report_that_is_none_is_400(client: TestClient, get: Get, house: House, body: bytes) -> None:
    token = factories.deploy_token(house, "acme")

    answer = client.post("/r/acme/-/notify", content=body, headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 400


def counted(house: House) -> list[tuple[int, int]]:
    """(downloads, installs) of each version and day."""
    from sqlalchemy import select

    from packistry.db.models import Download

    with house.database.read() as session:
        return [(row.downloads, row.installs) for row in session.scalars(select(Download))]


def test_search_finds_parts_of_words_pages_and_takes_signs_literally(
    client: TestClient, get: Get, house: House
) -> None:
    for number in range(4):
        factories.publish(house, f"acme/tool-{number}", description=f"100% logger_{number}")

    def found(query: str) -> list[str]:
        return [hit["name"] for hit in get(f"search.json?{query}").json()["results"]]

    assert found("q=ool-1") == ["acme/tool-1"]
    assert len(found("q=LOGGER")) == 4
    assert len(found("q=100%25")) == 4
    assert found("q=0%25l") == []
    assert found("q=logger_2") == ["acme/tool-2"]
    assert found("q=tool+_3") == ["acme/tool-3"]
    page = get("search.json?q=tool&per_page=3").json()
    assert (len(page["results"]), page["total"]) == (3, 4)
    assert page["next"].endswith("page=2&per_page=3")


def test_list_takes_a_glob_a_vendor_and_a_type(get: Get, house: House) -> None:
    factories.publish(house, "acme/plugin", type="wordpress-plugin")
    factories.publish(house, "other/lib")

    def listed(query: str) -> list[str]:
        return get(f"list.json?{query}").json()["packageNames"]

    assert listed("") == ["acme/lib", "acme/plugin", "other/lib"]
    assert listed("filter=*LIB") == ["acme/lib", "other/lib"]
    assert listed("vendor=other") == ["other/lib"]
    assert listed("type=wordpress-plugin") == ["acme/plugin"]
    assert listed("filter=a%_me%2F*") == []


def test_providers_are_those_whose_live_versions_provide_the_name(get: Get, house: House) -> None:
    factories.publish(house, "acme/monolog", provide={"psr/log-implementation": "1.0"}, description="Logs")

    answer = get("-/providers/psr/log-implementation.json").json()

    assert answer == {"providers": [{"name": "acme/monolog", "description": "Logs", "type": "library"}]}


@pytest.fixture
def public_client(settings: Settings) -> Any:
    """A worker with a public address that has a path."""
    known = settings.model_copy(update={"public_url": "https://packages.example.test/composer"})
    with TestClient(Worker(known), base_url="http://inside.test") as caller:
        yield caller


def test_the_public_address_is_used_whatever_the_request_says(public_client: TestClient, house: House) -> None:
    factories.repository(house, "acme", public=True)
    factories.publish(house)

    root = public_client.get("/r/acme/packages.json").json()
    packed = public_client.get("/r/acme/p2/acme/lib.json")

    assert root["metadata-url"] == "https://packages.example.test/composer/r/acme/p2/%package%.json"
    assert packed.json()["packages"]["acme/lib"][0]["dist"]["url"].startswith(
        "https://packages.example.test/composer/r/"
    )


@pytest.mark.parametrize("host", ["evil.test/x", "a b", "", "x.test:99999999", "x.test\\@y", '"'])
def test_a_host_that_is_none_does_not_get_into_addresses(get: Get, host: str) -> None:
    answer = get("packages.json", Host=host)

    assert answer.status_code == 400


def test_forwarded_headers_of_strangers_are_not_believed(get: Get) -> None:
    body = get("packages.json", X_Forwarded_Host="evil.test", X_Forwarded_Proto="https").json()

    assert body["metadata-url"].startswith("http://packistry.test/")


def test_a_repository_made_private_is_closed_with_the_next_request(client: TestClient, house: House) -> None:
    identity = factories.repository(house, "open", public=True)
    factories.publish(house, repository="open")
    assert client.get("/r/open/p2/acme/lib.json").status_code == 200

    with house.database.write() as session:
        update_repository(session, System(), session.get_one(Repository, identity), public=False)

    assert client.get("/r/open/p2/acme/lib.json").status_code == 401
    assert client.get("/r/open/packages.json").status_code == 401


def test_the_stored_gzip_is_what_is_sent(public_client: TestClient, settings: Settings) -> None:
    from packistry.app import open_house

    with open_house(settings.model_copy(update={"public_url": "https://packages.example.test/composer"})) as house:
        factories.repository(house, "acme", public=True)
        factories.publish(house)
        from packistry.db.models import Document

        with house.database.read() as session:
            stored = session.get_one(Document, (2, "acme/lib")).gzip
    assert stored is not None

    answer = public_client.get("/r/acme/p2/acme/lib.json")

    assert answer.content == gzip.decompress(stored)
