"""Every page there is, in one list."""

from packistry.web.pages import (
    audit,
    dashboard,
    deliveries,
    imports,
    package,
    packages,
    profile,
    repositories,
    search,
    setup,
    setup_address,
    sign_in,
    sources,
    tokens,
    users,
)
from packistry.web.pages.site import Page, Site


def all_pages(site: Site) -> list[Page]:
    """The pages of the site, in no order that matters."""
    nouns = (setup_address, dashboard, packages, package, repositories, sources, deliveries, tokens, users, search)
    return [
        *sign_in.pages(site),
        *setup.pages(site),
        *profile.pages(site),
        *audit.pages(site),
        *imports.pages(site),
        *(page for noun in nouns for page in noun.PAGES),
    ]
