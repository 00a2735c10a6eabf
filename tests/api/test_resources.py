"""Lists, changes and repeated calls, on both databases."""

from concurrent.futures import ThreadPoolExecutor

from starlette.testclient import TestClient

from packistry.access.permissions import Ability
from packistry.house import House
from tests import factories
from tests.api.calling import Caller, by_token


def test_a_repository_is_made_shown_changed_and_deleted(admin: Caller) -> None:
    made = admin.ask("POST", "/repositories", status=201, json={"name": "Acme", "path": "acme"})
    place = made.headers["location"].partition("/api/v1")[2]

    assert admin.get(place) == made.json()
    changed = admin.ask("PATCH", place, json={"public": True}).json()
    assert (changed["public"], changed["name"]) == (True, "Acme")
    admin.ask("DELETE", place, status=204)
    assert admin.refused("GET", place, 404) == "not_found"


def test_what_is_taken_is_refused_with_its_field(admin: Caller) -> None:
    admin.post("/repositories", {"name": "Acme", "path": "acme"})

    problem = admin.post("/repositories", {"name": "Acme", "path": "acme"}, status=409)

    assert (problem["code"], problem["field"]) == ("already_exists", "path")
    assert problem["type"] == "urn:packistry:problem:already_exists"


def test_a_change_of_what_somebody_else_changed_is_refused(admin: Caller) -> None:
    place = f"/repositories/{admin.post('/repositories', {'name': 'Acme', 'path': 'acme'})['id']}"
    seen = admin.ask("GET", place).headers["etag"]

    now = admin.ask("PATCH", place, json={"name": "Ours"}, headers={"if-match": seen}).headers["etag"]
    assert admin.refused("PATCH", place, 412, json={"name": "Theirs"}, headers={"if-match": seen}) == "outdated"
    assert admin.refused("DELETE", place, 412, headers={"if-match": seen}) == "outdated"
    assert admin.get(place)["name"] == "Ours"
    admin.ask("DELETE", place, status=204, headers={"if-match": now})


def test_of_changes_at_once_that_saw_the_same_one_is_done(admin: Caller) -> None:
    place = f"/repositories/{admin.post('/repositories', {'name': 'Acme', 'path': 'acme'})['id']}"
    seen = {**admin.headers, "if-match": admin.ask("GET", place).headers["etag"]}

    def change(name: str) -> int:
        return admin.client.patch(f"/api/v1{place}", json={"name": name}, headers=seen).status_code

    with ThreadPoolExecutor(4) as executor:
        statuses = sorted(executor.map(change, "abcd"))

    assert statuses == [200, 412, 412, 412]


def test_a_list_comes_in_parts_that_nothing_new_shifts(admin: Caller, house: House) -> None:
    for name in "bdfh":
        factories.repository(house, name)
    first = admin.ask("GET", "/repositories?limit=2")
    for name in "acz":
        factories.repository(house, name)

    following = first.headers["link"].partition("/api/v1")[2].partition(">")[0]
    second = admin.ask("GET", following)
    third = admin.get(f"/repositories?limit=9&cursor={second.json()['next_cursor']}")

    assert [each["path"] for each in first.json()["items"]] == ["/", "b"]
    assert [each["path"] for each in second.json()["items"]] == ["c", "d"]
    assert [each["path"] for each in third["items"]] == ["f", "h", "z"]
    assert third["next_cursor"] is None


def test_every_order_of_packages_shows_each_once(admin: Caller, house: House) -> None:
    factories.repository(house)
    for name in ("acme/a", "acme/b", "acme/c"):
        factories.publish(house, name)

    for sort in ("name", "-name", "updated", "-updated", "downloads", "-downloads"):
        path, names = f"/packages?limit=1&sort={sort}", list[str]()
        while path:
            found = admin.get(path)
            names += [each["name"] for each in found["items"]]
            path = found["next_cursor"] and f"/packages?limit=1&sort={sort}&cursor={found['next_cursor']}"
        assert sorted(names) == ["acme/a", "acme/b", "acme/c"], sort


def test_only_what_one_may_see_is_listed_and_found(client: TestClient, house: House, bob: int) -> None:
    factories.repository(house)
    factories.repository(house, "open", public=True)
    hidden = factories.publish(house, "acme/hidden").package.id
    shown = factories.publish(house, "acme/shown", repository="open").package.id
    plain = by_token(client, house, bob, Ability.PACKAGES_WRITE)

    assert [each["id"] for each in plain.get("/packages")["items"]] == [shown]
    assert plain.refused("GET", f"/packages/{hidden}", 404) == "not_found"
    assert plain.refused("GET", f"/packages/{hidden}/versions", 404) == "not_found"
    assert plain.refused("DELETE", f"/packages/{shown}", 403) == "forbidden"


