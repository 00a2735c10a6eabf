"""The table of keys is complete, and agrees with the metadata and with Composer's own schema."""

import pytest

from packistry.composer.manifest_keys import BY_NAME, KEYS, nearest
from packistry.composer.metadata import VERSION_KEYS
from tests.composer.rules.corpus_manifests import SCRIPT
from tests.composer.rules.oracle import ask

# Written by us into every version object, from fields of the version.
OURS = {"version_normalized", "source", "dist", "published-time"}


def test_every_key_has_one_row_with_a_reason() -> None:
    assert len(BY_NAME) == len(KEYS)
    assert [key.name for key in KEYS if not key.reason] == []


def test_what_is_published_is_checked_and_has_a_place_in_the_metadata() -> None:
    published = {key.name for key in KEYS if key.fate == "published"}

    assert published <= set(VERSION_KEYS)
    assert published == {key.name for key in KEYS if key.check}


def test_the_metadata_holds_nothing_but_published_kept_and_own_keys() -> None:
    known = {key.name for key in KEYS if key.fate in {"published", "kept"}}

    assert set(VERSION_KEYS) == known | OURS


@pytest.mark.client
def test_the_table_has_every_key_of_composers_schema() -> None:
    [schema] = ask([{"ask": "schema"}], script=SCRIPT)

    assert len(schema) > 30
    assert [key for key in schema if key not in BY_NAME] == []


NEAREST = [("requires", "require"), ("min-stability", "minimum-stability"), ("zzz", None), ("require" * 10, None)]


@pytest.mark.parametrize(("written", "meant"), NEAREST)
def test_an_unknown_key_is_like_a_known_one_or_not(written: str, meant: str | None) -> None:
    assert nearest(written) == meant
