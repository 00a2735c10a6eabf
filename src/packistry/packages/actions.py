"""Changing packages and versions. Stable versions change only where an administrator accepted the very commit; dev
versions move on; every archive stays.
"""

from collections.abc import Collection, Sequence

import orjson
from sqlalchemy import Row, delete, func, select, update

from packistry import clock
from packistry.access.actors import Actor
from packistry.access.grants import drop_grants, end_writing
from packistry.access.permissions import Permission
from packistry.access.rules import require
from packistry.audit.events import Event
from packistry.audit.log import record
from packistry.composer.metadata import Place
from packistry.composer.names import normalise_name
from packistry.composer.versions import is_dev, remembered_sort_key, stability
from packistry.db.changes import document_key
from packistry.db.engine import WriteSession
from packistry.db.models import Archive, GrantRow, Package, ProvidedName, Version
from packistry.errors import NotFound
from packistry.packages.documents import Address, render_documents
from packistry.packages.holding import held_package, held_version, package_subject, version_subject
from packistry.packages.listing import raise_listing


def refresh_package(
    session: WriteSession, package: Package, address: Address, changed: Collection[str] | None = None
) -> None:
    """What is derived from the versions: the latest one, type and description as of it, and both documents.

    `changed` are the normalised versions that a change touched, `Publication.touched`; None is all of them.
    """
    # Reads that follow must see the rows of this transaction.
    session.flush()
    before = (package.type, package.description, package.deleted_at)
    default = _default_branch(session, package)
    mark = _shown_mark(package, default)
    if mark != package.shown_abandoned:
        # Every version carries the mark.
        package.shown_abandoned, changed = mark, None
    places = render_documents(session, package, address, changed)
    _show_latest(session, package, _latest_version(places, default))
    package.updated_at = clock.now()
    session.flush()
    if before != (package.type, package.description, package.deleted_at):
        raise_listing(session, package.repository_id)


def update_package(
    session: WriteSession, actor: Actor, package: Package, *, abandoned: str | None, address: Address
) -> None:
    """Marks the package abandoned on every version ("" without a replacement), or, with None, as composer.json says.

    Refuses with InvalidName a replacement that is no package name.
    """
    require(actor, Permission.PACKAGE_MANAGE)
    _refuse_deleted(held_package(session, package))
    package.abandoned = normalise_name(abandoned) if abandoned else abandoned
    record(session, actor, Event.PACKAGE_UPDATED, package_subject(package), abandoned=abandoned)
    refresh_package(session, package, address)


def delete_version(session: WriteSession, actor: Actor, package: Package, version: Version, address: Address) -> None:
    """Out of the metadata; its archives stay downloadable, because locks name them.

    Refuses with NotFound a version that is deleted already.
    """
    require(actor, Permission.PACKAGE_MANAGE)
    held_version(session, held_package(session, package), version)
    if version.deleted_at is not None:
        raise NotFound(f"{package.name} {version.version} is deleted already; purge it to remove its archives too.")
    take_out_version(session, actor, package, version)
    refresh_package(session, package, address, {version.normalised})


def take_out_version(
    session: WriteSession, actor: Actor, package: Package, version: Version, *, withdrawn: bool = False
) -> None:
    """The rows of a deletion, without the documents. `withdrawn`: by an import, which may also bring it back."""
    version.deleted_at, version.withdrawn = clock.now(), withdrawn
    version.default_branch = False
    session.execute(delete(ProvidedName).where(ProvidedName.version_id == version.id))
    record(session, actor, Event.VERSION_DELETED, version_subject(package, version))


def delete_package(session: WriteSession, actor: Actor, package: Package, address: Address) -> None:
    """All versions out of the metadata and the name out of the lists; archives stay, because locks name them.

    For the same reason who was given the package goes on reading it, but loses the right to write: the name may come
    again as somebody else's. Refuses with NotFound a package that is deleted already.
    """
    require(actor, Permission.PACKAGE_MANAGE)
    _refuse_deleted(held_package(session, package))
    moment = clock.now()
    live = (Version.package_id == package.id, Version.deleted_at.is_(None))
    ids = session.scalars(select(Version.id).where(*live)).all()
    session.execute(update(Version).where(*live).values(deleted_at=moment, default_branch=False))
    session.execute(delete(ProvidedName).where(ProvidedName.version_id.in_(ids)))
    package.deleted_at = moment
    end_writing(session, package.id)
    record(session, actor, Event.PACKAGE_DELETED, package_subject(package), versions=len(ids))
    refresh_package(session, package, address)
    raise_listing(session, package.repository_id)
    session.changed(document_key(package.repository_id, package.name))


