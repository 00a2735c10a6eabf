"""Trying a credential before anything is kept of it. Asks the host; no session is open meanwhile."""

import tempfile
from pathlib import Path

from packistry.access.actors import Actor
from packistry.access.permissions import Permission
from packistry.access.rules import require
from packistry.providers.base import CheckReport
from packistry.sources.connecting import Connector, Filled


def try_out(connector: Connector, actor: Actor, filled: Filled) -> CheckReport:
    """What the host says of the credential. Refuses with what keeps the host from being asked at all."""
    require(actor, Permission.SOURCE_MANAGE)
    name, address = filled.provider.name, filled.address
    # What a provider keeps between requests has no place yet.
    with (
        tempfile.TemporaryDirectory(prefix="packistry-") as folder,
        connector.asking(name, address, filled.credential, filled.settings, Path(folder)) as (provider, connection),
    ):
        return provider.check(connection)
