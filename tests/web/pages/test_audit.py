"""The audit log: what it may be narrowed to, and all of it as a file."""

import csv
import io
import json
from datetime import UTC, datetime

import pytest

from packistry import clock
from packistry.access.actors import Anonymous
from packistry.audit import export
from packistry.audit.events import Event
from packistry.audit.log import Subject, record
from packistry.house import House
from tests.factories import OPERATOR
from tests.web.pages.browser import Browser

MAY = datetime(2026, 5, 3, 12, tzinfo=UTC)


@pytest.fixture
def lines(administrator: Browser, house: House, monkeypatch: pytest.MonkeyPatch) -> Browser:
    """An administrator's browser, and lines of a day in May beside those of today."""
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: MAY)
    with house.database.write() as session:
        record(session, OPERATOR, Event.RULE_CREATED, Subject("rule", 1, "=cmd|' /C calc'!A0"), note="=1")
        record(session, Anonymous(address="192.0.2.99"), Event.USER_SIGNED_IN, Subject("user", 9, "eve@example.test"))
    monkeypatch.setattr(clock, "now", now)
    return administrator


NARROWED = [
    ("since=2026-05-03&until=2026-05-03", True, True, "the day itself, both ends included"),
    ("since=2026-05-04", False, False, "the day after"),
    ("until=2026-05-02", False, False, "the day before"),
    ("until=9999-12-31", True, True, "the last day there is"),
    ("since=2026-13-99", True, True, "no day asks for nothing"),
    ("actor=anonymous", False, True, "nobody known"),
    ("actor=system", True, False, "the operator"),
    ("address=192.0.2.99", False, True, "one address"),
]


@pytest.mark.parametrize(("query", "rule", "eve", "why"), NARROWED, ids=[row[3] for row in NARROWED])
def test_the_log_is_narrowed_by_the_address(lines: Browser, query: str, rule: bool, eve: bool, why: str) -> None:
    text = lines.open(f"/-/audit?{query}").text

    assert ("cmd|" in text) == rule, why
    assert ("eve@example.test" in text) == eve, why


def test_all_lines_become_a_file_and_not_only_those_of_the_page(
    lines: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "BATCH", 1)

    answer = lines.open("/-/audit/export?size=25").answer

    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["event"] for row in rows][:2] == ["user.signed_in", "rule.created"]
    assert len({row["id"] for row in rows}) == len(rows) > 3
    assert 'attachment; filename="audit-' in answer.headers["content-disposition"]
    assert answer.headers["cache-control"] == "no-store"


def test_a_file_has_what_the_page_was_narrowed_to(lines: Browser) -> None:
    link = next(each for each in lines.open("/-/audit?event=rule").links if "format=jsonl" in each)

    text = lines.open(link).answer.text

    [line] = [json.loads(each) for each in text.splitlines()]
    assert line["event"] == "rule.created"
    assert line["at"] == "2026-05-03T12:00:00.000000Z"
    assert line["subject_name"] == "=cmd|' /C calc'!A0"


def test_no_cell_is_a_formula_for_a_spreadsheet(lines: Browser) -> None:
    text = lines.open("/-/audit/export?event=rule&format=csv").answer.text

    [row] = csv.DictReader(io.StringIO(text))
    assert row["subject_name"] == "'=cmd|' /C calc'!A0"


def test_a_file_of_nothing_has_its_heading(lines: Browser) -> None:
    assert lines.open("/-/audit/export?q=nobody").answer.text.startswith("id,at,event,")


def test_only_who_may_read_the_log_gets_it_as_a_file(plain_user: Browser) -> None:
    plain_user.open("/-/audit/export", status=403)
