"""A new public address: no client may go on with documents that name the old one."""

from sqlalchemy import select

from packistry.db.models import Change, Document, Repository
from packistry.house import House
from packistry.repositories.readdress import adopt_public_url
from tests import factories


def dates(house: House) -> list[int]:
    with house.database.read() as session:
        listings = session.scalars(select(Repository.listing_modified).order_by(Repository.id)).all()
        documents = session.scalars(select(Document.last_modified).order_by(Document.name)).all()
    return [*listings, *documents]


def test_another_address_dates_every_document_anew_and_tells_the_readers(house: House) -> None:
    factories.repository(house, "acme")
    factories.publish(house)
    before = dates(house)

    with house.database.write() as session:
        assert adopt_public_url(session, "https://packages.example.test")

    assert all(new > old for new, old in zip(dates(house), before, strict=True))
    with house.database.read() as session:
        told = session.scalars(select(Change.key).order_by(Change.number.desc()).limit(2)).all()
    assert set(told) == {"repository:1", "repository:2"}


def test_the_same_address_changes_nothing(house: House) -> None:
    factories.repository(house, "acme")
    with house.database.write() as session:
        adopt_public_url(session, "https://packages.example.test")
    before = dates(house)

    with house.database.write() as session:
        assert not adopt_public_url(session, "https://packages.example.test")

    assert dates(house) == before
