"""Changing one package: abandoned or not, built anew, and what is taken away, each named with who still uses it."""

from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from packistry.access.permissions import Permission
from packistry.access.rules import require
from packistry.db.engine import ReadSession, WriteSession
from packistry.errors import Conflict, InvalidInput, NotFound
from packistry.packages.actions import delete_package, delete_version, purge_package, purge_version, update_package
from packistry.packages.activity import RECENT_DAYS, what_is_lost
from packistry.packages.documents import Address
from packistry.packages.purge import remove_unnamed_files
from packistry.packages.queries import find_package_named, find_version, list_versions
from packistry.web.pages.forms import NO_PROBLEMS, Problems, problem
from packistry.web.pages.package import page_of
from packistry.web.pages.site import Page
from packistry.web.pages.visits import Visit

WAYS: Final = ("delete", "purge")


@dataclass(frozen=True, slots=True)
class Meant:
    """What is to be taken away: the package, or one version; deleted from the lists, or purged for good."""

    how: str
    version: str

    @property
    def query(self) -> str:
        return f"how={self.how}&version={self.version}"


def _show(visit: Visit, *, problems: Problems = NO_PROBLEMS) -> Response:
    require(visit.actor, Permission.PACKAGE_MANAGE)
    with visit.database.read() as session:
        package, repository = _find(session, visit)
        versions = list_versions(session, package)
    return visit.page(
        "package_settings.html",
        status=422 if problems else 200,
        package=package,
        repository=repository,
        versions=versions,
        problems=problems,
        form=visit.form,
        path=_path(visit),
    )


def _abandon(visit: Visit) -> Response:
    require(visit.actor, Permission.PACKAGE_MANAGE)
    try:
        mark = _mark(visit)
        with visit.database.write() as session:
            package, repository = _find(session, visit)
            address = Address(visit.parts.settings.public_url, repository.path)
            update_package(session, visit.person, package, abandoned=mark, address=address)
    except InvalidInput as refusal:
        return _show(visit, problems=Problems({"replacement": refusal.sentence}))
    return visit.go(f"{_path(visit)}/settings")


def _mark(visit: Visit) -> str | None:
    """What is said of the package by hand: None follows composer.json, "" is abandoned, else by what it is replaced."""
    chosen, replacement = visit.form.text("abandoned", "follow"), visit.form.text("replacement")
    if chosen == "replaced" and not replacement:
        raise InvalidInput("Name the package that replaces it.", field="replacement")
    return {"yes": "", "replaced": replacement}.get(chosen)


def _rebuild(visit: Visit) -> Response:
    require(visit.actor, Permission.SOURCE_MANAGE)
    with visit.database.read() as session:
        package, _ = _find(session, visit)
    try:
        return visit.go(f"/-/imports/{visit.parts.desk.rebuild(visit.person, package.id)}")
    except Conflict as refusal:
        return _show(visit, problems=problem(refusal, ()))


def _ask(visit: Visit, *, problems: Problems = NO_PROBLEMS) -> Response:
    """Names what will be lost and who still uses it, and asks for the name to be typed."""
    require(visit.actor, Permission.PACKAGE_MANAGE)
    meant = _meant(visit)
    with visit.database.read() as session:
        package, repository = _find(session, visit)
        version = find_version(session, package, meant.version) if meant.version else None
        loss = what_is_lost(session, visit.actor, package, version)
        name = _name(package.name, None if version is None else version.version)
    return visit.page(
        "package_remove.html",
        status=422 if problems else 200,
        package=package,
        repository=repository,
        meant=meant,
        name=name,
        loss=loss,
        recent_days=RECENT_DAYS,
        problems=problems,
        path=_path(visit),
    )


def _remove(visit: Visit) -> Response:
    require(visit.actor, Permission.PACKAGE_MANAGE)
    meant = _meant(visit)
    digests: list[str] = []
    try:
        with visit.database.write() as session:
            digests = _take_away(session, visit, meant)
    except InvalidInput as refusal:
        return _ask(visit, problems=problem(refusal, ("confirm",)))
    # After the rows: a crash leaves files that the sweep finds, never a row without its file.
    remove_unnamed_files(visit.database, visit.parts.uploads.storage, digests)
    return visit.go(f"{_path(visit)}/settings" if meant.version else "/-/packages")


def _take_away(session: WriteSession, visit: Visit, meant: Meant) -> list[str]:
    """The sha256 of files that may be named by nothing any more."""
    package, repository = _find(session, visit)
    version = find_version(session, package, meant.version) if meant.version else None
    if visit.form.text("confirm") != _name(package.name, None if version is None else version.version):
        raise InvalidInput("That is not its name; nothing was taken away.", field="confirm")
    address = Address(visit.parts.settings.public_url, repository.path)
    if meant.how == "purge":
        if version is None:
            return purge_package(session, visit.person, package, address)
        return purge_version(session, visit.person, package, version, address)
    if version is None:
        delete_package(session, visit.person, package, address)
    else:
        delete_version(session, visit.person, package, version, address)
    return []


def _meant(visit: Visit) -> Meant:
    query = visit.request.query_params
    if query.get("how", "delete") not in WAYS:
        raise NotFound("There is no page at this address.")
    return Meant(query.get("how", "delete"), query.get("version", ""))


def _name(package: str, version: str | None) -> str:
    return package if version is None else f"{package} {version}"


def _find(session: ReadSession, visit: Visit) -> tuple[Any, Any]:
    """With those that were deleted: they can still be purged."""
    path = visit.request.path_params.get("repository", "")
    return find_package_named(
        session, visit.actor, f"{visit.word('vendor')}/{visit.word('name')}", path=path, deleted=True
    )


def _path(visit: Visit) -> str:
    path = visit.request.path_params.get("repository", "")
    return page_of(path, f"{visit.word('vendor')}/{visit.word('name')}")


def _pages(place: str) -> tuple[Page, ...]:
    at = f"{place}/{{vendor}}/{{name}}/settings"
    return (
        Page(at, show=_show),
        Page(f"{at}/abandon", act=_abandon),
        Page(f"{at}/rebuild", act=_rebuild),
        Page(f"{at}/remove", show=_ask, act=_remove),
    )


PAGES: Final = (*_pages("/-/packages"), *_pages("/-/r/{repository}"))
