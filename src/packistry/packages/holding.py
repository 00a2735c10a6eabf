"""Holding a package, so that its changes come one after the other and each sees what the one before it left.

PostgreSQL lets two transactions look at a package at once: one that rendered the documents from what it had read before
would lose a version that the other one published meanwhile. So every change of a package begins here.
"""

from sqlalchemy import Select, select

from packistry import clock
from packistry.access.actors import Actor
from packistry.audit.events import Event
from packistry.audit.log import Subject, record
from packistry.composer.names import vendor_of
from packistry.db.changes import document_key
from packistry.db.engine import WriteSession
from packistry.db.models import Package, Repository, Version
from packistry.db.statements import insert_missing
from packistry.errors import NotFound
from packistry.packages.listing import raise_listing


def held_package(session: WriteSession, package: Package) -> Package:
    """The package's row as it is now, held until the commit. What was read of it or its versions before may be old."""
    return session.execute(_holding().where(Package.id == package.id)).scalar_one()


def held_version(session: WriteSession, package: Package, version: Version) -> Version:
    """A version of a held package, as it is now. Refuses with NotFound when it was purged meanwhile."""
    name = f"{package.name} {version.version}"
    chosen = select(Version).where(Version.id == version.id).execution_options(populate_existing=True)
    found = session.execute(chosen).scalar_one_or_none()
    if found is None:
        raise NotFound(f"{name} was purged meanwhile.")
    return found


def package_to_publish(session: WriteSession, actor: Actor, repository: Repository, name: str) -> Package:
    """The package's row, made or revived when needed, and held."""
    now = clock.now()
    chosen = _holding().where(Package.repository_id == repository.id, Package.name == name)
    package = session.execute(chosen).scalar_one_or_none()
    if package is None:
        row = {"repository_id": repository.id, "name": name, "vendor": vendor_of(name), "type": "library"}
        insert_missing(session, Package, {**row, "description": "", "created_at": now, "updated_at": now})
        package = session.execute(chosen).scalar_one()
        if package.created_at == now:
            record(session, actor, Event.PACKAGE_CREATED, package_subject(package))
            raise_listing(session, repository.id)
    if package.deleted_at is not None:
        package.deleted_at = None
        record(session, actor, Event.PACKAGE_CREATED, package_subject(package), again=True)
        raise_listing(session, repository.id)
        session.changed(document_key(repository.id, name))
    return package


def package_subject(package: Package) -> Subject:
    """The package, as the audit log names it."""
    return Subject("package", package.id, package.name)


def version_subject(package: Package, version: Version) -> Subject:
    """A version of the package, as the audit log names it."""
    return Subject("version", version.id, f"{package.name} {version.version}")


def _holding() -> Select[Package]:
    # Not the strongest lock: rows that only point at the package, such as a new grant, need not wait for it.
    return select(Package).with_for_update(key_share=True).execution_options(populate_existing=True)
