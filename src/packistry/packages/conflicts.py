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
    others = select(Version.version, Version.normalised).where(
        Version.package_id == package_id,
        Version.normalised != normalised,
        Version.is_dev.is_(False),
        Version.deleted_at.is_(None),
    )
    key = remembered_sort_key(normalised)
    for spelled, other in session.execute(others):
        if remembered_sort_key(other) == key:
            raise VersionConflict(
                f"{name} {spelled} is already published, and to Composer both are the same version: "
                f"publish it as {spelled}, or choose another number.",
                field="version",
            )
