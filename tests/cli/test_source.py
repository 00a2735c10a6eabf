"""Connecting code hosts at the command line. A credential goes in and is never seen again."""

from collections.abc import Generator
from pathlib import Path

import pytest

from packistry.documents.sources import CheckedDocument, ProjectDocument, SourceDocument
from packistry.documents.subjects import DeletedDocument
from tests.cli.conftest import Packistry
from tests.fakes.git_host import GitHost
from tests.fakes.github import FakeGitHub
from tests.fakes.host import FakeProject, FakeToken

TOKEN = "ghp_the-secret-of-this-test"
GIT = ("source", "add", "local", "--provider", "git", "--url")


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Generator[FakeGitHub]:
    monkeypatch.setenv("PACKISTRY_OUTBOUND_ALLOW", "127.0.0.1")
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    with FakeGitHub().running() as host:
        host.tokens[TOKEN] = FakeToken(scopes=("repo",))
        for number in range(150):
            host.add(FakeProject(number, f"acme/p{number}", archived=number == 7))
        yield host


def test_a_source_is_connected_and_listed(packistry: Packistry) -> None:
    added = packistry(*GIT, "http://127.0.0.1:1234/git/", "--json", code=0).document(SourceDocument)
    listed = packistry("source", "list", "--json", code=0).documents(SourceDocument)
    shown = packistry("source", "list", code=0)

    assert (added.name, added.provider, added.url) == ("local", "git", "http://127.0.0.1:1234/git")
    assert listed == [added]
    assert shown.out.splitlines()[1].split()[:4] == ["local", "git", "http://127.0.0.1:1234/git", "0"]


def test_without_a_source_the_list_says_how_to_make_one(packistry: Packistry) -> None:
    assert "packistry source add" in packistry("source", "list", code=0).out


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c touch% /tmp/pwned",
        "file:///etc",
        "/etc",
        "git://example.test/",
        "ftp://example.test/",
        "--upload-pack=touch",
        "-oProxyCommand=touch",
        "ssh://-oProxyCommand=touch/x",
        "http://",
        "http://user:secret@example.test/",
        "http://exa mple.test",
        "",
    ],
)
def test_an_address_that_is_none_is_refused_before_anything_is_stored(packistry: Packistry, url: str) -> None:
    refused = packistry("source", "add", "local", "--provider", "git", f"--url={url}", "--json")
    listed = packistry("source", "list", "--json", code=0)

    assert refused.refusal.code == "invalid_input"
    assert refused.refusal.message.endswith(".")
    assert "secret" not in refused.out + refused.err
    assert listed.documents(SourceDocument) == []


@pytest.mark.parametrize(
    ("options", "field", "says"),
    [
        (("--provider", "svn"), "provider", "There is no provider svn; there are bitbucket, "),
        (("--provider", "git"), "url", "say where it is with --url"),
        (("--provider", "github"), "token", "GitHub needs "),
        (("--provider", "github", "--set", "token"), "token", "--set token=VALUE"),
        (("--provider", "github", "--set", "token=@NOT_THERE"), "token", "no environment variable NOT_THERE"),
        (("--provider", "github", "--set", "pass=x"), "pass", "GitHub has no field pass"),
        (("--provider", "github", "--set", "token=x", "--concurrency", "0"), "concurrency", "Between 1 and 32"),
    ],
)
def test_what_is_missing_or_unfit_is_named(
    packistry: Packistry, options: tuple[str, ...], field: str, says: str
) -> None:
    refused = packistry("source", "add", "x", *options, "--json")

    assert refused.refusal.field == field
    assert says in refused.refusal.message


def test_a_name_is_given_once_and_is_free_again_after_a_delete(packistry: Packistry) -> None:
    packistry(*GIT, "https://one.test", code=0)

    taken = packistry(*GIT, "https://two.test", "--json")
    deleted = packistry("source", "delete", "local", "--yes", "--json", code=0).document(DeletedDocument)
    again = packistry(*GIT, "https://two.test", code=0)

    assert taken.refusal.code == "already_exists"
    assert (deleted.deleted, deleted.id, deleted.name) == ("source", 1, "local")
    assert "was connected" in again.out


