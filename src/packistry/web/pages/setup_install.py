"""The set-up's last steps: the import while it runs, the commands that install a package, and the wait for a client."""

from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from packistry.access.permissions import Permission
from packistry.access.rules import require
from packistry.composer.versions import stability
from packistry.db.engine import ReadSession
from packistry.packages.catalogue import PackageFacts, PackageLine, Wanted, browse_packages, find_package_at
from packistry.packages.first_download import first_download
from packistry.packages.queries import Page as Slice
from packistry.repositories.clients import composer_commands
from packistry.sources.runs import browse_runs
from packistry.sources.states import OPEN, RefState
from packistry.tokens.first import first_token, mint_first_token
from packistry.web.pages.setup import PATH, step_page
from packistry.web.pages.setup_packages import ROOT, carrying
from packistry.web.pages.site import Page
from packistry.web.pages.visits import Visit

# Of a first run everything; later the newest.
RUNS_SHOWN: Final = 50
OTHERS_SHOWN: Final = 12
# Composer names itself first: "Composer/2.9.1 (Linux; ...)".
CLIENT_END: Final = " ("


@dataclass(frozen=True, slots=True)
class Progress:
    """One import of the list: how many of its refs are done."""

    summary: Any
    done: int
    total: int


def _import(visit: Visit) -> Response:
    require(visit.actor, Permission.SOURCE_MANAGE)
    with visit.database.read() as session:
        runs, _ = browse_runs(session, visit.actor, "", offset=0, limit=RUNS_SHOWN)
        packages, total = browse_packages(session, visit.actor, Wanted(sort="-updated"), Slice(0, 1))
    rows = [_progress(each) for each in runs]
    asked = visit.request.query_params.get("repository", ROOT)
    return step_page(
        visit,
        "import",
        "setup_import.html",
        rows=rows,
        running=any(row.summary.run.state in OPEN for row in rows),
        packages=total,
        onward=_install_address(packages[0]) if packages else "",
        back=carrying(f"{PATH}/packages", "" if asked == ROOT else asked),
        region="setup-import",
        region_template="setup_import_region.html",
    )


def _progress(summary: Any) -> Progress:
    total = sum(summary.refs.values())
    return Progress(summary, total - summary.refs.get(RefState.WAITING, 0), total)


def _show(visit: Visit) -> Response:
    """The way to the commands; asked for again by the page that shows them, until somebody fetched the package."""
    return _page(visit, commands=())


def _mint(visit: Visit) -> Response:
    """The commands with a new token in them. Rendered at once: a secret is shown once and kept nowhere."""
    require(visit.actor, Permission.INSTALLATION_MANAGE)
    assert visit.signed_in is not None, "the site lets nobody in who is not"
    with visit.database.read() as session:
        facts = _wanted(session, visit)
    if facts is None:
        return visit.go(f"{PATH}/packages")
    with visit.database.write() as session:
        secret = mint_first_token(session, visit.person, visit.signed_in.user)
    path = facts.repository.path
    commands = composer_commands(visit.public_base, secret.plain, [path], share_vendors=False)
    return _page(visit, commands=(*commands, f"composer require {_requirement(facts)}"))


def _page(visit: Visit, *, commands: tuple[str, ...]) -> Response:
    require(visit.actor, Permission.INSTALLATION_MANAGE)
    assert visit.signed_in is not None, "the site lets nobody in who is not"
    with visit.database.read() as session:
        facts = _wanted(session, visit)
        others, _ = browse_packages(session, visit.actor, Wanted(sort="-updated"), Slice(0, OTHERS_SHOWN))
        fetched = None if facts is None else first_download(session, visit.actor, facts.package)
        token = first_token(session, visit.signed_in.user)
    if facts is None:
        return visit.go(f"{PATH}/packages")
    line = (facts.repository.path, facts.package.name)
    return step_page(
        visit,
        "install",
        "setup_install.html",
        package=facts.package.name,
        commands=commands,
        plain_http=visit.public_base.startswith("http://"),
        fetched=fetched,
        token=token,
        client=_client(token.last_used_client if token else None),
        here=_install_address_of(*line),
        others=[(each.name, _install_address(each)) for each in others if (each.repository, each.name) != line],
        region="setup-waiting",
        region_template="setup_waiting.html",
    )


def _wanted(session: ReadSession, visit: Visit) -> PackageFacts | None:
    """The package that the address names, else the one that came last; None while there is none."""
    query = visit.request.query_params
    name, path = query.get("package", ""), query.get("repository", ROOT)
    if name:
        return find_package_at(session, visit.actor, "" if path == ROOT else path, name)
    lines, _ = browse_packages(session, visit.actor, Wanted(sort="-updated"), Slice(0, 1))
    return find_package_at(session, visit.actor, lines[0].repository, lines[0].name) if lines else None


def _requirement(facts: PackageFacts) -> str:
    """What to require: a version is only named where Composer would not take any by itself."""
    name, latest = facts.package.name, facts.package.latest_version
    return name if latest is None or stability(latest) == "stable" else f'"{name}:{latest}"'


def _client(said: str | None) -> str:
    return "" if said is None else said.partition(CLIENT_END)[0].replace("/", " ")


def _install_address(line: PackageLine) -> str:
    return _install_address_of(line.repository, line.name)


def _install_address_of(repository: str, name: str) -> str:
    return carrying(f"{PATH}/install", repository, package=name)


PAGES: Final = (Page(f"{PATH}/import", show=_import), Page(f"{PATH}/install", show=_show, act=_mint))
