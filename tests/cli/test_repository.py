"""`packistry repository`."""

import pytest

from packistry.documents.subjects import DeletedDocument, RepositoryDocument
from packistry.house import House
from tests import factories
from tests.cli.conftest import Packistry


def test_a_repository_is_made_private_and_claiming(packistry: Packistry) -> None:
    made = packistry("repository", "add", "Acme", "--path", "acme", "--json", code=0).document(RepositoryDocument)

    assert (made.path, made.name, made.public, made.claims_vendors, made.packages) == ("acme", "Acme", False, True, 0)
    assert made.url == "http://127.0.0.1:8000/r/acme"


def test_the_flags_of_a_new_repository_hold(packistry: Packistry) -> None:
    flags = ("--public", "--no-claiming", "--description", "For all")

    packistry("repository", "add", "Open", "--path", "/r/oss/", *flags, code=0)

    _, made = packistry("repository", "list", "--json").documents(RepositoryDocument)
    assert (made.path, made.public, made.claims_vendors, made.description) == ("oss", True, False, "For all")


def test_the_root_is_there_from_the_first_command_on_and_private(packistry: Packistry) -> None:
    (root,) = packistry("repository", "list", "--json", code=0).documents(RepositoryDocument)

    assert (root.path, root.public, root.url) == ("/", False, "http://127.0.0.1:8000")


def test_addresses_are_those_of_the_public_url(packistry: Packistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKISTRY_PUBLIC_URL", "https://packages.example.com/php")

    made = packistry("repository", "add", "Acme", "--path", "acme", "--json").document(RepositoryDocument)

    assert made.url == "https://packages.example.com/php/r/acme"


def test_a_list_for_people_is_a_table(packistry: Packistry) -> None:
    packistry("repository", "add", "Acme", "--path", "acme", "--description", "Ours")

    lines = packistry("repository", "list", code=0).out.splitlines()

    assert lines[0].split() == ["PATH", "NAME", "ACCESS", "PACKAGES", "DESCRIPTION"]
    assert lines[2].split() == ["acme", "Acme", "private", "0", "Ours"]


@pytest.mark.parametrize("path", ["Acme", "a b", "a--b", ""], ids=["upper case", "a space", "two hyphens", "none"])
def test_a_path_that_is_no_slug_is_refused(packistry: Packistry, path: str) -> None:
    refused = packistry("repository", "add", "Acme", "--path", path, "--json")

    assert refused.refusal.code == "invalid_input"
    assert refused.refusal.field == "path"


def test_a_taken_path_is_refused(packistry: Packistry) -> None:
    packistry("repository", "add", "Acme", "--path", "acme", code=0)

    refused = packistry("repository", "add", "Other", "--path", "acme", "--json")

    assert refused.refusal.code == "already_exists"


@pytest.mark.parametrize("word", ["acme", "/r/acme", "Acme Inc", "2"], ids=["path", "address", "name", "id"])
def test_a_repository_is_changed_by_path_name_or_id(packistry: Packistry, word: str) -> None:
    packistry("repository", "add", "Acme Inc", "--path", "acme", code=0)

    flags = ("--name", "New", "--path", "new", "--public", "--no-claiming", "--description", "Text")
    now = packistry("repository", "update", word, *flags, "--json", code=0).document(RepositoryDocument)

    assert (now.name, now.path, now.public, now.claims_vendors, now.description) == ("New", "new", True, False, "Text")


def test_the_root_may_be_made_public_but_not_moved(packistry: Packistry) -> None:
    packistry("repository", "update", "/", "--public", code=0)

    refused = packistry("repository", "update", "/", "--path", "elsewhere", "--json")

    assert "root" in refused.refusal.message
    assert packistry("repository", "list", "--json").documents(RepositoryDocument)[0].public


def test_an_unknown_repository_is_not_found(packistry: Packistry) -> None:
    for verb in ("update", "delete"):
        assert packistry("repository", verb, "nowhere", "--json").refusal.code == "not_found"


def test_a_name_that_two_repositories_have_is_refused_with_their_paths(packistry: Packistry) -> None:
    packistry("repository", "add", "Twin", "--path", "one")
    packistry("repository", "add", "Twin", "--path", "two")

    refused = packistry("repository", "update", "Twin", "--public", "--json")

    assert "one, two" in refused.refusal.message


def test_deleting_wants_a_yes_and_then_takes_the_packages_along(packistry: Packistry, house: House) -> None:
    factories.repository(house, "acme")
    factories.publish(house)

    refused = packistry("repository", "delete", "acme", "--json")
    gone = packistry("repository", "delete", "acme", "--yes", "--json", code=0).document(DeletedDocument)

    assert "with its 1 packages" in refused.refusal.message
    assert "--yes" in refused.refusal.message
    assert (gone.deleted, gone.name) == ("repository", "acme")
    assert len(packistry("repository", "list", "--json").documents(RepositoryDocument)) == 1


def test_the_root_cannot_be_deleted(packistry: Packistry) -> None:
    assert "root" in packistry("repository", "delete", "/", "--yes", "--json").refusal.message
