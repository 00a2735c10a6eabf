"""Fields of JSON from outside: found along their keys, or refused by their name."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from packistry.errors import HostUnavailable
from packistry.providers.payloads import Payload, read_payload, read_payloads


def payload(text: str) -> Payload:
    return read_payload(text.encode(), HostUnavailable)


def test_fields_are_found_along_their_keys() -> None:
    row = payload('{"a": {"b": "text", "n": 7, "yes": true, "none": null}, "list": [{"x": "1"}, {"x": "2"}]}')

    assert row.text("a", "b") == "text"
    assert row.identifier("a", "n") == "7"
    assert row.identifier("a", "b") == "text"
    assert row.number_or_none("a", "n") == 7
    assert row.flag("a", "yes")
    assert row.flag_or_none("a", "yes") is True
    assert row.payload("a").text("b") == "text"
    assert [one.text("x") for one in row.payloads("list")] == ["1", "2"]


def test_what_is_missing_or_null_is_none_where_that_is_allowed() -> None:
    row = payload('{"a": {"none": null}, "empty": "", "number": 7}')

    assert row.text_or_none("a", "none", "deeper") is None
    assert row.text_or_none("number", "deeper") is None
    assert row.text_or_none("empty") is None
    assert row.number_or_none("missing") is None
    assert row.payload_or_none("a", "none") is None
    assert row.flag_or_none("missing") is None
    assert not row.flag("missing")
    assert row.texts("missing") == []


# What is read of the object below, and the name that the refusal must tell.
UNUSABLE: list[tuple[Callable[[Payload], object], str]] = [
    (lambda row: row.text("missing"), "missing"),
    (lambda row: row.text("a", "none"), "a.none"),
    (lambda row: row.text("n"), "n"),
    (lambda row: row.text("empty"), "empty"),
    (lambda row: row.text("nul"), "nul"),
    (lambda row: row.text("line"), "line"),
    (lambda row: row.text("long"), "long"),
    (lambda row: row.identifier("yes"), "yes"),
    (lambda row: row.identifier("a"), "a"),
    (lambda row: row.number_or_none("yes"), "yes"),
    (lambda row: row.number_or_none("empty"), "empty"),
    (lambda row: row.commit("line"), "line"),
    (lambda row: row.commit("short"), "short"),
    (lambda row: row.moment("short"), "short"),
    (lambda row: row.moment("first"), "first"),
    (lambda row: row.payload("n"), "n"),
    (lambda row: row.payloads("missing"), "missing"),
    (lambda row: row.payloads("numbers"), "list"),
    (lambda row: row.payloads("n"), "list"),
]


@pytest.mark.parametrize(("read", "name"), UNUSABLE)
def test_what_cannot_be_used_is_refused_by_its_name(read: Callable[[Payload], object], name: str) -> None:
    row = payload(
        r"""{"a": {"none": null}, "n": 7, "yes": true, "empty": "", "nul": "a\u0000b", "line": "a\nb",
        "short": "abc123", "first": "0001-01-01T00:00:00+14:00", "numbers": [1], "long": "LONG"}""".replace(
            "LONG", "x" * 5000
        ).replace("\n", "")
    )

    with pytest.raises(HostUnavailable, match=name):
        read(row)


@pytest.mark.parametrize("digits", [40, 64])
def test_a_commit_is_a_whole_id(digits: int) -> None:
    assert payload(f'{{"sha": "{"a1" * (digits // 2)}"}}').commit("sha") == "a1" * (digits // 2)


@pytest.mark.parametrize("sha", ["A1" * 20, "a" * 39, "a" * 41, "main", "-" * 40, "a" * 40 + "\\n"])
def test_nothing_else_is_a_commit(sha: str) -> None:
    with pytest.raises(HostUnavailable):
        payload(f'{{"sha": "{sha}"}}').commit("sha")


@pytest.mark.parametrize("text", ["2026-01-02T03:04:05Z", "2026-01-02T05:04:05+02:00", "2026-01-02T03:04:05.000Z"])
def test_a_time_is_in_utc(text: str) -> None:
    assert payload(f'{{"at": "{text}"}}').moment("at") == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("text", ['"2026-13-01T00:00:00Z"', '"yesterday"', "1767323045", "null", "{}"])
def test_a_hint_that_is_no_time_is_none(text: str) -> None:
    assert payload(f'{{"at": {text}}}').moment_or_none("at") is None


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"null", b'"text"', b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(HostUnavailable):
        read_payload(body, HostUnavailable)


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b"[[]]", b"[{}, null]"])
def test_a_body_that_is_no_list_of_objects_is_refused(body: bytes) -> None:
    with pytest.raises(HostUnavailable):
        read_payloads(body, HostUnavailable)
