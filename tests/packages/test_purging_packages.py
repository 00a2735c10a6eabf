"""Purging a whole package: versions, archives and files are gone for good, and the name may come again."""

import pytest
from sqlalchemy import select

from packistry.access.actors import UserActor
from packistry.db.models import Archive, AuditEvent, Package, Version
from packistry.errors import Conflict, NotFound
from packistry.house import House
from packistry.packages.actions import delete_version, purge_package
from packistry.packages.documents import Address
from packistry.packages.purge import remove_unnamed_files
from packistry.packages.queries import find_package_named
from packistry.repositories.actions import delete_repository
from packistry.repositories.queries import find_repository
from packistry.storage.keys import archive_key
from tests import factories
from tests.factories import OPERATOR

ADDRESS = Address(None, "acme")


def purge(house: House, name: str) -> list[str]:
    with house.database.write() as session:
        package = session.scalars(select(Package).where(Package.name == name)).one()
        return purge_package(session, OPERATOR, package, ADDRESS)


def test_a_purged_package_leaves_no_version_no_archive_and_no_file(house: House) -> None:
    factories.repository(house)
    old = factories.publish(house, "acme/lib", "1.0.0", description="old")
    factories.publish(house, "acme/lib", "dev-main")
    with house.database.write() as session:
        version = session.get_one(Version, old.version.id)
        delete_version(session, OPERATOR, session.get_one(Package, old.package.id), version, ADDRESS)

    files = purge(house, "acme/lib")
    removed = remove_unnamed_files(house.database, house.storage, files)

    with house.database.read() as session:
        assert session.scalars(select(Version)).all() == []
        assert session.scalars(select(Archive)).all() == []
        last = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)).one()
    assert (last.event, last.subject_name) == ("package.purged", "acme/lib")
    assert last.details == {"versions": 2, "archives": 2}
    assert removed == len(set(files)) == 2
    assert not any(house.storage.exists(archive_key(sha256)) for sha256 in files)


def test_purging_one_package_leaves_its_neighbour_alone(house: House) -> None:
    factories.repository(house)
    factories.publish(house, "acme/lib")
    kept = factories.publish(house, "acme/other")

    files = purge(house, "acme/lib")
    remove_unnamed_files(house.database, house.storage, files)

    with house.database.read() as session:
        assert session.scalars(select(Version.id)).all() == [kept.version.id]
    assert house.storage.exists(archive_key(kept.archive.sha256))


def test_other_files_may_be_published_after_a_purge(house: House) -> None:
    factories.repository(house)
    first = factories.publish(house, "acme/lib", description="first")
    purge(house, "acme/lib")

    again = factories.publish(house, "acme/lib", description="second")

    assert again.outcome == "published"
    assert again.package.id == first.package.id
    assert again.package.deleted_at is None


def test_a_package_of_a_deleted_repository_is_found_for_purging_behind_one_that_is_there(house: House) -> None:
    identities: list[int] = []
    for _ in range(2):
        factories.repository(house)
        identities.append(factories.publish(house).package.id)
        with house.database.write() as session:
            found = find_repository(session, OPERATOR, "acme")
            delete_repository(session, OPERATOR, found, with_packages=True)
    nobody = UserActor(user_id=1, name="ada@example.test", is_administrator=False)

    with house.database.read() as session:
        with pytest.raises(Conflict, match=f"by its id: {identities[0]} in acme, {identities[1]} in acme"):
            find_package_named(session, OPERATOR, "acme/lib", path="acme", deleted=True)
        assert find_package_named(session, OPERATOR, str(identities[0]), deleted=True)[0].id == identities[0]
        with pytest.raises(NotFound):
            find_package_named(session, nobody, str(identities[0]), deleted=True)
        with pytest.raises(NotFound):
            find_package_named(session, OPERATOR, str(identities[0]))
    factories.repository(house)
    there = factories.publish(house).package.id
    with house.database.read() as session:
        assert find_package_named(session, OPERATOR, "acme/lib", deleted=True)[0].id == there


def test_a_package_of_a_deleted_repository_can_be_purged(house: House) -> None:
    factories.repository(house)
    published = factories.publish(house)
    with house.database.write() as session:
        delete_repository(session, OPERATOR, find_repository(session, OPERATOR, "acme"), with_packages=True)

    assert purge(house, "acme/lib") == [published.archive.sha256]
