"""Every page there is, in one list."""

from packistry.web.pages import (
    adding,
    audit,
    dashboard,
    deliveries,
    imports,
    invitations,
    links,
    package,
    package_settings,
    packages,
    profile,
    repositories,
    search,
    settings,
    setup,
    setup_address,
    setup_install,
    setup_packages,
    setup_source,
    sign_in,
    sources,
    styleguide,
    tokens,
    users,
    why,
)
from packistry.web.pages.site import Page, Site


def all_pages(site: Site) -> list[Page]:
    """The pages of the site, in no order that matters."""
    nouns = (
        dashboard,
        packages,
        package,
        package_settings,
        repositories,
        sources,
        deliveries,
        tokens,
        users,
        search,
        why,
    )
    return [
        *sign_in.pages(site),
        *styleguide.pages(site),
        *setup.pages(site),
        *setup_packages.pages(site),
        *profile.pages(site),
        *audit.pages(site),
        *adding.pages(site),
        *imports.pages(site),
        *links.pages(site),
        *settings.PAGES,
        # Before those of users, none of whom is "invite".
        *invitations.PAGES,
        *(page for step in (setup_address, setup_source, setup_install) for page in step.PAGES),
        *(page for noun in nouns for page in noun.PAGES),
    ]
