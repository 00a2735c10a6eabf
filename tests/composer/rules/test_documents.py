"""The documents on the wire: a snapshot, their order, the place of the address, and what hostile texts do to it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from packistry.composer import versions
from packistry.composer.documents import (
    Provider,
    SearchHit,
    error_document,
    list_document,
    notify_document,
    providers_document,
    repository_document,
    search_document,
)
from packistry.composer.metadata import (
    BASE_MARK,
    VERSION_KEYS,
    PublishedVersion,
    complete,
    empty_document,
    expand,
    order_versions,
    pack,
    package_document,
    version_object,
)

SNAPSHOT = Path(__file__).with_name("p2.json")
BASE = "https://packages.example.test/r/acme"
SEEN = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)


def version(pretty: str, /, *, extra: Any = None, require: Any = None, **fields: Any) -> PublishedVersion:
    """A version of acme/lib whose archive is named after it."""
    reference = f"{pretty.encode().hex():0<40.40}"
    published = {"type": "library", "extra": extra, "require": require}
    smallest = PublishedVersion(
        name="acme/lib",
        version=pretty,
        version_normalized=versions.normalise(pretty),
        published=pack({key: value for key, value in published.items() if value is not None}),
        dist={
            "type": "zip",
            "url": f"{BASE_MARK}/-/dist/acme/lib/{reference}.zip",
            "reference": reference,
            "shasum": "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        },
        published_time=SEEN,
    )
    return replace(smallest, **fields)


def entries(document: bytes, name: str = "acme/lib") -> list[dict[str, Any]]:
    """The versions a client sees in a completed document."""
    read = orjson.loads(complete(document, BASE))
    assert list(read) == ["packages", "minified"]
    assert read["minified"] == "composer/2.0"
    return expand(read["packages"][name])


def test_a_document_is_what_it_was() -> None:
    """The snapshot is the wire format: if it changes on purpose, write `p2.json` anew and say why in the commit."""
    source = {"type": "git", "url": "https://example.test/lib.git", "reference": "ab" * 20}
    moment = datetime(2025, 6, 7, 8, 9, 10, tzinfo=UTC)
    published: dict[str, Any] = {
        "description": 'Does "things" ünder /a/b',
        "license": ["MIT"],
        "type": "library",
        "autoload": {"psr-4": {"Acme\\": "src/"}},
        "require": {"php": ">=8.1"},
        "autoload-dev": {"files": []},
    }
    document = package_document(
        "acme/lib",
        [
            version("1.0.0", published=pack(published), time=moment, source=source),
            version("1.1.0", published=pack(published), time=moment, source=source),
            version("2.0.0-beta1", published=pack({**published, "require": {}}), abandoned="acme/better"),
        ],
    )

    found = json.dumps(orjson.loads(complete(document, BASE)), indent=1, ensure_ascii=False) + "\n"

    assert found == SNAPSHOT.read_text(encoding="utf-8")


def test_a_document_expands_to_the_objects_of_its_versions_newest_first() -> None:
    published = [
        version("1.0.0", require={"php": "*"}),
        version("2.0.0", extra={"a": 1.0}, abandoned=True),
        version("1.5.0", extra={"a": 1}, time=SEEN),
    ]

    found = entries(package_document("acme/lib", published))

    whole = [
        {**version_object(one), "dist": found[number]["dist"]} for number, one in enumerate(order_versions(published))
    ]
    assert found == whole
    assert [entry["version"] for entry in found] == ["2.0.0", "1.5.0", "1.0.0"]
    assert "extra" not in found[2]


def test_an_empty_document_claims_the_name() -> None:
    assert orjson.loads(empty_document("acme/lib")) == {"packages": {"acme/lib": []}, "minified": "composer/2.0"}


def test_a_version_object_has_everything_in_its_order() -> None:
    full = version(
        "dev-main",
        require={"php": "*"},
        extra={},
        time=datetime(2026, 1, 1, tzinfo=UTC),
        source={"type": "git", "url": "https://example.test/lib.git", "reference": "abc"},
        default_branch=True,
        abandoned="acme/better",
    )

    found = version_object(full)

    assert found == {
        "name": "acme/lib",
        "version": "dev-main",
        "version_normalized": "dev-main",
        "source": {"type": "git", "url": "https://example.test/lib.git", "reference": "abc"},
        "dist": dict(full.dist),
        "type": "library",
        "time": "2026-01-01T00:00:00+00:00",
        "published-time": "2026-01-02T03:04:05+00:00",
        "extra": {},
        "default-branch": True,
        "require": {"php": "*"},
        "abandoned": "acme/better",
    }
    assert list(found) == [key for key in VERSION_KEYS if key in found]


def test_what_a_version_has_not_is_not_there() -> None:
    assert set(version_object(version("1.0"))) == {
        *("name", "version", "version_normalized", "dist", "type", "published-time"),
    }


HOSTILE = [
    "\x01",
    "\\u0001",
    '"url":"\\u0001',
    '"url":"\x01',
    "\\",
    '\\"',
    '","url":"\x01/evil',
    "\u2028\x00\x7f",
    ",\n",
    '",\n"dist":{}',
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_users_write_is_taken_for_the_place_of_the_address(text: str) -> None:
    plain = version("1.0.0")
    hostile = version(
        "1.0.0",
        extra={text: [text]},
        published=pack({"description": text, "type": text, "extra": {text: [text]}}),
        source={"type": "git", "url": text, "reference": text},
        dist={"type": text, "url": plain.dist["url"], "reference": text, "shasum": text},
        abandoned=text,
    )

    document = package_document("acme/lib", [hostile])

    assert document.count(BASE_MARK.encode()) == 1
    [found] = entries(document)
    assert found["dist"] == {"type": text, "url": f"{BASE}{plain.dist['url'][1:]}", "reference": text, "shasum": text}
    assert (found["description"], found["type"], found["extra"]) == (text, text, {text: [text]})
    assert (found["source"]["url"], found["abandoned"]) == (text, text)


def test_an_address_elsewhere_stays() -> None:
    dist = {"type": "zip", "url": "https://elsewhere.example.test/a.zip", "reference": "a", "shasum": ""}

    document = package_document("acme/lib", [version("1.0.0", dist=dist)])

    assert BASE_MARK.encode() not in document
    assert entries(document)[0]["dist"] == dist


@pytest.mark.parametrize("base", ["", "http://127.0.0.1:8000", 'https://"\\\x01ü.example.test'])
def test_a_document_is_completed_for_any_base(base: str) -> None:
    found = orjson.loads(complete(package_document("acme/lib", [version("1.0.0")]), base))

    assert found["packages"]["acme/lib"][0]["dist"]["url"].startswith(f"{base}/-/dist/acme/lib/")


ORDERS = [
    ([version("1.0.0"), version("1.10.0"), version("1.9.0")], ["1.10.0", "1.9.0", "1.0.0"], "numbers"),
    (
        [version("1.0.0-beta1"), version("1.0.0"), version("1.0.0-RC1")],
        ["1.0.0", "1.0.0-RC1", "1.0.0-beta1"],
        "stability",
    ),
    (
        [version("3.x-dev"), version("dev-main", default_branch=True), version("dev-zzz")],
        ["dev-main", "3.x-dev", "dev-zzz"],
        "the default branch leads, other branches end",
    ),
    (
        [version("2.x-dev", default_branch=True), version("3.x-dev"), version("dev-a")],
        ["3.x-dev", "2.x-dev", "dev-a"],
        "a default branch with a number stands by its number",
    ),
    (
        [
            version("1.x-dev"),
            version("dev-Next", extra={"branch-alias": {"dev-other": "9.x-dev", "dev-next": "2.x-dev"}}),
            version("3.x-dev"),
        ],
        ["3.x-dev", "dev-Next", "1.x-dev"],
        "a branch stands where its alias would",
    ),
    ([version("dev-a"), version("dev-c"), version("dev-b")], ["dev-c", "dev-b", "dev-a"], "names"),
    ([version("1.02.0"), version("1.2.0")], ["1.2.0", "1.02.0"], "equal versions"),
    (
        [version("dev-a", extra=["branch-alias"]), version("dev-b", extra={"branch-alias": None})],
        ["dev-b", "dev-a"],
        "no aliases",
    ),
]


@pytest.mark.parametrize(("published", "expected"), [case[:2] for case in ORDERS], ids=[case[2] for case in ORDERS])
def test_versions_are_ordered_newest_first_from_any_order(
    published: list[PublishedVersion], expected: list[Any]
) -> None:
    for start in (published, published[::-1]):
        found = order_versions(start)

        assert [one.version for one in found] == expected


def test_equal_versions_go_by_date() -> None:
    published = [version("dev-a", time=SEEN), version("dev-a", time=SEEN + timedelta(days=1)), version("dev-a")]

    assert [one.time for one in order_versions(published)] == [SEEN + timedelta(days=1), SEEN, None]


def test_the_root_document_names_absolute_addresses() -> None:
    assert orjson.loads(repository_document(BASE, patterns=["acme/*", "other/lib"])) == {
        "packages": [],
        "metadata-url": f"{BASE}/p2/%package%.json",
        "available-package-patterns": ["acme/*", "other/lib"],
        "notify-batch": f"{BASE}/-/notify",
        "providers-api": f"{BASE}/-/providers/%package%.json",
        "search": f"{BASE}/search.json?q=%query%&type=%type%",
        "list": f"{BASE}/list.json",
    }


def test_the_root_document_may_speak_to_people_and_has_no_empty_patterns() -> None:
    found = orjson.loads(repository_document(BASE, patterns=[], warning="Moving.", info="Hello."))

    assert (found["warning"], found["info"]) == ("Moving.", "Hello.")
    assert "available-package-patterns" not in found


def test_names_are_listed_sorted() -> None:
    assert list_document({"b/a", "a/b"}) == b'{"packageNames":["a/b","b/a"]}'


def test_a_page_of_hits() -> None:
    hits = [
        SearchHit("acme/lib", "Does things.", "https://example.test/acme/lib", "", 5),
        SearchHit(
            "acme/old", "", "https://example.test/acme/old", "https://example.test/old.git", 0, abandoned="acme/lib"
        ),
    ]

    found = orjson.loads(search_document(hits, 12, f"{BASE}/search.json?page=2"))

    assert found == {
        "results": [
            {
                "name": "acme/lib",
                "description": "Does things.",
                "url": "https://example.test/acme/lib",
                "repository": "",
                "downloads": 5,
                "favers": 0,
            },
            {
                "name": "acme/old",
                "description": "",
                "url": "https://example.test/acme/old",
                "repository": "https://example.test/old.git",
                "downloads": 0,
                "favers": 0,
                "abandoned": "acme/lib",
            },
        ],
        "total": 12,
        "next": f"{BASE}/search.json?page=2",
    }


def test_the_last_page_of_hits_names_no_next() -> None:
    assert search_document([], 0) == b'{"results":[],"total":0}'


def test_providers_of_a_virtual_package() -> None:
    found = orjson.loads(providers_document([Provider("acme/lib", "Does things.", "library")]))

    assert found == {"providers": [{"name": "acme/lib", "description": "Does things.", "type": "library"}]}


def test_the_answer_to_a_report_of_installs() -> None:
    assert notify_document("success") == b'{"status":"success"}'


def test_an_error_speaks_to_programs_and_people() -> None:
    found = orjson.loads(
        error_document(
            401, "token_expired", "The token expired.", warning="Make a new one.", errors={"token": ("It expired.",)}
        )
    )

    assert found == {
        "status": 401,
        "code": "token_expired",
        "message": "The token expired.",
        "warning": "Make a new one.",
        "errors": {"token": ["It expired."]},
    }


def test_an_error_may_be_short() -> None:
    assert error_document(404, "not_found", "Not found.") == b'{"status":404,"code":"not_found","message":"Not found."}'


def test_an_error_does_not_steer_the_terminal() -> None:
    found = orjson.loads(error_document(404, "not_found", "No a\x1b[2Jb.", warning="No a\x1b[2Jb\nhere."))

    assert (found["message"], found["warning"]) == ("No a[2Jb.", "No a[2Jb\nhere.")
