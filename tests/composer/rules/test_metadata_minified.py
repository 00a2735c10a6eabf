"""Minification is Composer's, and loses nothing."""

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packistry.composer.metadata import expand, minify, pack, unpack
from tests.composer.rules.minifier import differences, object_lists


def minified(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a client reads of a minified list."""
    entries = minify([unpack(pack(members)) for members in objects])
    return [orjson.loads(b"{%b}" % b",".join(entry.values())) for entry in entries]


CASES: list[tuple[list[dict[str, Any]], list[dict[str, Any]], str]] = [
    ([{"a": 1, "b": 2}], [{"a": 1, "b": 2}], "the first is whole"),
    ([{"a": 1, "b": 2}, {"a": 1, "b": 2}], [{"a": 1, "b": 2}, {}], "the same again says nothing"),
    ([{"a": 1, "b": 2}, {"a": 1}], [{"a": 1, "b": 2}, {"b": "__unset"}], "a key that went"),
    ([{"a": 1, "b": 2}, {"a": 1}, {"a": 1}], [{"a": 1, "b": 2}, {"b": "__unset"}, {}], "goes once"),
    ([{"a": 1}, {"a": 1, "b": 2}], [{"a": 1}, {"b": 2}], "a key that came"),
    (
        [{"a": 1, "b": 2}, {"c": 3}],
        [{"a": 1, "b": 2}, {"c": 3, "a": "__unset", "b": "__unset"}],
        "changes before losses",
    ),
    ([{"a": 1}, {"a": 1.0}, {"a": True}, {"a": "1"}], [{"a": 1}, {"a": 1.0}, {"a": True}, {"a": "1"}], "other types"),
    (
        [{"a": {"x": 1, "y": 2}}, {"a": {"y": 2, "x": 1}}],
        [{"a": {"x": 1, "y": 2}}, {"a": {"y": 2, "x": 1}}],
        "another order",
    ),
    ([{"a": 1, "b": 2}, {"b": 2, "a": 1}], [{"a": 1, "b": 2}, {}], "the order of the keys themselves does not count"),
    (
        [{"a": None}, {"a": 0}, {"a": ""}, {"a": []}, {"a": {}}],
        [{"a": None}, {"a": 0}, {"a": ""}, {"a": []}, {"a": {}}],
        "empty ones",
    ),
    ([{"a": {"x": 1}, "b": 1}, {"a": {}, "b": 1}], [{"a": {"x": 1}, "b": 1}, {"a": {}}], "only the top level"),
    ([], [], "none"),
]


@pytest.mark.parametrize(("objects", "expected"), [case[:2] for case in CASES], ids=[case[2] for case in CASES])
def test_each_object_is_said_by_its_difference(objects: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    found = minified(objects)

    assert [list(entry.items()) for entry in found] == [list(entry.items()) for entry in expected]
    assert repr(found) == repr(expected), "of the same types"
    assert expand(found) == objects


def test_expansion_takes_unset_in_the_first_object_for_a_value_as_composer_does() -> None:
    assert expand([{"a": "__unset", "b": 1}, {"b": "__unset", "c": "__unset"}]) == [
        {"a": "__unset", "b": 1},
        {"a": "__unset"},
    ]


def test_a_later_object_does_not_change_an_earlier_one() -> None:
    whole = expand([{"a": 1}, {"a": 2}, {"a": "__unset", "b": 1}])

    assert whole == [{"a": 1}, {"a": 2}, {"b": 1}]


@pytest.mark.client
def test_composer_minifies_and_expands_the_same() -> None:
    assert differences(list(object_lists(300, seed=3))) == []


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
).filter(lambda value: value != "__unset")
OBJECTS = st.lists(st.dictionaries(st.sampled_from(["name", "require", "extra", "x:y"]), JSON, min_size=1), max_size=6)


# Drawing nested values is slow while other processes of the suite share the core.
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(OBJECTS)
def test_every_list_comes_back_as_it_was(objects: list[dict[str, Any]]) -> None:
    read = expand(minified(objects))

    assert [orjson.dumps(members, option=orjson.OPT_SORT_KEYS) for members in read] == [
        orjson.dumps(members, option=orjson.OPT_SORT_KEYS) for members in objects
    ]


@given(st.dictionaries(st.sampled_from(["name", "extra", "php-ext"]), JSON, min_size=1))
def test_what_is_packed_is_json_and_cut_into_its_members(published: dict[str, Any]) -> None:
    packed = pack(published)

    assert orjson.loads(packed) == published
    assert unpack(packed) == {
        orjson.dumps(key): orjson.dumps(key) + b":" + orjson.dumps(value) for key, value in published.items()
    }
