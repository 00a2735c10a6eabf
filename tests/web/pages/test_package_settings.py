"""Changing a package by page, what its taking away would cost, and what happened to it."""

import threading

import pytest

from packistry.access.grants import Grant
from packistry.db.models import Archive, Package, Version
from packistry.house import House
from packistry.packages.downloads import DownloadCounts
from tests import factories
from tests.web.pages.browser import Browser

LIB = "/-/r/acme/acme/lib"


@pytest.fixture(autouse=True)
def published(house: House) -> House:
    """acme/lib 1.0.0 (fetched thrice) and 2.0.0 in /r/acme; acme/app requires it; a token was given it alone."""
    factories.repository(house, "acme")
    fetched = factories.publish(house, version="1.0.0").version.id
    factories.publish(house, version="2.0.0")
    factories.publish(house, "acme/app", require={"acme/lib": "^1.0"})
    factories.deploy_token(house, Grant("acme", "acme/lib"))
    counts = DownloadCounts()
    for _ in range(3):
        counts.add(fetched, "downloads")
    counts.add(fetched, "installs")
    counts.flush(house.database)
    return house


def rows_of(house: House, table: type[Package | Version | Archive]) -> int:
    with house.database.read() as session:
        return session.query(table).count()


MARKS = {
    "abandoned": ({"abandoned": "yes"}, "Nobody named a replacement."),
    "replaced": ({"abandoned": "replaced", "replacement": "acme/new"}, "Use acme/new instead."),
}


@pytest.mark.parametrize(("fields", "sentence"), MARKS.values(), ids=list(MARKS))
def test_a_package_is_marked_abandoned_and_no_longer(
    administrator: Browser, fields: dict[str, str], sentence: str
) -> None:
    administrator.send(f"{LIB}/settings/abandon", fields)
    marked = administrator.open(LIB).text
    administrator.send(f"{LIB}/settings/abandon", {"abandoned": "follow"})

    assert sentence in marked
    assert "abandoned" not in administrator.open(LIB).text


@pytest.mark.parametrize("replacement", ["", "nonsense"])
def test_a_replacement_that_is_none_is_said_beside_its_field(administrator: Browser, replacement: str) -> None:
    fields = {"abandoned": "replaced", "replacement": replacement}

    assert "Nothing was changed." in administrator.send(f"{LIB}/settings/abandon", fields, status=422).text


def test_what_would_be_lost_is_named_with_who_uses_it(administrator: Browser) -> None:
    whole = administrator.open(f"{LIB}/settings/remove?how=purge").text
    one = administrator.open(f"{LIB}/settings/remove?how=delete&version=2.0.0").text

    assert "Versions 2" in whole
    assert "Downloads in 30 days 3" in whole
    assert "acme/app" in whole
    assert "given just this package 1" in whole
    assert "Last download never" in one


def test_nothing_is_taken_away_until_the_name_is_typed(administrator: Browser, house: House) -> None:
    for typed in ("", "acme/app", "acme/lib 2.0.0"):
        shown = administrator.send(f"{LIB}/settings/remove?how=purge", {"confirm": typed}, status=422)
        assert "nothing was taken away" in shown.text

    assert rows_of(house, Version) == 3


def test_a_version_is_deleted_and_then_purged(administrator: Browser, house: House) -> None:
    administrator.send(f"{LIB}/settings/remove?how=delete&version=2.0.0", {"confirm": "acme/lib 2.0.0"})
    deleted = administrator.open(f"{LIB}/settings").text
    administrator.send(f"{LIB}/settings/remove?how=purge&version=2.0.0", {"confirm": "acme/lib 2.0.0"})

    assert "2.0.0 (deleted)" in deleted
    assert "2.0.0" not in administrator.open(f"{LIB}/settings").text
    assert rows_of(house, Archive) == 2


def test_a_package_is_deleted_and_then_purged_with_its_files(administrator: Browser, house: House) -> None:
    before = len(list(house.storage.keys()))
    assert administrator.send(f"{LIB}/settings/remove?how=delete", {"confirm": "acme/lib"}).leads_to == "/-/packages"
    administrator.open(LIB, status=404)
    administrator.send(f"{LIB}/settings/remove?how=purge", {"confirm": "acme/lib"})

    assert rows_of(house, Version) == 1
    # That of acme/app.
    assert before > len(list(house.storage.keys())) == 1


def test_an_uploaded_package_cannot_be_built_anew(administrator: Browser) -> None:
    assert "was uploaded" in administrator.send(f"{LIB}/settings/rebuild", status=422).text


def test_only_administrators_change_a_package_or_read_what_happened(stranger: Browser, house: House) -> None:
    stranger.sign_in(factories.user(house, "bob@example.test", Grant("acme", write=True)))

    shown = stranger.open(LIB)

    assert not [link for link in shown.links if link.endswith(("/settings", "/activity"))]
    for path in ("/settings", "/settings/remove", "/activity"):
        stranger.open(LIB + path, status=403)
    for path in ("/settings/abandon", "/settings/rebuild", "/settings/remove?how=purge"):
        stranger.send(LIB + path, {"confirm": "acme/lib", "abandoned": "yes"}, status=403)
    assert rows_of(house, Version) == 3


def test_what_happened_to_a_package_is_listed(administrator: Browser) -> None:
    text = administrator.open(f"{LIB}/activity").text

    assert "package.created acme/lib" in text
    assert "version.published acme/lib 2.0.0" in text
    assert "acme/app" not in text


def test_statistics_tell_downloads_and_installs_by_version(administrator: Browser) -> None:
    text = administrator.open(f"{LIB}/statistics?days=30").text

    assert "1.0.0 3 1" in text
    assert "The same as a table" in text
    assert "Nothing was downloaded" in administrator.open("/-/r/acme/acme/app/statistics").text


def test_a_name_that_leads_nowhere_is_not_found(administrator: Browser) -> None:
    administrator.open("/-/r/acme/acme/none/settings", status=404)
    administrator.open(f"{LIB}/settings/remove?how=burn", status=404)
    administrator.open(f"{LIB}/settings/remove?version=9.9", status=404)


def test_two_at_once_take_away_once(administrator: Browser, house: House) -> None:
    done: list[int] = []

    def remove() -> None:
        answer = administrator.client.post(
            f"{LIB}/settings/remove?how=delete",
            data={"confirm": "acme/lib"},
            headers={"origin": "http://packistry.test"},
            follow_redirects=False,
        )
        done.append(answer.status_code)

    threads = [threading.Thread(target=remove) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(done) == [303, 404]
