"""Purging a whole package: versions, archives and files are gone for good, and the name may come again."""

from sqlalchemy import select

from packistry.db.models import Archive, AuditEvent, Package, Version
from packistry.house import House
from packistry.packages.actions import delete_version, purge_package
from packistry.packages.documents import Address
from packistry.packages.purge import remove_unnamed_files
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
