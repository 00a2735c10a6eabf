"""The page of a host where one makes a token."""

import pytest

from packistry.providers import PROVIDERS
from packistry.sources.token_pages import TOKEN_PAGES, token_page

CASES = {
    "GitHub's API has a host of its own": (
        "github",
        "https://api.github.com",
        "https://github.com/settings/tokens/new?description=Packistry&scopes=repo%2Cadmin%3Arepo_hook",
    ),
    "an Enterprise server has not": (
        "github",
        "https://git.example.test/api/v3",
        "https://git.example.test/settings/tokens/new?description=Packistry&scopes=repo%2Cadmin%3Arepo_hook",
    ),
    "an installation below a path": (
        "gitlab",
        "https://example.test/gitlab",
        "https://example.test/gitlab/-/user_settings/personal_access_tokens?name=Packistry&scopes=api",
    ),
    "nobody said where it is": ("gitea", None, None),
    "plain git has no pages": ("git", "https://git.example.test", None),
}


@pytest.mark.parametrize(("provider", "address", "page"), CASES.values(), ids=list(CASES))
def test_it_is_beside_what_the_source_is_asked_at(provider: str, address: str | None, page: str | None) -> None:
    assert token_page(provider, address) == page


def test_every_host_with_pages_has_one() -> None:
    assert set(PROVIDERS) - set(TOKEN_PAGES) == {"git"}
