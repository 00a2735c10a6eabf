"""Dating every document anew when the public address has changed.

The address is part of each document, but not of what its date is made from: without this, a client would go on with a
document that names the old address, and be told 304 until the package changes.
"""

from sqlalchemy import case, select, update
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.elements import ColumnElement

from packistry import clock
from packistry.db.changes import repository_key
from packistry.db.engine import WriteSession
from packistry.db.models import Document, Generation, Repository


def adopt_public_url(session: WriteSession, public_url: str | None) -> bool:
    """Remembers the public address that is served from now on; True when it was another one before."""
    known = session.execute(select(Generation.public_url)).scalar_one()
    if known == public_url:
        return False
    session.execute(update(Generation).values(public_url=public_url))
    session.execute(update(Repository).values(listing_modified=_later(Repository.listing_modified)))
    session.execute(update(Document).values(last_modified=_later(Document.last_modified)))
    session.changed(*(repository_key(repository_id) for repository_id in session.scalars(select(Repository.id))))
    return True


def _later(last: InstrumentedAttribute[int]) -> ColumnElement[int]:
    """Now, or a second past the last date."""
    now = int(clock.now().timestamp())
    return case((last < now, now), else_=last + 1)
