"""The public address that an administrator chooses on the pages."""

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from packistry.access.actors import UserActor
from packistry.db.models import AuditEvent, Change
from packistry.errors import Conflict, Forbidden, InvalidInput
from packistry.house import House
from packistry.repositories.address import choose_public_url
from tests import factories
from tests.factories import OPERATOR

CHOSEN = "https://packages.example.test"


def choose(house: House, url: str = CHOSEN, setting: str | None = None) -> str:
    with house.database.write() as session:
        return choose_public_url(session, OPERATOR, url, setting)


def test_it_is_kept_in_one_form_and_told_to_the_readers(house: House) -> None:
    kept = choose(house, " https://Packages.Example.test/ ")

    with house.database.read() as session:
        events = session.scalars(select(AuditEvent.event)).all()
        told = session.scalars(select(Change.key)).all()
    assert kept == house.public_url == CHOSEN
    assert events == ["installation.address_chosen"]
    assert {"installation", "repository:1"} <= set(told)


def test_choosing_it_again_writes_nothing(house: House) -> None:
    choose(house)
    choose(house)

    with house.database.read() as session:
        assert len(session.scalars(select(AuditEvent.event)).all()) == 1


def test_the_setting_decides_where_there_is_one(house: House) -> None:
    with pytest.raises(Conflict, match=r"PACKISTRY_PUBLIC_URL says https://other\.example\.test"):
        choose(house, setting="https://other.example.test")


@pytest.mark.parametrize("url", ["", "packages.example.test", "https://a b", "https://u@host", "ftp://host"])
def test_what_is_no_address_is_refused_in_words(house: House, url: str) -> None:
    with pytest.raises(InvalidInput, match="The address must"):
        choose(house, url)


def test_only_administrators_choose(house: House) -> None:
    user = UserActor(user_id=1, name="bob", is_administrator=False)

    with house.database.write() as session, pytest.raises(Forbidden):
        choose_public_url(session, user, CHOSEN, None)


def test_documents_name_it_from_the_next_request_on(house: House, client: TestClient) -> None:
    factories.publish(house, repository="")
    headers = {"authorization": f"Bearer {factories.deploy_token(house, '')}"}
    before = client.get("/p2/acme/lib.json", headers=headers).text
    choose(house)
    after = client.get("/p2/acme/lib.json", headers=headers).text

    assert "http://packistry.test/-/dist/" in before.replace("\\/", "/")
    assert f"{CHOSEN}/-/dist/" in after.replace("\\/", "/")
