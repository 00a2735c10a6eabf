"""A seeded slice of `fuzz.py`, the same archives in every run."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packistry.archives.entries import check_path
from packistry.archives.reader import ArchiveContents
from packistry.errors import InvalidArchive
from tests.archives.clients import disagreements
from tests.archives.fuzz import MAKERS, accepted_zips, answer, made


@pytest.mark.parametrize("maker", MAKERS)
def test_mutated_archive_is_read_or_refused_and_nothing_else(maker: str, tmp_path: Path) -> None:
    answers = [answer(made(maker, seed), tmp_path / "archive") for seed in range(250)]

    accepted = sum(isinstance(said, ArchiveContents) for said in answers)
    assert 0 < accepted < len(answers)


@pytest.mark.parametrize("maker", [maker for maker in MAKERS if maker.startswith("zip")])
def test_accepted_zip_is_unpacked_by_unzip_and_php_to_what_we_read(maker: str, tmp_path: Path) -> None:
    paths = accepted_zips(maker, range(250), tmp_path)

    assert paths
    assert disagreements(paths, tmp_path) == []


@given(st.text() | st.text(alphabet="ab./\\:; \0"))
def test_accepted_path_stays_where_it_is_unpacked(path: str) -> None:
    try:
        check_path(path)
    except InvalidArchive:
        return

    parts = path.split("/")
    assert not {"", ".", ".."} & set(parts)
    assert not {"\\", "\0", "\n", "\x1b"} & set(path)
