"""The downloads of a package: counted with those of its versions, kept when a version goes."""

from sqlalchemy import select

from packistry.access.actors import System
from packistry.db.models import Download, Package, Repository
from packistry.house import House
from packistry.packages.actions import purge_version
from packistry.packages.documents import Address
from packistry.packages.downloads import DownloadCounts
from packistry.packages.queries import (
    Page,
    find_version,
    list_packages,
    list_versions,
    package_downloads,
    search_packages,
    summarise_package,
)
from tests import factories
from tests.factories import OPERATOR


def the_package(house: House, name: str = "acme/lib") -> Package:
    with house.database.read() as session:
        return session.scalars(select(Package).where(Package.name == name)).one()


def test_downloads_are_counted_for_the_version_and_its_package_and_installs_for_neither(house: House) -> None:
    first, second = factories.publish(house, repository=""), factories.publish(house, repository="", version="dev-main")
    before = the_package(house).updated_at
    counts = DownloadCounts()

    for _ in range(2):
        counts.add(first.version.id, "downloads")
        counts.add(first.version.id, "installs")
        counts.add(second.version.id, "downloads")
        counts.flush(house.database)

    with house.database.read() as session:
        package = the_package(house)
        assert {row.version: row.downloads for row in list_versions(session, package)} == {"1.0.0": 2, "dev-main": 2}
        assert package_downloads(session, package) == summarise_package(session, package).downloads == 4
        assert [summary.downloads for summary in list_packages(session, System())] == [4]
    assert package.updated_at == before


def test_counts_of_a_version_that_was_purged_meanwhile_are_kept_without_a_package(house: House) -> None:
    factories.publish(house, repository="")
    counts = DownloadCounts()
    counts.add(999, "downloads")

    counts.flush(house.database)

    with house.database.read() as session:
        assert session.scalars(select(Download.version_id)).all() == [999]
    assert the_package(house).downloads == 0


def test_a_purged_version_leaves_its_downloads_to_the_package_and_its_id_to_nobody(house: House) -> None:
    purged = factories.publish(house, repository="").version.id
    counts = DownloadCounts()
    counts.add(purged, "downloads")
    counts.flush(house.database)
    with house.database.write() as session:
        package = session.scalars(select(Package)).one()
        purge_version(session, OPERATOR, package, find_version(session, package, "1.0.0"), Address(None, ""))

    again = factories.publish(house, repository="", version="2.0.0").version

    assert again.id != purged
    with house.database.read() as session:
        assert [version.downloads for version in list_versions(session, the_package(house))] == [0]
    assert the_package(house).downloads == 1


def test_search_gives_the_most_downloaded_first(house: House) -> None:
    counts = DownloadCounts()
    for name, downloads in (("acme/a", 1), ("acme/b", 3), ("acme/c", 2)):
        version = factories.publish(house, name, repository="").version
        for _ in range(downloads):
            counts.add(version.id, "downloads")
    counts.flush(house.database)

    with house.database.read() as session:
        root = session.scalars(select(Repository.id).where(Repository.path == "")).one()
        hits, total = search_packages(session, System(), root, words=["acme"], kind="", page=Page(size=2))

    assert [(package.name, downloads) for package, downloads in hits] == [("acme/b", 3), ("acme/c", 2)]
    assert total == 3
