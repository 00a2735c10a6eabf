"""The bytes of a composer.json: what is no JSON that Composer reads, and what is changed to read it."""

from typing import Any

import orjson
import pytest

from packistry.composer.manifest_json import MAX_DEPTH, kind, read_object
from packistry.errors import InvalidManifest


def nested(levels: int) -> bytes:
    """An object that is `levels` deep."""
    return b'{"a":' * (levels - 1) + b'{"a":1}' + b"}" * (levels - 1)


REFUSED = [
    (b"", "not valid JSON", "nothing at all"),
    (b"{}", "is empty", "an empty object"),
    (b"[]", "not a list", "a list"),
    (b'"acme/lib"', "not a text", "a text"),
    (b"null", "not null", "null"),
    (b"5", "not a number", "a number"),
    (b"true", "not true or false", "a boolean"),
    (b'{"name": "acme/lib",}', "not valid JSON", "a comma too many"),
    (b'{"name": "acme/lib"} {}', "not valid JSON", "more than one document"),
    (b'{"name": "acme/lib", "a": NaN}', "not valid JSON", "no number"),
    (b'{"name": "acme/lib", "a": Infinity}', "not valid JSON", "no number either"),
    (b'{"name": "acme/lib", "a": 1E400}', "not valid JSON", "no number PHP could hold"),
    (b'{"name": "acme/lib", "a": "\\ud800"}', "not valid JSON", "half a character"),
    (b'{"name": "acme/lib", "a": "\x01"}', "not valid JSON", "a raw control character"),
    (b'{"name": "acme/lib", "a": "\xe9"}', "not UTF-8 (byte 27)", "Latin-1"),
    ('{"name": "acme/lib"}'.encode("utf-8-sig"), "without BOM", "a byte order mark, on which Composer fails"),
    ('{"name": "acme/lib"}'.encode("utf-16"), "UTF-16", "another encoding"),
    (nested(MAX_DEPTH + 1), "levels deep", "one level too many"),
    (nested(1_100), "not valid JSON", "more levels than the parser takes"),
    (b"[" * 1_000_000, "not valid JSON", "a million levels"),
]


@pytest.mark.parametrize(("raw", "why"), [case[:2] for case in REFUSED], ids=[case[2] for case in REFUSED])
def test_what_is_no_proper_json_object_is_refused(raw: bytes, why: str) -> None:
    with pytest.raises(InvalidManifest) as caught:
        read_object(raw)

    assert why in caught.value.sentence


def test_the_deepest_object_allowed_is_read_and_can_be_written() -> None:
    document, _ = read_object(nested(MAX_DEPTH))

    assert orjson.dumps({"packages": {"acme/lib": [{"extra": document}]}})


def test_of_a_key_written_twice_the_last_value_counts() -> None:
    document, notes = read_object(b'{"a": 1, "b": {"c": 1, "c": 2, "d": [{"e": 1, "e": 1}]}, "a": 2}')

    assert document == {"a": 2, "b": {"c": 2, "d": [{"e": 1}]}}
    assert [key for key, _ in notes] == ["e", "c", "a"]
    assert notes[0][1] == "written twice in one object; the last value counts."


def test_control_characters_are_taken_out_but_not_layout() -> None:
    document, notes = read_object(
        rb'{"a\u0000": ["\u001b[31mred\u007f\u009b"], "b": {"c\u0001": "x\ty\nz\r"}, "d": "e"}'
    )

    assert document == {"a": ["[31mred"], "b": {"c": "x\ty\nz\r"}, "d": "e"}
    assert notes == [("a", "control characters were taken out."), ("b", "control characters were taken out.")]


NUMBERS: list[tuple[bytes, Any]] = [
    (b"9223372036854775807", 9223372036854775807),
    (b"123456789012345678901234567890", 123456789012345678901234567890.0),
    (b"1" * 300, float("1" * 300)),
    (b"-1.50", -1.5),
]


@pytest.mark.parametrize(("written", "value"), NUMBERS)
def test_big_numbers_are_read_as_php_reads_them(written: bytes, value: Any) -> None:
    document, _ = read_object(b'{"a": %b}' % written)

    assert document == {"a": value}


def test_an_integer_longer_than_python_converts_is_refused_or_read_but_no_fault() -> None:
    with pytest.raises(InvalidManifest):
        read_object(b'{"a": %b}' % (b"1" * 5_000))


KINDS: list[tuple[Any, str]] = [
    (None, "null"),
    (True, "true or false"),
    (1, "a number"),
    (1.5, "a number"),
    ("", "a text"),
    ([], "a list"),
    ({}, "an object"),
]


@pytest.mark.parametrize(("value", "words"), KINDS)
def test_every_json_value_has_a_word(value: Any, words: str) -> None:
    assert kind(value) == words
