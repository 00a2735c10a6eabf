"""The wire through its door: what a Composer client sends, and what it is answered."""

from starlette.testclient import TestClient

from packistry.app import House
from tests import factories


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_an_uploaded_version_is_in_the_metadata(client: TestClient, house: House) -> None:
    factories.repository(house, "acme")
    token = factories.deploy_token(house, "acme", abilities="read write")
    files = {"file": factories.package_zip("acme/lib")}

    sent = client.post("/r/acme/acme/lib", files=files, data={"version": "1.0.0"}, headers=bearer(token))
    seen = client.get("/r/acme/p2/acme/lib.json", headers=bearer(token))

    assert sent.status_code == 201, sent.text
    assert [entry["version"] for entry in seen.json()["packages"]["acme/lib"]] == ["1.0.0"]
