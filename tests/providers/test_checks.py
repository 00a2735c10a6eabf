"""The sentences of `source test` that every host shares."""

from datetime import UTC, datetime, timedelta

import pytest

from packistry.errors import CredentialRefused, NotFound
from packistry.providers.base import Finding
from packistry.providers.checks import expiry_line, projects_line, refused

MOMENT = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("left", "finding", "words"),
    [
        (None, Finding.GOOD, "no date of expiry"),
        (timedelta(days=15), Finding.GOOD, "expires on 2026-05-16"),
        (timedelta(days=13), Finding.WARNING, "expires on 2026-05-14: make a new one"),
        (timedelta(0), Finding.BAD, "expired on 2026-05-01: make a new one"),
        (timedelta(days=-1), Finding.BAD, "expired on 2026-04-30"),
    ],
)
def test_the_end_of_a_credential_is_told_in_time(left: timedelta | None, finding: Finding, words: str) -> None:
    line = expiry_line(None if left is None else MOMENT + left, MOMENT)

    assert line.finding is finding
    assert words in line.sentence


@pytest.mark.parametrize(
    ("count", "finding", "words"),
    [
        (0, Finding.WARNING, "no project"),
        (1, Finding.GOOD, "1 project."),
        (12345, Finding.GOOD, "12,345 projects."),
        (None, Finding.GOOD, "more than the host counts"),
    ],
)
def test_the_number_of_projects_is_told(count: int | None, finding: Finding, words: str) -> None:
    line = projects_line(count)

    assert line.finding is finding
    assert words in line.sentence


def test_a_wrong_address_is_suspected_only_when_nothing_was_found() -> None:
    assert refused(NotFound("Not there."), "Is it the API?").lines[0].sentence == "Not there. Is it the API?"
    assert refused(CredentialRefused("Expired."), "Is it the API?").lines[0].sentence == "Expired."
