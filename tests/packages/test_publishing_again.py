"""Publishing what was there before: what comes back, what the same files may change, and what is refused."""

import io
import zipfile
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from packistry import clock
from packistry.db.models import AuditEvent, Package, Version
from packistry.errors import InvalidVersion, NotFound, VersionConflict
from packistry.house import House
from packistry.packages.actions import delete_package, delete_version, update_package
from packistry.packages.documents import Address
from packistry.packages.publishing import Outcome
from packistry.packages.queries import search_hit
from tests import factories
from tests.factories import OPERATOR

ADDRESS = Address(None, "acme")


@pytest.fixture
def acme(house: House) -> House:
    """A house with the repository acme in it."""
    factories.repository(house, "acme")
    return house


def zipped(year: int, description: str = "") -> bytes:
    """The same files for the same description, in other bytes for each year."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        text = f'{{"name": "acme/lib", "description": "{description}"}}'
        archive.writestr(zipfile.ZipInfo("lib/composer.json", (year, 1, 1, 0, 0, 0)), text)
    return target.getvalue()


def delete(house: House, version_id: int) -> None:
    with house.database.write() as session:
        version = session.get_one(Version, version_id)
        delete_version(session, OPERATOR, session.get_one(Package, version.package_id), version, ADDRESS)


def marked(house: House) -> list[str]:
    """The versions that say they are the default branch."""
    with house.database.read() as session:
        return list(session.scalars(select(Version.version).where(Version.default_branch)))


def events(house: House) -> list[str]:
    with house.database.read() as session:
        return list(session.scalars(select(AuditEvent.event).order_by(AuditEvent.id)))


def test_a_deleted_stable_version_comes_back_as_it_was_from_another_zip(
    acme: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 1, 1, tzinfo=UTC))
    first = factories.publish(acme, archive=zipped(2020))
    delete(acme, first.version.id)
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 2, 2, tzinfo=UTC))

    again = factories.publish(acme, archive=zipped(2021))

    assert again.outcome is Outcome.RESTORED
    assert again.archive.sha256 == first.archive.sha256
    assert again.version.released_at == first.version.released_at
    assert len(list(acme.storage.keys())) == 1


def test_a_branch_that_moves_back_stores_no_second_file(acme: House) -> None:
    first = factories.publish(acme, version="dev-main", archive=zipped(2020, "one"))
    factories.publish(acme, version="dev-main", archive=zipped(2020, "two"))

    back = factories.publish(acme, version="dev-main", archive=zipped(2021, "one"))

    assert (back.outcome, back.archive.id) == (Outcome.MOVED, first.archive.id)
    assert len(list(acme.storage.keys())) == 2


def test_the_same_files_may_become_the_default_branch(acme: House) -> None:
    factories.publish(acme, version="dev-main", archive=zipped(2020))

    asked = factories.publish(acme, version="dev-main", archive=zipped(2021), default_branch=True)
    again = factories.publish(acme, version="dev-main", archive=zipped(2020), default_branch=True)

    assert (asked.outcome, again.outcome) == (Outcome.MOVED, Outcome.UNCHANGED)
    assert marked(acme) == ["dev-main"]
    assert len(list(acme.storage.keys())) == 1


def test_the_default_branch_stays_one_until_another_takes_its_place(acme: House) -> None:
    factories.publish(acme, version="dev-main", archive=zipped(2020, "one"), default_branch=True)
    factories.publish(acme, version="dev-main", archive=zipped(2020, "two"))
    factories.publish(acme, version="dev-main", archive=zipped(2020, "two"))
    assert marked(acme) == ["dev-main"]

    factories.publish(acme, version="dev-next", archive=zipped(2020, "two"), default_branch=True)

    assert marked(acme) == ["dev-next"]


def test_search_shows_what_the_default_branch_and_then_a_person_says_of_abandoning(acme: House) -> None:
    def shown() -> object:
        with acme.database.read() as session:
            return search_hit(session.scalars(select(Package)).one(), 0, "").abandoned

    factories.publish(acme, version="dev-main", default_branch=True)
    seen = [shown()]
    factories.publish(acme, version="dev-main", default_branch=True, abandoned="acme/new")
    seen.append(shown())
    factories.publish(acme, version="dev-main", abandoned=True)
    seen.append(shown())
    with acme.database.write() as session:
        package = session.scalars(select(Package)).one()
        update_package(session, OPERATOR, package, abandoned="acme/other", address=ADDRESS)
    seen.append(shown())

    assert seen == [False, "acme/new", True, "acme/other"]


def test_what_is_deleted_already_cannot_be_deleted_again(acme: House) -> None:
    published = factories.publish(acme)
    delete(acme, published.version.id)
    with acme.database.read() as session:
        moment = session.get_one(Version, published.version.id).deleted_at

    with pytest.raises(NotFound, match=r"acme/lib 1\.0\.0 is deleted already; purge it"):
        delete(acme, published.version.id)

    with acme.database.read() as session:
        assert session.get_one(Version, published.version.id).deleted_at == moment
    assert events(acme).count("version.deleted") == 1


def test_a_deleted_package_can_neither_be_deleted_nor_changed(acme: House) -> None:
    factories.publish(acme)
    for _ in range(2):
        with acme.database.write() as session:
            package = session.scalars(select(Package)).one()
            if package.deleted_at is None:
                delete_package(session, OPERATOR, package, ADDRESS)
                continue
            with pytest.raises(NotFound, match="acme/lib is deleted already"):
                delete_package(session, OPERATOR, package, ADDRESS)
            with pytest.raises(NotFound, match="acme/lib is deleted already"):
                update_package(session, OPERATOR, package, abandoned="", address=ADDRESS)

    assert events(acme).count("package.deleted") == 1


@pytest.mark.parametrize(
    ("there", "sent"),
    [("1.02.0", "1.2.0"), ("1.2", "1.02"), ("v1.0.0-beta1", "1.0.0-beta01")],
)
def test_a_version_that_composer_holds_for_equal_to_another_is_refused(acme: House, there: str, sent: str) -> None:
    first = factories.publish(acme, version=there)

    with pytest.raises(VersionConflict, match=f"acme/lib {there} is already published.*publish it as {there}"):
        factories.publish(acme, version=sent, description="other")

    assert len(list(acme.storage.keys())) == 1
    delete(acme, first.version.id)
    assert factories.publish(acme, version=sent, description="other").outcome is Outcome.PUBLISHED
    with pytest.raises(VersionConflict, match=sent):
        factories.publish(acme, version=there)


def test_branches_are_never_equal_to_one_another(acme: House) -> None:
    for version in ("1.02.x-dev", "1.2.x-dev"):
        assert factories.publish(acme, version=version).outcome is Outcome.PUBLISHED


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        ("dev-a\0b", "holds a control character"),
        ("dev-a\x1b[31mb", "holds a control character"),
        ("dev-a\x85b", "holds a control character"),
        ("dev-a\ud800b", "holds a control character"),
        ("dev-main as 1.0.0", "publish it as 'dev-main'"),
        ("1.0.0@dev", "publish it as '1.0.0'"),
    ],
)
def test_versions_nobody_could_ask_for_are_refused(acme: House, version: str, sentence: str) -> None:
    with pytest.raises(InvalidVersion, match=sentence):
        factories.publish(acme, version=version)

    assert list(acme.storage.keys()) == []


@pytest.mark.parametrize(("version", "meant"), [("dev-main as 1.0.0", "dev-main"), ("1.0.0@dev", "1.0.0")])
def test_versions_nobody_could_ask_for_are_refused_in_composer_json_too(acme: House, version: str, meant: str) -> None:
    archive = factories.package_zip(version=version)

    with pytest.raises(InvalidVersion, match="publish it as"):
        factories.publish(acme, version=None, archive=archive)
    # Said in the field, it is what composer.json means.
    assert factories.publish(acme, version=meant, archive=archive).version.version == meant


def test_blanks_around_a_version_are_not_part_of_it(acme: House) -> None:
    assert factories.publish(acme, version=" 1.0.0\n").version.version == "1.0.0"
