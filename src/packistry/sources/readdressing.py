"""A host that has another address: its credential is given anew, and the host shows that it is the same one, before
anything is changed. No session is open while it is asked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from packistry.db.engine import Database
from packistry.db.models import Project, Source
from packistry.errors import Conflict, InvalidInput, NotFound
from packistry.sources.actions import Moved
from packistry.sources.connecting import Connector, Filled, filled_in
from packistry.sources.queries import projects_to_try

# Of another host, a number names another project: one that fits by chance is rare, three never happened.
TRIED_PROJECTS: Final = 3


@dataclass(frozen=True, slots=True)
class Readdresser:
    """Looks at hosts under the address that somebody says they have now. Thread-safe."""

    database: Database
    connector: Connector

    def look(self, source: Source, url: str, values: Mapping[str, str]) -> Moved:
        """What the source is to have. A credential is never sent to an address that it was not given for, so it is
        demanded again. Refuses with Conflict a host that does not have the projects of this one.
        """
        self._demand_credential(source, values)
        filled = filled_in(source.provider, url, {**source.settings, **values})
        with self.database.read() as session:
            projects = projects_to_try(session, source, TRIED_PROJECTS)
        self._recognise(source, filled, projects)
        return Moved(filled.address, self.connector.sealer.seal(filled.credential), filled.settings)

    def _demand_credential(self, source: Source, values: Mapping[str, str]) -> None:
        known = self.connector.sealer.open(source.credential)
        missing = [name for name in known if not values.get(name, "").strip()]
        if missing:
            raise InvalidInput(
                f"Another address needs the credential again: give {', '.join(missing)} with --set.", field=missing[0]
            )

    def _recognise(self, source: Source, filled: Filled, projects: Sequence[Project]) -> None:
        asking = self.connector.asking(
            source.provider, filled.address, filled.credential, filled.settings, self.connector.folder(source)
        )
        with asking as (provider, connection):
            for project in projects:
                try:
                    found = provider.project(connection, project.remote_id)
                except NotFound:
                    found = None
                if found is None or found.full_name.casefold() != project.full_name.casefold():
                    raise Conflict(
                        f"The host at {filled.address} does not have {project.full_name}, or not as this source knows "
                        "it: connect another host as another source."
                    )
