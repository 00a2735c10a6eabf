"""Adding packages: from a source, by the address of a git repository, or as an archive."""

from collections.abc import Sequence
from typing import Any, Final

from starlette.responses import Response

from packistry.access.permissions import Permission
from packistry.access.rules import may
from packistry.errors import AddressRefused, Forbidden, HostRefused, NotFound, Unauthenticated, Unavailable
from packistry.repositories.queries import find_repository, repositories_to_publish
from packistry.sources.by_address import add_by_address
from packistry.sources.desk import Wish
from packistry.sources.queries import list_sources
from packistry.web.pages.forms import CORRECTABLE, NO_PROBLEMS, Problems, problem
from packistry.web.pages.package import page_of
from packistry.web.pages.site import Page, Site
from packistry.web.pages.uploading import publish_sent
from packistry.web.pages.visits import Visit
from packistry.web.running import run

PATH: Final = "/-/add"
# What keeps a file out, or a git server says no with: shown beside the form that asked.
KEPT_OUT: Final = (*CORRECTABLE, Forbidden, NotFound, Unavailable)
HOST_SAYS_NO: Final = (*CORRECTABLE, HostRefused, AddressRefused, NotFound, Unavailable)


def pages(site: Site) -> Sequence[Page]:
    """The pages; the one that takes a file reads it in the site's threads."""

    async def upload(visit: Visit) -> Response:
        # Before the body is read: who may publish nothing sends nothing.
        await run(site.executor, _choices, visit)
        try:
            made = await publish_sent(site, visit)
        except Unauthenticated:
            raise
        except KEPT_OUT as refusal:
            return await run(site.executor, _page, visit, uploading=problem(refusal, ("file", "version")))
        path = await run(site.executor, _path_of, visit, made.package.repository_id)
        return visit.go(f"{page_of(path, made.package.name)}/versions/{made.version.version}")

    return (Page(PATH, show=_show), Page(f"{PATH}/git", act=_add_by_address), Page(f"{PATH}/upload", act=upload))


def _show(visit: Visit) -> Response:
    return _page(visit)


def _add_by_address(visit: Visit) -> Response:
    try:
        with visit.database.read() as session:
            path = visit.form.text("repository", "/").removeprefix("/")
            target = find_repository(session, visit.actor, path)
        found = add_by_address(visit.parts.desk, visit.person, visit.form.text("url"), Wish(target.id))
    except HOST_SAYS_NO as refusal:
        return _page(visit, by_address=problem(refusal, ("url",)) or Problems({"": refusal.sentence}))
    progress = f"/-/imports/{found.added.run_id}"
    if found.added.hook is None or found.added.hook.secret is None:
        return visit.go(progress)
    # Shown this once, as when a project of a source is added.
    return visit.page("hook_secrets.html", source=found.source, hooks=[found.added.hook], progress=progress)


def _page(visit: Visit, *, by_address: Problems = NO_PROBLEMS, uploading: Problems = NO_PROBLEMS) -> Response:
    choices = _choices(visit)
    return visit.page("add.html", status=422 if by_address or uploading else 200, **choices, form=visit.form,
                      by_address=by_address, uploading=uploading)  # fmt: skip


def _choices(visit: Visit) -> dict[str, Any]:
    """Where the visitor may publish, and the sources there are. Refuses whoever may add nothing."""
    connects = may(visit.actor, Permission.SOURCE_MANAGE)
    with visit.database.read() as session:
        repositories = repositories_to_publish(session, visit.actor)
        sources = [source for source, _ in list_sources(session, visit.actor)] if connects else []
    if not repositories:
        raise Forbidden("You may publish nothing here; an administrator gives a repository or package with write.")
    return {"repositories": repositories, "sources": sources, "connects": connects}


def _path_of(visit: Visit, repository_id: int) -> str:
    with visit.database.read() as session:
        return next(each.path for each in repositories_to_publish(session, visit.actor) if each.id == repository_id)
