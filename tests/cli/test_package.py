"""`packistry package`."""

import io
import tarfile
from pathlib import Path

import pytest

from packistry.documents.subjects import (
    DeletedDocument,
    PackageDetailsDocument,
    PackageDocument,
    PurgedDocument,
    UploadDocument,
)
from packistry.house import House
from tests import factories
from tests.cli.conftest import Called, Packistry


@pytest.fixture(autouse=True)
def acme(house: House) -> int:
    """A repository to publish in."""
    return factories.repository(house, "acme")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A file with acme/lib, which says no version."""
    path = tmp_path / "lib.zip"
    path.write_bytes(factories.package_zip("acme/lib"))
    return path


def versions(packistry: Packistry, name: str = "acme/lib", *flags: str) -> dict[str, bool]:
    """Its versions, and whether each is deleted."""
    shown = packistry("package", "show", name, *flags, "--json", code=0).document(PackageDetailsDocument)
    return {version.version: version.deleted for version in shown.versions}


def test_an_archive_is_published_under_the_name_it_says(packistry: Packistry, archive: Path) -> None:
    flags = ("--repository", "acme", "--version", "1.2.3", "--json")

    (made,) = packistry("package", "upload", str(archive), *flags, code=0).documents(UploadDocument)

    assert (made.file, made.outcome, made.error) == (str(archive), "published", None)
    assert (made.repository, made.package, made.version) == ("acme", "acme/lib", "1.2.3")
    assert versions(packistry) == {"1.2.3": False}


def test_without_a_repository_it_goes_to_the_root(packistry: Packistry, archive: Path) -> None:
    (made,) = packistry("package", "upload", str(archive), "--version", "1.0", "--json").documents(UploadDocument)

    assert made.repository == "/"


def test_a_tar_is_published_as_a_branch(packistry: Packistry, tmp_path: Path) -> None:
    text = b'{"name": "acme/lib", "suggets": {}}'
    with tarfile.open(tmp_path / "lib.tar.gz", "w:gz") as packed:
        entry = tarfile.TarInfo("lib/composer.json")
        entry.size = len(text)
        packed.addfile(entry, io.BytesIO(text))

    flags = ("--repository", "acme", "--version", "dev-main", "--default-branch")
    shown = packistry("package", "upload", str(tmp_path / "lib.tar.gz"), *flags, code=0).out

    assert "acme/lib dev-main published in acme" in shown
    assert "warning: " in shown
    assert "suggest" in shown
    details = packistry("package", "show", "acme/lib", "--json").document(PackageDetailsDocument)
    assert details.versions[0].default_branch


def test_the_same_files_again_change_nothing(packistry: Packistry, archive: Path) -> None:
    upload = ("package", "upload", str(archive), "--version", "1.0.0", "--json")
    packistry(*upload, code=0)

    (again,) = packistry(*upload, code=0).documents(UploadDocument)

    assert again.outcome == "unchanged"


def test_each_of_several_files_is_tried(packistry: Packistry, archive: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.zip").write_bytes(b"<html>")
    (tmp_path / "other.zip").write_bytes(factories.package_zip("acme/other"))
    files = (str(tmp_path / "bad.zip"), str(archive), str(tmp_path / "other.zip"))

    called = packistry("package", "upload", *files, "--version", "1.0.0", "--json", code=1)

    made = called.documents(UploadDocument)
    assert [each.outcome for each in made] == [None, "published", "published"]
    assert made[0].error is not None
    assert made[0].error.code == "invalid_archive"
    assert made[0].error.message in called.err


UPLOADS_REFUSED: dict[str, tuple[list[str], str]] = {
    "no version anywhere": ([], "no version"),
    "no such repository": (["--version", "1.0", "--repository", "nowhere"], "no such repository"),
    "another name": (["--version", "1.0", "--name", "acme/other"], "acme/other"),
    "a name that is none": (["--version", "1.0", "--name", "other"], "not a package name"),
    "no version of Composer's": (["--version", "main"], "main"),
}


@pytest.mark.parametrize(("flags", "reason"), UPLOADS_REFUSED.values(), ids=UPLOADS_REFUSED)
def test_a_wrong_upload_is_refused(packistry: Packistry, archive: Path, flags: list[str], reason: str) -> None:
    (made,) = packistry("package", "upload", str(archive), *flags, "--json", code=1).documents(UploadDocument)

    assert made.error is not None
    assert reason in made.error.message


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_what_is_no_file_is_refused(packistry: Packistry, tmp_path: Path, kind: str) -> None:
    path = tmp_path if kind == "folder" else tmp_path / "missing.zip"

    called = packistry("package", "upload", str(path), "--version", "1.0", code=1)

    assert str(path) in called.err
    assert called.out == f"{path}: refused\n"


def test_a_file_past_the_limit_is_refused_before_it_is_copied(
    packistry: Packistry, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PACKISTRY_MAX_ARCHIVE_BYTES", "100")

    (made,) = packistry("package", "upload", str(archive), "--version", "1", "--json").documents(UploadDocument)

    assert made.error is not None
    assert made.error.code == "archive_too_large"


def test_other_files_for_a_published_version_are_refused(packistry: Packistry, house: House, archive: Path) -> None:
    factories.publish(house, "acme/lib", "1.0.0", description="others")

    flags = ("--repository", "acme", "--version", "v1.0.0", "--json")
    (made,) = packistry("package", "upload", str(archive), *flags, code=1).documents(UploadDocument)

    assert made.error is not None
    assert made.error.code == "version_conflict"


def test_packages_are_listed_of_all_repositories_or_of_one(packistry: Packistry, house: House) -> None:
    factories.publish(house, "acme/lib", description="Ours")
    factories.publish(house, "acme/other", repository="")

    everywhere = packistry("package", "list", "--json", code=0).documents(PackageDocument)
    root = packistry("package", "list", "--repository", "/", "--json", code=0).documents(PackageDocument)
    table = packistry("package", "list", code=0).out.splitlines()

    assert [(each.repository, each.name) for each in everywhere] == [("/", "acme/other"), ("acme", "acme/lib")]
    assert [each.name for each in root] == ["acme/other"]
    assert table[2].split() == ["acme", "acme/lib", "1.0.0", "0", "Ours"]
    assert packistry("package", "list", "--repository", "x", "--json").refusal.code == "not_found"


def test_a_package_is_shown_with_its_versions(packistry: Packistry, house: House) -> None:
    factories.publish(house, "acme/lib", "1.0.0")
    factories.publish(house, "acme/lib", "2.0.0")

    shown = packistry("package", "show", "acme/lib", code=0).out

    assert "latest:      2.0.0" in shown
    assert shown.index("\n2.0.0 ") < shown.index("\n1.0.0 ")


def test_a_name_in_several_repositories_wants_the_repository(packistry: Packistry, house: House) -> None:
    for path in ("", "acme"):
        factories.publish(house, "acme/lib", repository=path)

    refused = packistry("package", "show", "acme/lib", "--json")

    assert "in /, " in refused.refusal.message
    assert "in acme" in refused.refusal.message
    assert versions(packistry, "acme/lib", "--repository", "/") == {"1.0.0": False}


def test_a_package_is_found_by_id(packistry: Packistry, house: House) -> None:
    package = factories.publish(house).package

    assert versions(packistry, str(package.id)) == {"1.0.0": False}


ABANDONED = {
    "without a replacement": (["--abandoned"], "", "acme/lib is abandoned."),
    "for a replacement": (["--abandoned=acme/new"], "acme/new", "acme/lib is abandoned for acme/new."),
    "no longer": (["--not-abandoned"], None, "acme/lib follows its composer.json."),
}


@pytest.mark.parametrize(("flags", "kept", "sentence"), ABANDONED.values(), ids=ABANDONED)
def test_a_package_is_abandoned(
    packistry: Packistry, house: House, flags: list[str], kept: str | None, sentence: str
) -> None:
    factories.publish(house)

    # The flag before the name: the name must not be taken for the replacement.
    said = packistry("package", "update", *flags, "acme/lib", code=0).out
    now = packistry("package", "update", "acme/lib", *flags, "--json", code=0).document(PackageDocument)

    assert said == f"{sentence}\n"
    assert now.abandoned == kept


@pytest.mark.parametrize("flags", [[], ["--abandoned", "--not-abandoned"]], ids=["nothing", "both"])
def test_an_update_that_says_nothing_or_too_much_is_refused(
    packistry: Packistry, house: House, flags: list[str]
) -> None:
    factories.publish(house)

    assert packistry("package", "update", "acme/lib", *flags, "--json").refusal.field == "abandoned"


def test_a_replacement_that_is_no_name_is_refused(packistry: Packistry, house: House) -> None:
    factories.publish(house)

    assert packistry("package", "update", "acme/lib", "--abandoned=new", "--json").refusal.code == "invalid_name"


def test_a_deleted_version_is_out_of_the_metadata_and_still_shown(packistry: Packistry, house: House) -> None:
    factories.publish(house, version="1.0.0")
    factories.publish(house, version="2.0.0")

    unconfirmed = packistry("package", "delete", "acme/lib", "2.0.0", "--json")
    gone = packistry("package", "delete", "acme/lib", "v2", "--yes", "--json", code=0).document(DeletedDocument)

    assert "Delete acme/lib 2.0.0 in acme?" in unconfirmed.refusal.message
    assert (gone.deleted, gone.name) == ("version", "acme/lib 2.0.0")
    assert versions(packistry) == {"2.0.0": True, "1.0.0": False}


def test_a_deleted_package_is_out_of_the_lists(packistry: Packistry, house: House) -> None:
    factories.publish(house)

    gone = packistry("package", "delete", "acme/lib", "--yes", "--json", code=0).document(DeletedDocument)

    assert (gone.deleted, gone.name) == ("package", "acme/lib")
    assert packistry("package", "list").out == "There is no package.\n"


def test_a_purged_version_is_gone_with_its_archive_and_may_come_again(
    packistry: Packistry, house: House, archive: Path
) -> None:
    factories.publish(house, version="1.0.0", description="others")
    packistry("package", "delete", "acme/lib", "--yes", code=0)

    unconfirmed = packistry("package", "purge", "acme/lib", "1.0.0", "--json")
    gone = packistry("package", "purge", "acme/lib", "1.0.0", "--yes", "--json", code=0).document(PurgedDocument)
    upload = packistry("package", "upload", str(archive), "--repository", "acme", "--version", "1.0.0")

    assert unconfirmed.refusal.field == "yes"
    assert gone == PurgedDocument("acme/lib 1.0.0", 1)
    assert len(list(house.storage.keys())) == 1
    assert upload.code == 0


def test_a_purged_package_is_gone_with_all_its_archives(packistry: Packistry, house: House) -> None:
    factories.publish(house, version="1.0.0", description="one")
    factories.publish(house, version="2.0.0", description="two")

    gone = packistry("package", "purge", "acme/lib", "--yes", "--json", code=0).document(PurgedDocument)

    assert gone == PurgedDocument("acme/lib", 2)
    assert list(house.storage.keys()) == []


def _named(packistry: Packistry, *words: str) -> Called:
    return packistry("package", *words, "--json")


@pytest.mark.parametrize(
    "words",
    [
        ("show", "acme/none"),
        ("update", "acme/none", "--abandoned"),
        ("delete", "acme/none", "--yes"),
        ("delete", "acme/lib", "9.9", "--yes"),
        ("purge", "acme/none", "1.0", "--yes"),
        ("purge", "acme/lib", "no version", "--yes"),
    ],
    ids=" ".join,
)
def test_what_is_not_there_is_not_found(packistry: Packistry, house: House, words: tuple[str, ...]) -> None:
    factories.publish(house)

    assert _named(packistry, *words).refusal.code == "not_found"
