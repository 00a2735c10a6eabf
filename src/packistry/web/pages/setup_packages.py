"""The set-up's third and fourth step: the first repository, and how packages come into it.

The repository goes along in the address, so that every page can be left and opened again.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import Response

from packistry.access.permissions import Permission
from packistry.access.rules import require
from packistry.db.engine import ReadSession
from packistry.packages.sample import NAME as SAMPLE
from packistry.packages.sample import publish_sample
from packistry.repositories.actions import create_repository
from packistry.repositories.outside import warnings_of
from packistry.repositories.queries import find_repository, list_repositories
from packistry.sources.connecting import providers_there_are
from packistry.sources.queries import list_sources
from packistry.web.pages.forms import CORRECTABLE, NO_PROBLEMS, Problems, problem
from packistry.web.pages.setup import PATH, step_page
from packistry.web.pages.site import Page, Site
from packistry.web.pages.uploading import publish_sent
from packistry.web.pages.visits import Visit
from packistry.web.running import run

# As the root is called in forms and addresses, where its path would be nothing at all.
ROOT: Final = "/"
NEW: Final = "new"


def within(visit: Visit) -> str:
    """The path of the repository that this set-up fills; "" is the root. Refuses with NotFound one that is gone."""
    asked = visit.request.query_params.get("repository", ROOT)
    with visit.database.read() as session:
        path: str = _repository(session, visit, asked).path
    return path


def carrying(address: str, repository: str, **more: str) -> str:
    """The address with the repository, and perhaps more, in its query."""
    words = {"repository": repository or ROOT, **more}
    return address + "?" + "&".join(f"{name}={quote(value, safe='/')}" for name, value in words.items())


def pages(site: Site) -> Sequence[Page]:
    """The pages; the one that takes a file reads it in the site's threads."""

    async def upload(visit: Visit) -> Response:
        require(visit.actor, Permission.INSTALLATION_MANAGE)
        repository = await run(site.executor, within, visit)
        try:
            found = await publish_sent(site, visit, repository)
        except CORRECTABLE as refusal:
            return await run(site.executor, _file_form, visit, problem(refusal, ("version", "file")))
        return visit.go(carrying(f"{PATH}/install", repository, package=found.package.name))

    return (
        Page(f"{PATH}/repository", show=_ask_repository, act=_choose_repository),
        Page(f"{PATH}/packages", show=_ways),
        Page(f"{PATH}/sample", act=_sample),
        Page(f"{PATH}/upload", show=_ask_file, act=upload),
    )


def _ask_repository(visit: Visit) -> Response:
    require(visit.actor, Permission.INSTALLATION_MANAGE)
    return _repository_form(visit, NO_PROBLEMS)


def _choose_repository(visit: Visit) -> Response:
    require(visit.actor, Permission.INSTALLATION_MANAGE)
    chosen = visit.form.text("repository", ROOT)
    if chosen != NEW:
        with visit.database.read() as session:
            path = _repository(session, visit, chosen).path
        return visit.go(carrying(f"{PATH}/packages", path))
    name, path = visit.form.text("name"), visit.form.text("path")
    try:
        with visit.database.write() as session:
            made = create_repository(session, visit.person, name=name, path=path).path
    except CORRECTABLE as refusal:
        return _repository_form(visit, problem(refusal, ("name", "path")))
    return visit.go(carrying(f"{PATH}/packages", made))


def _repository_form(visit: Visit, problems: Problems) -> Response:
    with visit.database.read() as session:
        repositories = list_repositories(session, visit.actor)
    return step_page(
        visit,
        "repository",
        "setup_repository.html",
        status=422 if problems else 200,
        repositories=repositories,
        problems=problems,
        form=visit.form,
        base=visit.public_base,
        warnings=list(warnings_of(visit.public_base)),
    )


def _ways(visit: Visit) -> Response:
    """How packages come: a host, an archive, or the sample."""
    require(visit.actor, Permission.INSTALLATION_MANAGE)
    repository = within(visit)
    with visit.database.read() as session:
        rows = list_sources(session, visit.actor)
    return step_page(
        visit,
        "packages",
        "setup_packages.html",
        repository=repository,
        carrying=partial(_below, repository),
        sources=[source for source, _ in rows],
        providers=providers_there_are(),
        sample=SAMPLE,
    )


def _below(repository: str, step: str) -> str:
    return carrying(f"{PATH}/{step}", repository)


def _sample(visit: Visit) -> Response:
    require(visit.actor, Permission.INSTALLATION_MANAGE)
    repository = within(visit)
    found = publish_sample(visit.parts.uploads, visit.person, repository)
    return visit.go(carrying(f"{PATH}/install", repository, package=found.package.name))


def _ask_file(visit: Visit) -> Response:
    require(visit.actor, Permission.INSTALLATION_MANAGE)
    return _file_form(visit, NO_PROBLEMS)


def _file_form(visit: Visit, problems: Problems) -> Response:
    repository = within(visit)
    status = 422 if problems else 200
    return step_page(
        visit,
        "packages",
        "setup_upload.html",
        status=status,
        problems=problems,
        action=carrying(f"{PATH}/upload", repository),
        back=carrying(f"{PATH}/packages", repository),
    )


def _repository(session: ReadSession, visit: Visit, asked: str) -> Any:
    return find_repository(session, visit.actor, "" if asked == ROOT else asked)
