"""The public address: the setting, else the one that an administrator chose on the pages, else none."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import select, update

from packistry.access.actors import Actor
from packistry.access.permissions import Permission
from packistry.access.rules import require
from packistry.audit.events import Event
from packistry.audit.log import Subject, record
from packistry.db.changes import INSTALLATION_KEY, ChangeKey
from packistry.db.engine import Database, ReadSession, WriteSession
from packistry.db.models import Installation
from packistry.errors import Conflict, InvalidInput
from packistry.repositories.readdress import adopt_public_url
from packistry.settings import checked_public_url

# The installation has no name of its own in the audit log.
_SUBJECT: Final = "public address"


def chosen_public_url(session: ReadSession) -> str | None:
    """What was chosen on the pages, whatever the setting says."""
    return session.execute(select(Installation.public_url)).scalar_one()


def read_public_url(database: Database, setting: str | None) -> str | None:
    """The address that holds now; without a look at the database where the setting decides."""
    if setting is not None:
        return setting
    with database.read() as session:
        return chosen_public_url(session)


def choose_public_url(session: WriteSession, actor: Actor, url: str, setting: str | None) -> str:
    """Keeps the address, in one form, and dates every document anew. It holds from the next request on, everywhere.

    Refuses what is no address, and any while PACKISTRY_PUBLIC_URL decides.
    """
    require(actor, Permission.INSTALLATION_MANAGE)
    if setting is not None:
        raise Conflict(f"PACKISTRY_PUBLIC_URL says {setting}: change it there, or unset it to choose here.")
    address = valid_public_url(url)
    if address == chosen_public_url(session):
        return address
    session.execute(update(Installation).values(public_url=address))
    adopt_public_url(session, address)
    record(session, actor, Event.INSTALLATION_ADDRESS_CHOSEN, Subject("installation", 1, _SUBJECT), public_url=address)
    session.changed(INSTALLATION_KEY)
    return address


def valid_public_url(url: str) -> str:
    """The address in the form in which it is kept. Refuses with InvalidInput."""
    try:
        return checked_public_url(url.strip())
    except ValueError as fault:
        raise InvalidInput(f"The address {str(fault).rstrip('.')}.", field="public_url") from fault


class PublicAddress:
    """The public address in a worker's memory, read anew when it was changed. For the worker's event loop."""

    def __init__(self, database: Database, setting: str | None) -> None:
        self._database, self._setting = database, setting
        self.chosen = None if setting else read_public_url(database, None)

    @property
    def current(self) -> str | None:
        """Good after the watcher's look in the same request."""
        return self._setting or self.chosen

    def forget(self, changes: Sequence[ChangeKey] | None, generation: int) -> None:
        """Reads it again when it may be another one. On the event loop, for it happens hardly ever."""
        if self._setting is None and (changes is None or INSTALLATION_KEY in changes):
            self.chosen = read_public_url(self._database, None)