def purge_version(
    session: WriteSession, actor: Actor, package: Package, version: Version, address: Address
) -> list[str]:
    """The version and the rows of its archives are gone for good; returns the sha256 of files to look at.

    Files are removed afterwards by packages.purge, when no row names them any more.
    """
    require(actor, Permission.PACKAGE_MANAGE)
    held_version(session, held_package(session, package), version)
    files = session.scalars(select(Archive.sha256).where(Archive.version_id == version.id)).all()
    record(session, actor, Event.VERSION_PURGED, version_subject(package, version), archives=len(files))
    session.execute(delete(Archive).where(Archive.version_id == version.id))
    session.execute(delete(ProvidedName).where(ProvidedName.version_id == version.id))
    session.execute(delete(Version).where(Version.id == version.id))
    session.expunge(version)
    refresh_package(session, package, address, {version.normalised})
    session.changed(document_key(package.repository_id, package.name))
    return list(files)


def purge_package(session: WriteSession, actor: Actor, package: Package, address: Address) -> list[str]:
    """All versions, deleted ones too, and the rows of their archives are gone for good; the name is out of the lists.

    So are the grants on it: nothing is left to read, and the name may come again as another thing. Returns the sha256
    of files to look at, as `purge_version` does. The package's row stays, so that its documents' dates never go back.
    """
    require(actor, Permission.PACKAGE_MANAGE)
    held_package(session, package)
    versions = session.execute(select(func.count()).where(Version.package_id == package.id)).scalar_one()
    inside = select(Version.id).where(Version.package_id == package.id)
    files = session.scalars(select(Archive.sha256).where(Archive.version_id.in_(inside))).all()
    session.execute(delete(Archive).where(Archive.version_id.in_(inside)))
    session.execute(delete(ProvidedName).where(ProvidedName.version_id.in_(inside)))
    session.execute(delete(Version).where(Version.package_id == package.id))
    drop_grants(session, GrantRow.package_id == package.id)
    package.deleted_at = package.deleted_at or clock.now()
    record(session, actor, Event.PACKAGE_PURGED, package_subject(package), versions=versions, archives=len(files))
    refresh_package(session, package, address)
    raise_listing(session, package.repository_id)
    session.changed(document_key(package.repository_id, package.name))
    return list(files)


def _default_branch(session: WriteSession, package: Package) -> Row[str, str | None] | None:
    """The normalised version of the live default branch, and its own mark "abandoned"."""
    return session.execute(
        select(Version.normalised, Version.abandoned).where(
            Version.package_id == package.id, Version.default_branch, Version.deleted_at.is_(None)
        )
    ).first()


def _shown_mark(package: Package, default: Row[str, str | None] | None) -> str | None:
    """The mark "abandoned" that all versions carry: set by hand, else by composer.json of the default branch."""
    if package.abandoned is not None or default is None:
        return package.abandoned
    return default.abandoned


def _refuse_deleted(package: Package) -> None:
    if package.deleted_at is not None:
        raise NotFound(f"{package.name} is deleted already; purge it to remove its archives too.")


def _latest_version(places: Sequence[Place], default: Row[str, str | None] | None) -> str | None:
    """The highest stable version by Composer's order, else the highest pre-release, else the default branch."""
    numbers = [place.version_normalized for place in places if not is_dev(place.version_normalized)]
    # A document is newest first, and mostly its first is stable: looking at all of two thousand would take 6 ms.
    stable = next((number for number in numbers if stability(number) == "stable"), None)
    if stable or numbers:
        return stable or numbers[0]
    if default is not None:
        return default.normalised
    return max((place.version_normalized for place in places), key=remembered_sort_key, default=None)


def _show_latest(session: WriteSession, package: Package, normalised: str | None) -> None:
    package.latest_version = None
    if normalised is None:
        return
    package.latest_version, packed = session.execute(
        select(Version.version, Version.published).where(
            Version.package_id == package.id, Version.normalised == normalised
        )
    ).one()
    published = orjson.loads(packed)
    package.type, package.description = published.get("type", "library"), published.get("description") or ""
