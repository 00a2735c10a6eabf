"""`packistry storage` shows what a sweep would delete before it does."""

import os

from packistry.documents.subjects import SweptDocument
from packistry.house import House
from packistry.storage.keys import archive_key
from tests.cli.conftest import Packistry


def test_files_that_no_version_names_are_shown_and_then_deleted(packistry: Packistry, house: House) -> None:
    key = archive_key("ab" * 32)
    path = house.storage.local_path(key)
    assert path is not None
    path.parent.mkdir(parents=True)
    path.write_bytes(b"nobody's")
    os.utime(path, (0, 0))

    shown = packistry("storage", "sweep", code=0).out
    there = path.exists()
    swept = packistry("storage", "sweep", "--delete", "--json", code=0).document(SweptDocument)
    after = packistry("storage", "sweep", code=0).out

    assert key in shown
    assert "Nothing was deleted" in shown
    assert there
    assert (swept.deleted, [file.file for file in swept.files]) == (True, [key])
    assert after == "Every file has its version.\n"
    assert not path.exists()
