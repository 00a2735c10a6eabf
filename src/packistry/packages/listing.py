"""The moment at which what a repository lists last changed: Last-Modified of packages.json and list.json."""

from sqlalchemy import case, update

from packistry import clock
from packistry.db.changes import listing_key
from packistry.db.engine import WriteSession
from packistry.db.models import Repository


def raise_listing(session: WriteSession, repository_id: int) -> None:
    """Sets the moment to now, or a second past the last one: Composer compares whole seconds for equality only."""
    now = int(clock.now().timestamp())
    last = Repository.listing_modified
    session.execute(
        update(Repository)
        .where(Repository.id == repository_id)
        .values(listing_modified=case((last < now, now), else_=last + 1))
    )
    session.changed(listing_key(repository_id))
