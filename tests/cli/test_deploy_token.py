"""`packistry deploy-token`."""

from datetime import UTC, datetime, timedelta

import pytest

from packistry import clock
from packistry.access.views import View
from packistry.documents.subjects import DeletedDocument, GrantDocument, NewTokenDocument, TokenDocument
from packistry.house import House
from packistry.tokens.queries import view_of_token
from tests import factories
from tests.cli.conftest import Packistry


def view(house: House, token: str) -> View:
    """What the token may read now."""
    with house.database.read() as session:
        return view_of_token(session, token)


def test_a_token_is_shown_once_with_what_to_type(packistry: Packistry, house: House) -> None:
    factories.repository(house, "acme")
    flags = ("--repository", "acme", "--ability", "read", "--ability", "write", "--json")

    made = packistry("deploy-token", "add", "ci", *flags, code=0).document(NewTokenDocument)
    (listed,) = packistry("deploy-token", "list", "--json", code=0).documents(TokenDocument)

    assert made.token.startswith("pkdt-")
    assert view(house, made.token).refusal is None
    assert made.abilities == ["read", "write"]
    assert made.grants == [GrantDocument("acme", None, write=True)]
    assert made.commands == [
        f"composer config --global bearer.127.0.0.1:8000 {made.token}",
        "composer config secure-http false",
        "composer config repositories.acme composer http://127.0.0.1:8000/r/acme",
    ]
    assert made.token.startswith(listed.hints[0])


def test_without_json_the_same_is_printed_for_people(packistry: Packistry) -> None:
    lines = packistry("deploy-token", "add", "ci", "--repository", "/", code=0).out.splitlines()

    secret = next(line.strip() for line in lines if line.strip().startswith("pkdt-"))
    assert f"  composer config --global bearer.127.0.0.1:8000 {secret}" in lines
    assert "  composer config repositories.packistry composer http://127.0.0.1:8000" in lines


def test_a_token_for_one_package_reads_unless_told_otherwise(packistry: Packistry, house: House) -> None:
    factories.repository(house, "acme")
    factories.publish(house, "acme/lib")

    made = packistry("deploy-token", "add", "one", "--package", "acme:acme/lib", "--json").document(NewTokenDocument)

    assert made.abilities == ["read"]
    assert made.grants == [GrantDocument("acme", "acme/lib", write=True)]
    assert made.commands[-1].endswith("/r/acme")


def test_where_repositories_share_a_vendor_neither_is_canonical(packistry: Packistry, house: House) -> None:
    for path in ("one", "two"):
        factories.repository(house, path)
        factories.publish(house, f"acme/{path}", repository=path)

    flags = ("--repository", "one", "--repository", "two", "--json")
    made = packistry("deploy-token", "add", "ci", *flags).document(NewTokenDocument)

    assert made.commands[-1] == (
        "composer config repositories.two '"
        '{"type": "composer", "url": "http://127.0.0.1:8000/r/two", "canonical": false}'
        "'"
    )


ENDS = {
    "days": ("90d", timedelta(days=90)),
    "hours": ("12h", timedelta(hours=12)),
    "minutes": ("30m", timedelta(minutes=30)),
    "weeks": ("2w", timedelta(weeks=2)),
}


@pytest.mark.parametrize(("text", "length"), ENDS.values(), ids=ENDS)
def test_a_token_ends_after_a_time(packistry: Packistry, text: str, length: timedelta) -> None:
    before = clock.now()

    made = packistry("deploy-token", "add", "ci", "--expires", text, "--json", code=0).document(NewTokenDocument)

    assert made.expires_at is not None
    assert timedelta(seconds=-1) <= made.expires_at - before - length <= timedelta(minutes=1)


DATES = {
    "a date": ("2100-01-31", datetime(2100, 1, 31, tzinfo=UTC)),
    "a moment": ("2100-01-31T12:00", datetime(2100, 1, 31, 12, tzinfo=UTC)),
    "a moment elsewhere": ("2100-01-31T12:00+02:00", datetime(2100, 1, 31, 10, tzinfo=UTC)),
    "never": ("never", None),
}


@pytest.mark.parametrize(("text", "end"), DATES.values(), ids=DATES)
def test_a_token_ends_at_a_date(packistry: Packistry, text: str, end: datetime | None) -> None:
    made = packistry("deploy-token", "add", "ci", "--expires", text, "--json", code=0).document(NewTokenDocument)

    assert made.expires_at == end


