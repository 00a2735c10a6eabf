"""Who gets in, how often, and what no body may hold."""

import pytest
from starlette.testclient import TestClient

from packistry.access.permissions import Ability, Role
from packistry.house import House
from tests import factories
from tests.api.calling import Caller, by_browser, by_token


def test_the_document_is_read_without_signing_in_and_nothing_else(client: TestClient) -> None:
    stranger = Caller(client)

    assert stranger.get("/openapi.json")["openapi"].startswith("3.1")
    assert stranger.refused("GET", "/repositories", 401) == "unauthenticated"
    assert stranger.ask("GET", "/nothing", status=401).headers["www-authenticate"].startswith("Bearer")


def test_composers_abilities_open_no_call_and_the_apis_no_package(client: TestClient, house: House, ada: int) -> None:
    factories.repository(house)
    factories.publish(house)
    composer = by_token(client, house, ada, Ability.READ, Ability.WRITE)
    api = by_token(client, house, ada, Ability.ADMIN_READ, Ability.ADMIN_WRITE)

    assert composer.refused("GET", "/packages", 403) == "forbidden"
    assert client.get("/r/acme/p2/acme/lib.json", headers=composer.headers).status_code == 200
    assert client.get("/r/acme/p2/acme/lib.json", headers=api.headers).status_code == 401
    upload = {"file": factories.package_zip(version="2.0.0")}
    assert client.post("/r/acme/acme/lib", headers=api.headers, files=upload).status_code == 403


def test_deploy_tokens_and_passwords_open_nothing(client: TestClient, house: House, ada: int) -> None:
    token = factories.deploy_token(house, "", abilities="read write")

    deploy = Caller(client, {"authorization": f"Bearer {token}"})
    assert deploy.refused("GET", "/packages", 403) == "forbidden"
    assert Caller(client, {"authorization": "Basic YWRhQGV4YW1wbGUudGVzdDp4"}).refused("GET", "/packages", 401)


def test_a_browser_changes_only_from_our_own_pages(client: TestClient, house: House, ada: int) -> None:
    own = by_browser(client, house, ada)
    other = by_browser(client, house, ada, origin="https://evil.test")
    body = {"name": "Acme", "path": "acme"}

    assert other.get("/repositories")["items"]
    assert other.refused("POST", "/repositories", 403, json=body) == "forbidden"
    assert own.post("/repositories", body)["path"] == "acme"


def test_a_credential_of_the_one_kind_is_none_of_the_other(client: TestClient, house: House, ada: int) -> None:
    token = by_token(client, house, ada, Ability.ADMIN_READ).headers["authorization"].removeprefix("Bearer ")
    cookie = by_browser(client, house, ada).headers["cookie"]
    name, secret = cookie.split("=", 1)

    assert Caller(client, {"cookie": f"{name}={token}"}).refused("GET", "/repositories", 401)
    assert Caller(client, {"authorization": f"Bearer {secret}"}).refused("GET", "/repositories", 401)
    # A bad token is not made good by a cookie beside it.
    both = Caller(client, {"authorization": f"Bearer {secret}", "cookie": cookie})
    assert both.refused("GET", "/repositories", 401)


@pytest.mark.parametrize(
    ("abilities", "path", "allowed"),
    [
        ({Ability.ADMIN_READ}, "/deploy-tokens", True),
        ({Ability.PACKAGES_WRITE}, "/packages", True),
        ({Ability.PACKAGES_READ}, "/repositories", False),
        ({Ability.REPOSITORIES_READ}, "/deploy-tokens", False),
        ({Ability.DEPLOY_TOKENS_WRITE}, "/deploy-tokens", True),
    ],
)
def test_an_ability_opens_its_area(
    client: TestClient, house: House, ada: int, *, abilities: set[Ability], path: str, allowed: bool
) -> None:
    by_token(client, house, ada, *abilities).ask("GET", path, status=200 if allowed else 403)


def test_reading_changes_nothing(client: TestClient, house: House, ada: int) -> None:
    reader = by_token(client, house, ada, Ability.ADMIN_READ)

    assert reader.refused("POST", "/repositories", 403, json={"name": "Acme", "path": "acme"}) == "forbidden"
    assert reader.refused("DELETE", "/repositories/1", 403) == "forbidden"


