"""The spelling of paths, and what never becomes one."""

import pytest

from packistry.storage.keys import archive_key, parse_key

DIGEST = "0123456789abcdef" * 4


def test_archive_lies_under_two_levels_of_its_digest() -> None:
    assert archive_key(DIGEST) == f"archives/01/23/{DIGEST}.zip"


@pytest.mark.parametrize(
    ("digest", "why"),
    [
        ("", "nothing"),
        ("../../../etc/passwd", "a way out"),
        (DIGEST[:-1], "too short"),
        (DIGEST + "0", "too long"),
        (DIGEST.upper(), "upper case would be a second name on Linux"),
        (DIGEST[:-1] + "g", "no hex digit"),
        (DIGEST + "\n", "a line end, which $ would let pass"),
        (DIGEST[:-1] + "\u0661", "a digit of another script"),
    ],
)
def test_what_is_no_digest_becomes_no_key(digest: str, why: str) -> None:
    with pytest.raises(ValueError, match="64 lower-case hex digits"):
        archive_key(digest)

    assert parse_key(f"archives/01/23/{digest}.zip") is None, why


def test_key_is_read_back_from_its_path() -> None:
    assert parse_key(archive_key(DIGEST)) == archive_key(DIGEST)


@pytest.mark.parametrize(
    "path",
    ["incoming/0123", f"archives/01/24/{DIGEST}.zip", f"archives/01/23/{DIGEST}", f"/archives/01/23/{DIGEST}.zip"],
)
def test_other_files_have_no_key(path: str) -> None:
    assert parse_key(path) is None
