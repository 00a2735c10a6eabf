"""`packistry serve`: everything is made ready, then the web workers run until they are told to stop."""

import os
import shlex
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from packistry.cli.printing import say
from packistry.errors import InvalidInput

if TYPE_CHECKING:
    from packistry.house import House
    from packistry.settings import Settings
    from packistry.web.server import Serving


def serve(
    *,
    host: Annotated[
        str, typer.Option(metavar="HOST", help="Address to listen on; 0.0.0.0 or :: is every one.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, metavar="PORT", help="Port to listen on.")] = 8000,
    workers: Annotated[
        int, typer.Option(min=1, max=256, metavar="N", help="Processes that answer; about one for each core.")
    ] = 2,
    tls_cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Certificate chain (PEM), to speak HTTPS.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="Its key (PEM), without a pass phrase.")] = None,
) -> None:
    """Serve the repositories until Ctrl-C. Makes the data folder, the secret key and the database when missing."""
    import structlog

    from packistry import logs
    from packistry.accounts.setup import offer_setup
    from packistry.house import open_house
    from packistry.repositories.readdress import adopt_public_url
    from packistry.settings import load_settings, secret_key
    from packistry.web.server import run_workers

    settings = load_settings()
    logs.configure(settings, sys.stdout)
    serving = _serving(settings, host=host, port=port, workers=workers, tls_cert=tls_cert, tls_key=tls_key)
    secret_key(settings)
    with open_house(settings) as house:
        # What a killed upload left behind. Nothing of a running one is touched.
        swept = house.storage.sweep()
        with house.database.write() as session:
            adopt_public_url(session, house.public_url)
            code = offer_setup(session)
        for line in _greeting(house, serving, code):
            say(line)
    log = structlog.get_logger(__name__)
    log.info(
        "server.starting", address=serving.host, port=port, workers=workers, data_dir=settings.data_dir, swept=swept
    )
    with _background_work() as tell_to_stop:
        code = run_workers(serving, load_worker, tell_to_stop)
    raise typer.Exit(code)


def load_worker() -> Any:
    """The application, in a worker. What keeps it from being made is logged, and ends the worker."""
    import structlog

    from packistry import logs
    from packistry.settings import load_settings
    from packistry.web.server import hear_stop

    hear_stop()
    logs.configure(load_settings(), sys.stdout)
    try:
        from packistry.app import create_app

        return create_app()
    except Exception:  # noqa: BLE001 whatever it is, the log must have it in its own form
        structlog.get_logger(__name__).exception("worker.failed")
        sys.exit(1)


@contextmanager
def _background_work() -> Generator[Callable[[], None]]:
    """A jobs process beside the workers while the block lasts; gives what tells it to stop before that."""
    from packistry.background import all_kinds
    from packistry.jobs.companion import Companion

    if not all_kinds():
        yield lambda: None
        return
    # -P: a folder called packistry beside us must not be taken for the package.
    command = (sys.executable, "-P", "-m", "packistry", "worker", "--supervisor", str(os.getpid()))
    companion = Companion(command)
    companion.start()
    try:
        yield companion.tell_to_stop
    finally:
        companion.stop()


def _serving(
    settings: "Settings", *, host: str, port: int, workers: int, tls_cert: Path | None, tls_key: Path | None
) -> "Serving":
    """What to serve, checked. Refuses a taken port and files that are no certificate."""
    from packistry.web.ports import address_of, require_free_port
    from packistry.web.server import TLS, Serving

    if (tls_cert is None) != (tls_key is None):
        raise InvalidInput("Say both --tls-cert and --tls-key, or neither.", field="tls_cert")
    tls = TLS(tls_cert, tls_key) if tls_cert and tls_key else None
    if tls is not None:
        tls.check()
    address = address_of(host)
    require_free_port(address, port)
    return Serving(host=address, port=port, workers=workers, tls=tls, log_level=settings.log_level)


def _greeting(house: "House", serving: "Serving", code: str | None) -> Iterator[str]:
    """What is served where, and what to do next while nothing has been made yet. For people: on standard error.

    `code` makes the link to the set-up, while there is no administrator. It is a secret: it goes into no log.
    """
    from packistry.cli.opening import operator
    from packistry.repositories.queries import list_repositories
    from packistry.tokens.queries import list_deploy_tokens

    shown = f"[{serving.host}]" if ":" in serving.host else serving.host
    address = house.public_url or f"{'https' if serving.tls else 'http'}://{shown}:{serving.port}"
    yield f"Packistry serves {address} with everything under {house.settings.data_dir}. Ctrl-C stops it."
    if code is not None:
        yield ""
        yield f"Open {_for_a_browser(address)}/-/setup?code={code} to finish the set-up."
        yield "The link works once, until there is an administrator; each start prints a new one."
    with house.database.read() as session:
        repositories = list_repositories(session, operator())
        tokens = list_deploy_tokens(session, operator())
    if len(repositories) > 1 or tokens:
        return
    program = shlex.quote(sys.argv[0]) if sys.argv[0].endswith("packistry") else "packistry"
    yield ""
    yield "Or without a browser, in another terminal, in this folder and with the same settings:"
    yield ""
    yield f"  {program} repository add Acme --path acme"
    yield f"  {program} deploy-token add ci --repository acme --ability read --ability write"
    yield f"  {program} package upload FILE.zip --repository acme --version 1.0.0"
    yield f"  {program} user add --name NAME --email EMAIL --role admin"
    yield ""


def _for_a_browser(address: str) -> str:
    """The address as somebody at this machine opens it: "every address" is none to go to."""
    return address.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