def test_a_delete_asks_first(packistry: Packistry) -> None:
    packistry(*GIT, "https://one.test", code=0)

    packistry("source", "delete", "local")

    assert "local" in packistry("source", "list", code=0).out


@pytest.mark.parametrize("verb", [("test",), ("delete", "--yes"), ("projects",), ("rotate", "--set", "password=x")])
def test_a_source_that_is_not_there_is_said_to_be_so(packistry: Packistry, verb: tuple[str, ...]) -> None:
    refused = packistry("source", verb[0], "nowhere", *verb[1:], "--json")

    assert refused.refusal.message == "There is no source nowhere; `packistry source list` shows those there are."


def test_a_test_tells_whose_the_credential_is_and_what_it_may(packistry: Packistry, github: FakeGitHub) -> None:
    packistry("source", "add", "gh", "--provider", "github", "--url", github.address, "--set", "token=@GITHUB_TOKEN")

    tested = packistry("source", "test", "gh", "--json", code=0).document(CheckedDocument)
    told = packistry("source", "test", "gh", code=0)

    assert (tested.source, tested.good, tested.account) == ("gh", True, "octocat")
    assert all(line.partition(":")[0] in {"good", "warning"} for line in told.out.splitlines())


def test_a_bad_credential_ends_the_test_with_1_until_it_is_rotated(
    packistry: Packistry, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    packistry("source", "add", "gh", "--provider", "github", "--url", github.address, "--set", "token=wrong")

    bad = packistry("source", "test", "gh", code=1)
    refused = packistry("source", "list", code=0)
    rotated = packistry("source", "rotate", "gh", "--set", "token=@GITHUB_TOKEN", code=0)
    packistry("source", "test", "gh", code=0)

    assert "bad: " in bad.out
    assert "packistry source rotate" in bad.out
    assert "refused" in refused.out
    assert "has a new credential" in rotated.out
    assert "refused" not in packistry("source", "list", code=0).out


def test_a_host_that_is_away_is_bad_in_words(packistry: Packistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKISTRY_OUTBOUND_ALLOW", "127.0.0.1")
    # The port of discard, where nobody listens.
    packistry("source", "add", "gh", "--provider", "github", "--url", "http://127.0.0.1:9", "--set", "token=x", code=0)

    assert packistry("source", "test", "gh", code=1).out.startswith("bad: ")


def test_a_host_on_a_private_net_is_refused_with_the_setting_that_allows_it(packistry: Packistry) -> None:
    packistry("source", "add", "gh", "--provider", "github", "--url", "http://10.0.0.1", "--set", "token=x", code=0)

    tested = packistry("source", "test", "gh")

    assert tested.code == 1
    assert "PACKISTRY_OUTBOUND_ALLOW=10.0.0.1" in tested.out + tested.err


def test_all_projects_are_shown_to_the_last_page(packistry: Packistry, github: FakeGitHub) -> None:
    packistry("source", "add", "gh", "--provider", "github", "--url", github.address, "--set", "token=@GITHUB_TOKEN")

    documents = packistry("source", "projects", "gh", "--json", code=0).documents(ProjectDocument)

    assert len(documents) == 150
    assert [each.name for each in documents if each.archived] == ["acme/p7"]


def test_a_git_server_cannot_list_projects(packistry: Packistry, tmp_path: Path) -> None:
    with GitHost(tmp_path).running() as host:
        packistry(*GIT, host.address, code=0)

        refused = packistry("source", "projects", "local", "--json")

    assert "add each by its path, `packistry package add SOURCE PATH`" in refused.refusal.message


def test_a_secret_is_in_no_output(packistry: Packistry, github: FakeGitHub) -> None:
    add = ("source", "add", "gh", "--provider", "github", "--url", github.address, "--set", f"token={TOKEN}")
    calls = [
        packistry(*add, "--json"),
        packistry("source", "list", "--json"),
        packistry("source", "test", "gh", "--json"),
        packistry("source", "rotate", "gh", "--set", f"token={TOKEN}", "--json"),
        packistry("source", "projects", "gh", "--json"),
    ]

    assert all(TOKEN not in called.out + called.err for called in calls)
    assert all(called.code == 0 for called in calls)