REFUSED = {
    "an end in the past": (["--expires", "2020-01-01"], "past"),
    "no date": (["--expires", "soon"], "2027-01-31"),
    "a time beyond all calendars": (["--expires", "999999w"], "2027-01-31"),
    "a moment beyond all calendars": (["--expires", "9999-12-31T23:00-10:00"], "2027-01-31"),
    "write at a repository": (["--repository", "/:write"], "--ability write"),
    "an unknown repository": (["--repository", "nowhere"], "no repository nowhere"),
    "an unknown package": (["--package", "/:acme/lib"], "no package acme/lib"),
}


@pytest.mark.parametrize(("flags", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_a_token_is_refused(packistry: Packistry, flags: list[str], reason: str) -> None:
    refused = packistry("deploy-token", "add", "ci", *flags, "--json")

    assert reason in refused.refusal.message
    assert packistry("deploy-token", "list").out == "There is no deploy token.\n"


def test_a_taken_name_is_refused(packistry: Packistry) -> None:
    packistry("deploy-token", "add", "ci", code=0)

    assert packistry("deploy-token", "add", "ci", "--json").refusal.code == "already_exists"


def test_a_token_is_changed_and_its_secret_stays(packistry: Packistry, house: House) -> None:
    made = packistry("deploy-token", "add", "ci", "--repository", "/", "--json").document(NewTokenDocument)

    flags = ("--name", "deploy", "--ability", "write", "--expires", "2100-01-01", "--no-grants", "--json")
    now = packistry("deploy-token", "update", "ci", *flags, code=0).document(TokenDocument)
    later = packistry("deploy-token", "update", "deploy", "--expires", "never", "--json").document(TokenDocument)

    assert (now.name, now.abilities, now.grants) == ("deploy", ["write"], [])
    assert now.expires_at == datetime(2100, 1, 1, tzinfo=UTC)
    assert (later.expires_at, later.abilities) == (None, ["write"])
    assert view(house, made.token).refusal is None


def test_ties_to_something_and_to_nothing_at_once_are_refused(packistry: Packistry) -> None:
    packistry("deploy-token", "add", "ci", code=0)

    refused = packistry("deploy-token", "update", "ci", "--no-grants", "--repository", "/", "--json")

    assert "not both" in refused.refusal.message


def test_a_rotated_token_keeps_its_old_secret_for_the_overlap(packistry: Packistry, house: House) -> None:
    old = packistry("deploy-token", "add", "ci", "--json").document(NewTokenDocument)

    new = packistry("deploy-token", "rotate", "ci", "--overlap", "1h", "--json", code=0).document(NewTokenDocument)

    assert new.token != old.token
    assert new.old_valid_until is not None
    assert timedelta(minutes=59) < new.old_valid_until - clock.now() <= timedelta(hours=1)
    assert [view(house, each.token).refusal for each in (old, new)] == [None, None]


def test_without_overlap_the_old_secret_ends_at_once(packistry: Packistry, house: House) -> None:
    old = packistry("deploy-token", "add", "ci", "--json").document(NewTokenDocument)

    packistry("deploy-token", "rotate", "ci", "--overlap", "0", code=0)

    assert view(house, old.token).refusal is not None


def test_an_overlap_that_is_no_time_is_refused(packistry: Packistry) -> None:
    packistry("deploy-token", "add", "ci", code=0)

    assert "24h" in packistry("deploy-token", "rotate", "ci", "--overlap", "long", "--json").refusal.message


def test_a_deleted_token_is_refused_and_its_name_is_free(packistry: Packistry, house: House) -> None:
    made = packistry("deploy-token", "add", "ci", "--json").document(NewTokenDocument)

    refused = packistry("deploy-token", "delete", "ci", "--json")
    gone = packistry("deploy-token", "delete", str(made.id), "--yes", "--json", code=0).document(DeletedDocument)
    packistry("deploy-token", "add", "ci", code=0)

    assert refused.refusal.field == "yes"
    assert (gone.deleted, gone.id, gone.name) == ("deploy-token", made.id, "ci")
    assert view(house, made.token).refusal is not None


@pytest.mark.parametrize("verb", ["update", "rotate", "delete"])
def test_an_unknown_token_is_not_found(packistry: Packistry, verb: str) -> None:
    assert packistry("deploy-token", verb, "nothing", "--json").refusal.code == "not_found"


def test_the_list_for_people_says_what_a_token_is_tied_to(packistry: Packistry) -> None:
    packistry("deploy-token", "add", "ci", "--repository", "/", "--ability", "write", code=0)

    lines = packistry("deploy-token", "list", code=0).out.splitlines()

    assert lines[1].split() == ["ci", "write", "never", "never", "/"]
