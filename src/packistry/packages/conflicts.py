"""Why a version cannot be published: other files under its number, or one that Composer holds for equal."""

from sqlalchemy import select

from packistry.composer.versions import is_dev, remembered_sort_key
from packistry.db.engine import ReadSession
from packistry.db.models import Archive, Version
from packistry.errors import VersionConflict


def conflict(name: str, version: Version, kept: Archive) -> VersionConflict:
    """The refusal of other files for a stable version, with the digest of those that stay."""
    state = "was deleted, but its files are kept" if version.deleted_at else "is already published"
    return VersionConflict(
        f"{name} {version.version} {state} with other files (sha256 {kept.sha256}). A stable version never changes: "
        "publish a new version, or have an administrator purge this one.",
        field="version",
    )


def refuse_equal(session: ReadSession, package_id: int, name: str, normalised: str) -> None:
    """Refuses with VersionConflict a version that a live one equals: 1.02.0 and 1.2.0 are two to the metadata and one
    to Composer's order, so that a client may install either. Branches have an order of their own.
    """
    if is_dev(normalised):
        return
    # Asked for in two steps: these are in an index, and of two thousand rows reading more would take 4 ms.
    others = session.scalars(select(Version.normalised).where(Version.package_id == package_id))
    key = remembered_sort_key(normalised)
    equal = [other for other in others if remembered_sort_key(other) == key and other != normalised]
    spelled = equal and session.scalar(
        select(Version.version)
        .where(Version.package_id == package_id, Version.normalised.in_(equal), Version.deleted_at.is_(None))
        .limit(1)
    )
    if spelled:
        raise VersionConflict(
            f"{name} {spelled} is already published, and to Composer both are the same version: "
            f"publish it as {spelled}, or choose another number.",
            field="version",
        )
