"""Where the links of a README lead: to the file at its commit, as each kind of host shows it."""

import pytest

from packistry.access.actors import Actor, Anonymous, System
from packistry.db.models import Archive, Project, Source, Version
from packistry.house import House
from packistry.sources.file_pages import FilePages, file_pages
from tests import factories

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PROJECT = "https://code.test/acme/widgets"


@pytest.mark.parametrize(
    ("link", "page"),
    [
        ("docs/x.md", "lib/docs/x.md?at=c"),
        ("./docs//x.md#use", "lib/docs/x.md?at=c#use"),
        ("../README.md", "README.md?at=c"),
        ("/docs/x.md", "docs/x.md?at=c"),
        ("a%20b.md?raw=1", "lib/a%20b.md?at=c"),
        ("a b.md", "lib/a%20b.md?at=c"),
        (".", "lib?at=c"),
        ("..", "?at=c"),
        ("../../x", None),
        ("..%2f..%2f..%2fx", None),
        ("x%00.md", None),
    ],
)
def test_a_relative_link_leads_to_its_file(link: str, page: str | None) -> None:
    address = FilePages("https://code.test/", "?at=c", "lib").address(link)

    assert address == (None if page is None else f"https://code.test/{page}")


PAGES = {
    "github": f"{PROJECT}/blob/{COMMIT}/docs/x.md",
    "gitlab": f"{PROJECT}/-/blob/{COMMIT}/docs/x.md",
    "gitea": f"{PROJECT}/src/commit/{COMMIT}/docs/x.md",
    "bitbucket": f"{PROJECT}/src/{COMMIT}/docs/x.md",
    "bitbucket-server": f"{PROJECT}/browse/docs/x.md?at={COMMIT}",
}


@pytest.mark.parametrize(("provider", "page"), PAGES.items(), ids=list(PAGES))
def test_each_kind_of_host_shows_files_at_its_own_addresses(house: House, provider: str, page: str) -> None:
    pages = _pages(house, provider)

    assert pages is not None
    assert pages.address("docs/x.md") == page


def test_a_plain_git_server_shows_no_files(house: House) -> None:
    assert _pages(house, "git") is None


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", ""])
def test_an_address_that_no_browser_should_open_leads_nowhere(house: House, address: str) -> None:
    assert _pages(house, "github", web_url=address) is None


def test_an_upload_leads_nowhere(house: House) -> None:
    assert _pages(house, "github", commit=None) is None


def test_a_stranger_is_told_of_no_project_that_the_metadata_does_not_name(house: House) -> None:
    assert _pages(house, "github", Anonymous()) is None
    assert _pages(house, "github", Anonymous(), named=True, name="acme/named") is not None


def _pages(
    house: House,
    provider: str,
    actor: Actor | None = None,
    *,
    web_url: str = PROJECT,
    commit: str | None = COMMIT,
    named: bool = False,
    name: str = "acme/lib",
) -> FilePages | None:
    """Those of a version that was imported from a project there, or as if it had been."""
    version_id = factories.publish(house, name, repository="").version.id
    with house.database.write() as session:
        version = session.get_one(Version, version_id)
        source = Source(
            name="Code", provider=provider, address="https://code.test", credential=b"", settings={}, concurrency=1
        )
        source.created_at = version.first_published_at
        session.add(source)
        session.flush()
        project = Project(source_id=source.id, remote_id=name, full_name="acme/widgets", web_url=web_url, clone_url="")
        project.repository_id, project.created_at = 1, version.first_published_at
        project.tags = project.branches = []
        session.add(project)
        session.flush()
        version.project_id = project.id
        version.source = {"type": "git", "url": f"{PROJECT}.git", "reference": COMMIT} if named else None
        if commit is not None:
            session.get_one(Archive, version.archive_id).reference = commit
    with house.database.read() as session:
        return file_pages(session, actor or System(), version_id)
