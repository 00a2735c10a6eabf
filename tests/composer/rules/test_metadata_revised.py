"""A document written anew after a change is, byte for byte, the one that is written whole."""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from packistry.composer import versions
from packistry.composer.metadata import (
    PublishedVersion,
    Written,
    pack,
    package_document,
    revise_document,
    write_document,
)

NAME = "acme/lib"
SEEN = datetime(2026, 1, 2, tzinfo=UTC)
# Two that PHP's version_compare holds for equal are among them: date and name then decide.
VERSIONS = ["1.0.0", "1.2.0", "1.02.0", "2.0.0-RC1", "2.0.0", "dev-main", "dev-next", "3.x-dev", "10.0.0"]
MANIFESTS = [
    {"type": "library"},
    {"type": "library", "require": {"php": ">=8"}},
    {"require": {"php": ">=8"}, "description": 'one,\n"two"},\n{', "extra": {"branch-alias": {"dev-next": "4.x-dev"}}},
]


@st.composite
def published(draw: st.DrawFn) -> PublishedVersion:
    """Any version, with one of a few manifests, so that neighbours are often alike and often not."""
    spelled = draw(st.sampled_from(VERSIONS))
    return PublishedVersion(
        name=NAME,
        version=spelled,
        version_normalized=versions.normalise(spelled),
        published=pack(draw(st.sampled_from(MANIFESTS))),
        dist={"type": "zip", "url": "https://example.test", "reference": draw(st.sampled_from("ab")), "shasum": ""},
        published_time=SEEN,
        time=draw(st.none() | st.integers(0, 3).map(lambda days: SEEN + timedelta(days=days, microseconds=days))),
        default_branch=draw(st.booleans()),
    )


CHANGES = st.lists(st.lists(st.tuples(published(), st.booleans()), min_size=1, max_size=4), max_size=8)


@given(CHANGES)
def test_after_any_changes_it_is_what_writing_all_of_it_gives(
    changes: list[list[tuple[PublishedVersion, bool]]],
) -> None:
    live: dict[str, PublishedVersion] = {}
    written = write_document(NAME, ())

    for batch in changes:
        change = {version.version_normalized: version if stays else None for version, stays in batch}
        live = {normalised: one for normalised, one in (live | change).items() if one is not None}
        written = revise_document(NAME, written, change, lambda wanted, live=live: [live[each] for each in wanted])

        assert written == write_document(NAME, live.values())


def test_only_the_neighbours_of_a_change_are_looked_up() -> None:
    many = [_numbered(number) for number in range(100)]
    asked: list[str] = []

    def look_up(wanted: Collection[str]) -> list[PublishedVersion]:
        asked.extend(wanted)
        return [one for one in many if one.version_normalized in wanted]

    revise_document(NAME, write_document(NAME, many), {"50.5.0.0": _numbered(50, minor=5)}, look_up)

    # The one before it and the one that now follows it.
    assert sorted(asked) == ["50.0.0.0", "51.0.0.0"]


def test_nothing_changed_leaves_the_bytes() -> None:
    written = write_document(NAME, [_numbered(1), _numbered(2)])

    again = revise_document(NAME, written, {}, lambda _: [])

    assert again == Written(package_document(NAME, [_numbered(1), _numbered(2)]), written.places)


def _numbered(major: int, minor: int = 0) -> PublishedVersion:
    plain = PublishedVersion(NAME, "", "", pack({"type": "library"}), {"url": ""}, SEEN)
    return replace(plain, version=f"{major}.{minor}.0", version_normalized=f"{major}.{minor}.0.0")
