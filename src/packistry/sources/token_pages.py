"""Where a person makes the credential at the host, so that it is one click away."""

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote, urlsplit

_NAME: Final = "Packistry"


def token_page(provider: str, address: str | None) -> str | None:
    """The page of the host at this address that makes tokens, filled in as far as the host lets it be. None where
    there is none: plain git has no pages, and an address that nobody gave yet leads nowhere.
    """
    make = TOKEN_PAGES.get(provider)
    return None if make is None or address is None else make(address)


def _github(address: str) -> str:
    # Source: docs.github.com, "Managing your personal access tokens" (classic ones take their scopes by address).
    scopes = quote("repo,admin:repo_hook", safe="")
    return f"{_web(address, 'api.github.com', 'https://github.com')}/settings/tokens/new?description={_NAME}&scopes={scopes}"


def _gitlab(address: str) -> str:
    # Source: docs.gitlab.com, "Personal access tokens", prefill the name and scopes.
    return f"{address}/-/user_settings/personal_access_tokens?name={_NAME}&scopes=api"


def _gitea(address: str) -> str:
    return f"{address}/user/settings/applications"


def _bitbucket(_: str) -> str:
    return "https://id.atlassian.com/manage-profile/security/api-tokens"


def _bitbucket_server(address: str) -> str:
    return f"{address}/plugins/servlet/access-tokens/manage"


def _web(address: str, api_host: str, web: str) -> str:
    """The pages beside an API: on a host of their own in the cloud, and elsewhere without the API's path."""
    parts = urlsplit(address)
    return web if parts.hostname == api_host else f"{parts.scheme}://{parts.netloc}"


TOKEN_PAGES: Final[Mapping[str, Callable[[str], str]]] = {
    "github": _github,
    "gitlab": _gitlab,
    "gitea": _gitea,
    "bitbucket": _bitbucket,
    "bitbucket-server": _bitbucket_server,
}
