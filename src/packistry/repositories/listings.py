"""The documents that list packages: packages.json, list, search and providers, as one caller sees the repository.

Callers who see the whole repository share one dated document; those who see only some packages get their own.
"""

import hashlib
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from sqlalchemy import select

from packistry.access.actors import Actor
from packistry.access.rules import hosted_packages, visible_packages
from packistry.access.views import View
from packistry.composer.documents import list_document, providers_document, repository_document, search_document
from packistry.db.engine import ReadSession
from packistry.db.models import Package
from packistry.packages.queries import Page, package_names, providers_of, search_hit, search_packages
from packistry.repositories.queries import RepositoryFacts

# 2000-01-01, before any real change, and the seconds of the next 17 years.
PARTIAL_EPOCH: Final = 946_684_800
PARTIAL_SPAN: Final = 2**29
# More words only narrow what is found; each is a condition, and the databases take a thousand or so.
MAX_WORDS: Final = 20


@dataclass(frozen=True, slots=True)
class Listing:
    """A document with its date, in seconds since 1970. `whole`: that of everybody who sees the whole repository."""

    body: bytes
    modified: int
    whole: bool


def root_listing(session: ReadSession, view: View, facts: RepositoryFacts, base: str) -> Listing:
    """packages.json: the vendors hosted, or for a caller who sees only some packages, the vendors of those.

    Vendors also for the latter: with names alone a client would take a name that is hidden from it from the next
    repository, where anybody may have published one. Only a repository that claims no vendors says just the names.
    """
    whole = view.sees_whole(facts.id, public=facts.public)
    only_names = not whole and not facts.claims_vendors
    named = Package.name if only_names else Package.vendor
    told = visible_packages(view.actor) if only_names else hosted_packages(view.actor)
    found = session.scalars(select(named).where(Package.repository_id == facts.id, told).distinct().order_by(named))
    patterns = [name if "/" in name else f"{name}/*" for name in found]
    body = repository_document(base, patterns=patterns)
    return Listing(body, facts.listing_modified, whole=True) if whole else _partial(body)


def list_listing(
    session: ReadSession, view: View, facts: RepositoryFacts, *, pattern: str, vendor: str, kind: str
) -> Listing:
    """list.json with its filters."""
    body = list_document(package_names(session, view.actor, facts.id, pattern=pattern, vendor=vendor, kind=kind))
    whole = view.sees_whole(facts.id, public=facts.public)
    return Listing(body, facts.listing_modified, whole=True) if whole else _partial(body)


def search_results(
    session: ReadSession, actor: Actor, facts: RepositoryFacts, base: str, *, text: str, kind: str, page: Page
) -> bytes:
    """search.json: one page of hits, with the address of the next one."""
    words = text.split()[:MAX_WORDS]
    hits, total = search_packages(session, actor, facts.id, words=words, kind=kind, page=page)
    following = page.offset + page.size
    query = {"q": text, "type": kind, "page": following // page.size + 1, "per_page": page.size}
    next_url = f"{base}/search.json?{urlencode(query)}" if following < total else None
    results = [search_hit(package, downloads, f"{base}/p2/{package.name}.json") for package, downloads in hits]
    return search_document(results, total, next_url)


def providers_listing(session: ReadSession, actor: Actor, facts: RepositoryFacts, name: str) -> bytes:
    """providers.json of one virtual name."""
    return providers_document(providers_of(session, actor, facts.id, name))


def _partial(body: bytes) -> Listing:
    """A document of one caller's own. Composer's cache knows the address, not the credential: two tokens on one machine
    share it, so two different documents must not have one date. It is made from the content, not from a clock.
    """
    digest = hashlib.blake2b(body, digest_size=8).digest()
    return Listing(body, PARTIAL_EPOCH + int.from_bytes(digest) % PARTIAL_SPAN, whole=False)
