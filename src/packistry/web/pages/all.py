"""Every page there is, in one list."""

from packistry.web.pages import dashboard, package, packages, sign_in
from packistry.web.pages.site import Page, Site


def all_pages(site: Site) -> list[Page]:
    """The pages of the site, in no order that matters."""
    return [*sign_in.pages(site), *dashboard.PAGES, *packages.PAGES, *package.PAGES]