def test_versions_are_deleted_and_purged(admin: Caller, house: House) -> None:
    factories.repository(house)
    factories.publish(house, version="1.0.0")
    package = factories.publish(house, version="2.0.0", description="Another file").package.id
    place = f"/packages/{package}/versions"
    newest = admin.get(place)["items"][0]

    admin.ask("DELETE", f"{place}/{newest['id']}", status=204)
    assert [each["version"] for each in admin.get(f"{place}?deleted=false")["items"]] == ["1.0.0"]
    purged = admin.post(f"{place}/{newest['id']}/purge", status=200)
    assert (purged["purged"], purged["files"]) == ("acme/lib 2.0.0", 1)
    admin.ask("DELETE", f"/packages/{package}", status=204)
    assert admin.post(f"/packages/{package}/purge", status=200)["files"] == 1


def test_the_same_call_again_is_done_once_and_answered_alike(admin: Caller) -> None:
    body = {"name": "ci", "abilities": ["read"]}
    key = {"idempotency-key": "one"}

    first = admin.ask("POST", "/deploy-tokens", status=201, json=body, headers=key)
    again = admin.ask("POST", "/deploy-tokens", status=201, json=body, headers=key)

    assert again.json() == first.json()
    assert (again.headers["idempotent-replayed"], again.headers["location"]) == ("true", first.headers["location"])
    other = {**body, "name": "cd"}
    assert admin.refused("POST", "/deploy-tokens", 422, json=other, headers=key) == "invalid_input"
    assert len(admin.get("/deploy-tokens")["items"]) == 1


def test_the_same_call_at_once_is_done_once(admin: Caller) -> None:
    headers = {**admin.headers, "idempotency-key": "one"}
    body = {"name": "ci", "abilities": ["read"]}

    def make(_: int) -> str:
        answer = admin.client.post("/api/v1/deploy-tokens", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        return answer.json()["token"]

    with ThreadPoolExecutor(4) as executor:
        secrets = set(executor.map(make, range(4)))

    assert len(secrets) == 1


def test_a_refused_call_is_not_remembered(admin: Caller) -> None:
    key = {"idempotency-key": "one"}
    admin.refused("POST", "/repositories", 422, json={"name": "Acme", "path": "No Slug"}, headers=key)

    assert admin.ask("POST", "/repositories", status=201, json={"name": "Acme", "path": "acme"}, headers=key)


def test_no_secret_of_a_kept_answer_can_be_read_in_the_database(admin: Caller, house: House) -> None:
    from sqlalchemy import select

    from packistry.db.models import KeptAnswer

    body = {"name": "ci", "abilities": ["read"]}
    secret = admin.post("/deploy-tokens", body, headers={"idempotency-key": "one"})["token"]

    with house.database.read() as session:
        [kept] = session.scalars(select(KeptAnswer)).all()
    assert secret.encode() not in kept.sealed


def test_tokens_are_made_changed_rotated_and_revoked(admin: Caller, house: House) -> None:
    factories.repository(house)
    made = admin.post("/deploy-tokens", {"name": "ci", "abilities": ["read"], "grants": [{"repository": "acme"}]})
    place = f"/deploy-tokens/{made['id']}"

    changed = admin.ask("PATCH", place, json={"expires_at": "2099-01-01T00:00:00Z"}).json()
    assert changed["expires_at"].startswith("2099-01-01")
    assert admin.ask("PATCH", place, json={"expires_at": None}).json()["expires_at"] is None
    rotated = admin.post(f"{place}/rotate", {"overlap_seconds": 0})
    assert rotated["token"] != made["token"]
    packages = "/r/acme/packages.json"
    assert admin.client.get(packages, headers={"authorization": f"Bearer {rotated['token']}"}).status_code == 200
    admin.ask("DELETE", place, status=204)
    assert admin.client.get(packages, headers={"authorization": f"Bearer {rotated['token']}"}).status_code == 401


def test_a_machine_gets_no_ability_of_the_api(admin: Caller) -> None:
    assert admin.refused("POST", "/deploy-tokens", 422, json={"name": "ci", "abilities": ["admin:read"]})
