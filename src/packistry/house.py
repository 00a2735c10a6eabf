"""Opens the house: settings to database, storage and what takes files in. Knows no door.

Apart from app.py, because a command must not pay for the web's imports (0.3 s).
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from packistry import clock
from packistry.archives.limits import Limits
from packistry.db.engine import Database
from packistry.db.schema import upgrade
from packistry.settings import Settings, prepare_data_dir, previous_secret_keys, secret_key
from packistry.storage.base import BlobStorage
from packistry.storage.local import LocalStorage

if TYPE_CHECKING:
    from packistry.accounts.mailing import Mailing
    from packistry.packages.upload import Uploads
    from packistry.sources.credentials import CredentialWatch
    from packistry.sources.desk import SourceDesk
    from packistry.sources.gathering import Gatherer
    from packistry.sources.receiving import Receiver
    from packistry.sources.sweeping import Sweeper
    from packistry.sources.tasks import Importer
    from packistry.sources.upkeep import HookKeeper


@dataclass(frozen=True, slots=True)
class House:
    """What every door needs, opened and migrated."""

    settings: Settings
    database: Database
    storage: BlobStorage

    @property
    def public_url(self) -> str | None:
        """The public address as it is now: the setting, else the one that was chosen on the pages."""
        from packistry.repositories import address

        return address.read_public_url(self.database, self.settings.public_url)

    @property
    def uploads(self) -> "Uploads":
        """What takes files in. Imported when asked for: reading archives and manifests is 0.1 s of modules."""
        from packistry.packages import upload

        return upload.Uploads(self.database, self.storage, archive_limits(self.settings), self.public_url)

    @property
    def files_before(self) -> datetime:
        """A stored file that is younger may wait for its row still."""
        return clock.now() - timedelta(hours=self.settings.file_grace_hours)

    @property
    def desk(self) -> "SourceDesk":
        """Where people connect sources and add projects."""
        from packistry.sources import connecting, desk

        return desk.SourceDesk(self.database, connecting.Connector(self.settings))

    @property
    def receiver(self) -> "Receiver":
        """What takes deliveries of code hosts in."""
        from packistry import sealing
        from packistry.sources import receiving

        keys = secret_key(self.settings), *previous_secret_keys(self.settings)
        return receiving.Receiver(self.database, sealing.Sealer(keys))

    @property
    def hook_keeper(self) -> "HookKeeper":
        """What tells code hosts of hooks, in the jobs process."""
        from packistry.sources import connecting, upkeep

        settings = self.settings
        connector = connecting.Connector(settings)
        return upkeep.HookKeeper(self.database, connector, self.public_url, settings.outbound_allow)

    @property
    def mailing(self) -> "Mailing":
        """What mails links to people, in the jobs process."""
        from packistry.accounts import mailing
        from packistry.outbound.mail import MailServer

        settings = self.settings
        server = None
        if settings.smtp_host is not None and settings.smtp_from is not None:
            password = None if settings.smtp_password is None else settings.smtp_password.get_secret_value()
            server = MailServer(
                settings.smtp_host,
                settings.smtp_port,
                settings.smtp_security,
                settings.smtp_from,
                settings.smtp_user,
                password,
            )
        return mailing.Mailing(self.database, server, self.public_url)

    @property
    def importer(self) -> "Importer":
        """What works off imports, in the jobs process."""
        from packistry.sources import connecting, tasks

        connector = connecting.Connector(self.settings)
        limits = archive_limits(self.settings)
        return tasks.Importer(self.database, self.storage, limits, self.public_url, connector)

    @property
    def gatherer(self) -> "Gatherer":
        """What adds the projects that rules are about."""
        from packistry.sources import connecting, gathering

        return gathering.Gatherer(self.database, connecting.Connector(self.settings))

    @property
    def sweeper(self) -> "Sweeper":
        """What takes away from disk what is followed no longer."""
        from packistry.sources import connecting, sweeping

        return sweeping.Sweeper(self.database, connecting.Connector(self.settings))

    @property
    def credentials(self) -> "CredentialWatch":
        """What asks hosts about credentials, between imports."""
        from packistry.sources import connecting, credentials

        return credentials.CredentialWatch(self.database, connecting.Connector(self.settings))


@contextmanager
def open_house(settings: Settings, *, migrate: bool = True) -> Generator[House]:
    """The house of these settings. Makes the data folder, and the database or what it lacks, when they are missing.

    With `migrate=False` the database is as it was found, perhaps empty or old: only for looking at it.
    """
    prepare_data_dir(settings)
    database = Database(settings.sqlalchemy_url)
    try:
        if migrate:
            upgrade(database)
        storage = LocalStorage(settings.data_dir / "storage")
        yield House(settings, database, storage)
    finally:
        database.dispose()


def archive_limits(settings: Settings) -> Limits:
    """The limits of archives, as set."""
    return Limits(
        file_bytes=settings.max_archive_bytes,
        unpacked_bytes=settings.max_unpacked_bytes,
        ratio=settings.max_archive_ratio,
        ratio_from_bytes=settings.archive_ratio_from_bytes,
        entries=settings.max_archive_entries,
        composer_json_bytes=settings.max_composer_json_bytes,
    )
