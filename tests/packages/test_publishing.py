"""Publishing: stable versions never change, dev versions move on, and every archive ever served stays."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from packistry import clock
from packistry.app import House
from packistry.composer.metadata import complete, expand
from packistry.db.models import Archive, AuditEvent, Document, Package, Repository, Version
from packistry.errors import Forbidden, InvalidManifest, InvalidName, InvalidVersion, VersionConflict
from packistry.packages.actions import delete_package, delete_version, purge_version, update_package
from packistry.packages.documents import Address, render_documents
from packistry.packages.publishing import Outcome
from packistry.packages.purge import remove_unnamed_files
from packistry.storage.keys import archive_key
from tests import factories
from tests.factories import OPERATOR


@pytest.fixture
def acme(house: House) -> House:
    """A house with the repository acme in it."""
    factories.repository(house, "acme")
    return house


def metadata(house: House, name: str = "acme/lib") -> list[dict[str, Any]]:
    """The expanded entries of one p2 document, as a client reads them."""
    with house.database.read() as session:
        template = session.scalars(select(Document.template).where(Document.name == name)).one()
    [entries] = json.loads(complete(template, "http://x"))["packages"].values()
    return expand(entries)


def versions(house: House, name: str = "acme/lib") -> list[str]:
    return [entry["version"] for entry in metadata(house, name)]


def archives(house: House) -> list[Archive]:
    with house.database.read() as session:
        return list(session.scalars(select(Archive).order_by(Archive.id)))


def the_package(house: House, name: str = "acme/lib") -> Package:
    with house.database.read() as session:
        return session.scalars(select(Package).where(Package.name == name)).one()


def delete(house: House, version_id: int) -> None:
    with house.database.write() as session:
        version = session.get_one(Version, version_id)
        package = session.get_one(Package, version.package_id)
        delete_version(session, OPERATOR, package, version, Address(None, "acme"))


def test_the_same_files_again_change_nothing(acme: House) -> None:
    first = factories.publish(acme, files={"a.php": "<?php"})
    # Another container: other order, no compression, other dates. A CI job that zips anew must not fail.
    again = factories.zip_of({"a.php": "<?php", "composer.json": json.dumps({"name": "acme/lib"})})

    second = factories.publish(acme, archive=again)

    assert (first.outcome, second.outcome) == (Outcome.PUBLISHED, Outcome.UNCHANGED)
    assert [archive.sha256 for archive in archives(acme)] == [first.archive.sha256]


def test_other_files_for_a_stable_version_are_refused_naming_the_digest_kept(acme: House) -> None:
    kept = factories.publish(acme, version="1.0.0").archive

    with pytest.raises(VersionConflict, match=kept.sha256):
        factories.publish(acme, version="v1.0.0", description="changed")

    assert versions(acme) == ["1.0.0"]


def test_other_files_for_a_deleted_stable_version_are_refused_too(acme: House) -> None:
    kept = factories.publish(acme)
    delete(acme, kept.version.id)

    with pytest.raises(VersionConflict, match=kept.archive.sha256):
        factories.publish(acme, description="changed")


def test_the_same_files_bring_a_deleted_version_back(acme: House) -> None:
    published = factories.publish(acme)
    delete(acme, published.version.id)
    assert versions(acme) == []

    again = factories.publish(acme)

    assert again.outcome is Outcome.RESTORED
    assert versions(acme) == ["1.0.0"]


def test_a_dev_version_moves_on_and_its_old_archive_stays(acme: House) -> None:
    old = factories.publish(acme, version="dev-main", description="old")

    new = factories.publish(acme, version="dev-main", description="new")

    assert new.outcome is Outcome.MOVED
    assert [entry["dist"]["reference"] for entry in metadata(acme, "acme/lib~dev")] == [new.archive.reference]
    assert {archive.reference for archive in archives(acme)} == {old.archive.reference, new.archive.reference}
    assert acme.storage.exists(archive_key(old.archive.sha256))


def test_a_dev_version_that_moves_back_serves_its_first_archive_again(acme: House) -> None:
    old = factories.publish(acme, version="dev-main", description="old")
    factories.publish(acme, version="dev-main", description="new")

    back = factories.publish(acme, version="dev-main", description="old")

    assert back.archive.id == old.archive.id
    assert len(archives(acme)) == 2


def test_published_time_is_ours_and_never_changes(acme: House, monkeypatch: pytest.MonkeyPatch) -> None:
    first = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: first)
    factories.publish(acme, version="dev-main", time="2020-05-05 10:00:00")
    monkeypatch.setattr(clock, "now", lambda: first + timedelta(days=9))
    factories.publish(acme, version="dev-main", time="2021-06-06 10:00:00")

    [entry] = metadata(acme, "acme/lib~dev")

    assert entry["published-time"] == "2026-01-02T03:04:05+00:00"
    assert entry["time"] == "2021-06-06T10:00:00+00:00"


def test_two_changes_in_one_second_have_two_dates(acme: House, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: now)
    dates: list[int] = []
    for description in ("one", "two", "three"):
        factories.publish(acme, version="dev-main", description=description)
        with acme.database.read() as session:
            dates.append(session.scalars(select(Document.last_modified).where(Document.name == "acme/lib~dev")).one())

    assert dates == sorted(set(dates))


def test_a_package_that_comes_again_has_a_later_date_than_before(acme: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    factories.publish(acme)
    with acme.database.read() as session:
        before = session.get_one(Document, (2, "acme/lib")).last_modified
    with acme.database.write() as session:
        delete_package(session, OPERATOR, session.get_one(Package, 1), Address(None, "acme"))

    factories.publish(acme)

    with acme.database.read() as session:
        # Once emptied, once filled again.
        assert session.get_one(Document, (2, "acme/lib")).last_modified == before + 2


def test_a_document_that_did_not_change_keeps_its_date(acme: House) -> None:
    factories.publish(acme, version="1.0.0")
    with acme.database.read() as session:
        before = session.get_one(Document, (2, "acme/lib")).last_modified

    factories.publish(acme, version="dev-main")

    with acme.database.read() as session:
        assert session.get_one(Document, (2, "acme/lib")).last_modified == before


def test_another_public_address_of_a_command_alone_gives_no_other_date(acme: House) -> None:
    factories.publish(acme)
    with acme.database.write() as session:
        before = session.get_one(Document, (2, "acme/lib")).last_modified
        package = session.get_one(Package, 1)
        render_documents(session, package, Address("https://p.test", "acme"))

    with acme.database.read() as session:
        document = session.get_one(Document, (2, "acme/lib"))

    assert (document.last_modified, document.gzip_base) == (before, "https://p.test/r/acme")


def test_with_a_public_address_the_compressed_document_is_made_at_publish(acme: House) -> None:
    factories.publish(acme)
    with acme.database.write() as session:
        package = session.get_one(Package, 1)
        update_package(session, OPERATOR, package, abandoned="", address=Address("https://p.test/x", "acme"))

    with acme.database.read() as session:
        document = session.get_one(Document, (2, "acme/lib"))

    import gzip

    assert document.gzip is not None
    [entry] = orjson.loads(gzip.decompress(document.gzip))["packages"]["acme/lib"]
    assert entry["dist"]["url"].startswith("https://p.test/x/r/acme/-/dist/acme/lib/")


@pytest.mark.parametrize(
    ("published", "latest", "why"),
    [
        (["1.10.0", "1.9.0"], "1.10.0", "Composer's order, not the order they came in"),
        (["2.0.0-beta1", "1.0.0"], "1.0.0", "a stable version beats a higher pre-release"),
        (["2.0.0-beta1", "2.0.0-RC1"], "2.0.0-RC1", "without a stable one the highest pre-release"),
        (["dev-main", "0.1.0"], "0.1.0", "a branch is never above a release"),
        (["1.0.0", "1.0.0-p1"], "1.0.0-p1", "a patch is above its version"),
        (["100.0.0", "99.0.0"], "100.0.0", "numbers, not text"),
    ],
)
def test_the_latest_version_is(acme: House, published: list[str], latest: str, why: str) -> None:
    for version in published:
        factories.publish(acme, version=version)

    assert the_package(acme).latest_version == latest, why


def test_the_latest_version_falls_back_when_it_is_deleted(acme: House) -> None:
    factories.publish(acme, version="1.0.0", description="one")
    second = factories.publish(acme, version="2.0.0", description="two", type="project")
    assert (the_package(acme).latest_version, the_package(acme).type) == ("2.0.0", "project")

    delete(acme, second.version.id)

    package = the_package(acme)
    assert (package.latest_version, package.type, package.description) == ("1.0.0", "library", "one")


def test_only_one_version_is_the_default_branch(acme: House) -> None:
    factories.publish(acme, version="dev-main", default_branch=True, description="main")
    factories.publish(acme, version="dev-trunk", default_branch=True, description="trunk")

    marked = [entry["version"] for entry in metadata(acme, "acme/lib~dev") if entry.get("default-branch")]

    assert marked == ["dev-trunk"]


def test_the_default_branch_that_says_abandoned_marks_every_version(acme: House) -> None:
    factories.publish(acme, version="1.0.0")
    assert "abandoned" not in metadata(acme)[0]

    factories.publish(acme, version="dev-main", default_branch=True, abandoned="acme/new")

    assert [entry["abandoned"] for entry in metadata(acme)] == ["acme/new"]


def test_a_mark_by_hand_wins_and_can_be_taken_back(acme: House) -> None:
    factories.publish(acme, version="1.0.0")
    for abandoned, expected in (("", True), ("acme/other", "acme/other"), (None, None)):
        with acme.database.write() as session:
            package = session.get_one(Package, 1)
            update_package(session, OPERATOR, package, abandoned=abandoned, address=Address(None, "acme"))

        assert metadata(acme)[0].get("abandoned") == expected


def test_a_purged_version_is_gone_with_its_file_and_may_come_again_with_other_files(acme: House) -> None:
    published = factories.publish(acme)
    with acme.database.write() as session:
        version = session.get_one(Version, published.version.id)
        files = purge_version(session, OPERATOR, session.get_one(Package, 1), version, Address(None, "acme"))
    removed = remove_unnamed_files(acme.database, acme.storage, files)

    assert removed == 1
    assert not acme.storage.exists(archive_key(published.archive.sha256))
    assert factories.publish(acme, description="other").outcome is Outcome.PUBLISHED


def test_a_file_that_another_version_names_survives_a_purge(acme: House) -> None:
    archive = factories.package_zip()
    purged = factories.publish(acme, version="1.0.0", archive=archive)
    factories.publish(acme, version="dev-main", archive=archive)
    with acme.database.write() as session:
        version = session.get_one(Version, purged.version.id)
        files = purge_version(session, OPERATOR, session.get_one(Package, 1), version, Address(None, "acme"))

    assert remove_unnamed_files(acme.database, acme.storage, files) == 0
    assert acme.storage.exists(archive_key(purged.archive.sha256))


@pytest.mark.parametrize(
    ("version", "manifest", "refusal", "sentence"),
    [
        (None, {}, InvalidVersion, 'send the field "version"'),
        ("main", {}, InvalidVersion, "main"),
        ("1.0.0", {"version": "1.0.1"}, InvalidVersion, "make them agree"),
        ("1.0.0", {"name": "acme/other"}, InvalidManifest, "upload it under its own name"),
    ],
)
def test_what_is_refused_leaves_nothing_behind(
    acme: House, version: str | None, manifest: dict[str, Any], refusal: type[Exception], sentence: str
) -> None:
    archive = factories.zip_of({"composer.json": json.dumps({"name": "acme/lib", **manifest})})

    with pytest.raises(refusal, match=sentence):
        factories.publish(acme, version=version, archive=archive)

    with acme.database.read() as session:
        assert session.scalars(select(Package.id)).all() == []
    assert list(acme.storage.keys()) == []


def test_a_field_and_a_manifest_that_mean_the_same_version_agree(acme: House) -> None:
    assert (
        factories.publish(acme, version="v1.0", archive=factories.package_zip(version="1.0.0")).version.version
        == "v1.0"
    )


def test_a_vendor_that_is_an_address_of_ours_is_refused(acme: House) -> None:
    with pytest.raises(InvalidName, match="choose another vendor"):
        factories.publish(acme, name="p2/lib")


def test_publishing_writes_its_lines_into_the_audit_log(acme: House) -> None:
    factories.publish(acme, version="dev-main", description="one")
    factories.publish(acme, version="dev-main", description="two")

    with acme.database.read() as session:
        events = session.scalars(select(AuditEvent.event).order_by(AuditEvent.id)).all()

    assert events == ["repository.created", "package.created", "version.published", "version.moved"]


def test_a_new_package_changes_the_date_of_the_listing_and_a_new_version_does_not(acme: House) -> None:
    def listed() -> int:
        with acme.database.read() as session:
            return session.scalars(select(Repository.listing_modified).where(Repository.path == "acme")).one()

    start = listed()
    factories.publish(acme, version="1.0.0")
    created = listed()
    factories.publish(acme, version="1.0.1")

    assert start < created == listed()


def test_managing_needs_the_permission(acme: House) -> None:
    from packistry.access.actors import UserActor

    factories.publish(acme)
    somebody = UserActor(user_id=1, name="ada@example.test", is_administrator=False)

    with acme.database.write() as session, pytest.raises(Forbidden, match="package:manage"):
        delete_package(session, somebody, session.get_one(Package, 1), Address(None, "acme"))