def test_an_ability_gives_no_more_than_its_user_may(client: TestClient, house: House, bob: int) -> None:
    factories.repository(house)
    factories.repository(house, "open", public=True)
    plain = by_token(client, house, bob, Ability.ADMIN_WRITE)

    assert [each["path"] for each in plain.get("/repositories")["items"]] == ["open"]
    assert plain.refused("POST", "/repositories", 403, json={"name": "X", "path": "x"}) == "forbidden"
    assert plain.refused("GET", "/deploy-tokens", 403) == "forbidden"


def test_a_token_makes_none_that_may_more(client: TestClient, house: House, ada: int) -> None:
    maker = by_token(client, house, ada, Ability.PERSONAL_TOKENS_WRITE)
    by_token(client, house, ada, Ability.ADMIN_WRITE)
    stronger = next(each["id"] for each in maker.get("/personal-tokens")["items"] if "admin:write" in each["abilities"])

    assert maker.refused("POST", "/personal-tokens", 403, json={"name": "up", "abilities": ["admin:write"]})
    assert maker.refused("POST", f"/personal-tokens/{stronger}/rotate", 403, json={})
    assert maker.post("/personal-tokens", {"name": "same", "abilities": ["personal_tokens:read"]})["token"]


HOSTILE = [
    (b'{"name": "a\\u0000b", "path": "x"}', 400),
    (b"[" * 100_000, 400),
    (b'{"a":' * 50 + b"1" + b"}" * 50, 400),
    (b'{"name": "\\ud800", "path": "x"}', 400),
    (b"\xff\xfe", 400),
    (b'{"name": ' + b'"' + b"a" * 2_000_000 + b'"}', 413),
    (b'{"name": "x", "path": "x", "more": 1}', 422),
    (b'{"name": 99999999999999999999999999, "path": "x"}', 422),
    (b"null", 422),
]


@pytest.mark.parametrize(("body", "status"), HOSTILE)
def test_hostile_bodies_are_refused(admin: Caller, body: bytes, status: int) -> None:
    admin.refused("POST", "/repositories", status, content=body, headers={"content-type": "application/json"})


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/repositories/99999999999999999999999", 422),
        ("/repositories/2147483647", 404),
        ("/repositories/0", 422),
        ("/repositories?q=%00", 400),
        ("/repositories?cursor=bm9wZQ", 422),
        ("/repositories?cursor=%C3%A9", 422),
        ("/repositories?sort=secret", 422),
        ("/repositories?limit=101", 422),
        ("/nothing/at/all", 404),
    ],
)
def test_hostile_addresses_are_refused(admin: Caller, path: str, status: int) -> None:
    admin.refused("GET", path, status)


def test_a_body_of_another_kind_is_refused(admin: Caller) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}

    assert admin.refused("POST", "/repositories", 415, content=b"name=x", headers=form) == "unsupported_media_type"


def test_what_is_left_is_in_the_headers_and_too_much_is_refused(
    client: TestClient, house: House, ada: int, admin: Caller
) -> None:
    first = admin.ask("GET", "/repositories").headers
    second = admin.ask("GET", "/repositories").headers

    assert first["ratelimit-limit"] == "600"
    assert int(second["ratelimit-remaining"]) < int(first["ratelimit-remaining"]) + 1
    assert int(second["ratelimit-reset"]) >= 0


def test_an_administrator_who_is_none_any_more_is_none_by_token(client: TestClient, house: House, ada: int) -> None:
    factories.user(house, "eve@example.test", role=Role.ADMINISTRATOR)
    admin = by_token(client, house, ada, Ability.ADMIN_WRITE)
    admin.get("/deploy-tokens")

    from packistry.accounts.actions import update_user
    from packistry.db.models import User

    with house.database.write() as session:
        update_user(session, factories.OPERATOR, session.get_one(User, ada), role=Role.USER)

    assert admin.refused("GET", "/deploy-tokens", 403) == "forbidden"
