"""Why a version cannot be published: other files under its number, or one that Composer holds for equal."""

from collections.abc import Collection, Iterable

from sqlalchemy import select

from packistry.composer.versions import is_dev, remembered_sort_key
from packistry.db.engine import ReadSession
from packistry.db.models import Archive, Package, Version
from packistry.errors import VersionConflict


def conflict(name: str, version: Version, kept: Archive) -> VersionConflict:
    """The refusal of other files for a stable version, with the digest of those that stay."""
    state = "was deleted, but its files are kept" if version.deleted_at else "is already published"
    return VersionConflict(
        f"{name} {version.version} {state} with other files (sha256 {kept.sha256}). A stable version never changes: "
        "publish a new version, or have an administrator purge this one.",
        field="version",
    )


class Numbers:
    """The normalised versions of a package, found by what Composer holds for equal."""

    def __init__(self, numbers: Iterable[str]) -> None:
        self._by_key: dict[object, set[str]] = {}
        for number in numbers:
            self.add(number)

    def __contains__(self, number: str) -> bool:
        return number in self._by_key.get(remembered_sort_key(number), ())

    def add(self, number: str) -> None:
        self._by_key.setdefault(remembered_sort_key(number), set()).add(number)

    def equal_to(self, number: str) -> Collection[str]:
        """The others that are the same version to Composer. Branches have an order of their own."""
        return () if is_dev(number) else self._by_key.get(remembered_sort_key(number), set()) - {number}


def numbers_of(session: ReadSession, package: Package) -> Numbers:
    """All that the package has, deleted ones too: they are in an index, and of two thousand more would take 4 ms."""
    return Numbers(session.scalars(select(Version.normalised).where(Version.package_id == package.id)))


def refuse_equal(session: ReadSession, package: Package, equal: Collection[str]) -> None:
    """Refuses with VersionConflict a version when a live one is `equal`, which are normalised: 1.02.0 and 1.2.0 are two
    to the metadata and one to Composer's order, so that a client may install either.
    """
    spelled = equal and session.scalar(
        select(Version.version)
        .where(Version.package_id == package.id, Version.normalised.in_(equal), Version.deleted_at.is_(None))
        .limit(1)
    )
    if spelled:
        raise VersionConflict(
            f"{package.name} {spelled} is already published, and to Composer both are the same version: "
            f"publish it as {spelled}, or choose another number.",
            field="version",
        )
