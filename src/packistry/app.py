"""Wires the house to its web doors. The only file that knows every room."""

from collections.abc import AsyncGenerator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import structlog
from starlette.routing import Mount

from packistry.api.door import PREFIX, Door
from packistry.db.engine import THREADS
from packistry.db.watch import watch
from packistry.house import House, open_house
from packistry.packages.downloads import DownloadCounts
from packistry.repositories.address import PublicAddress
from packistry.repositories.serve import Registry
from packistry.settings import Settings, load_settings
from packistry.tokens.usage import TokenUses
from packistry.web.behind import application
from packistry.web.calling import Caller
from packistry.web.dists import DistSender
from packistry.web.documents import Documents
from packistry.web.exposition import exposition
from packistry.web.flushing import Flusher
from packistry.web.gauges import families
from packistry.web.identity import Identity
from packistry.web.metrics import Metrics
from packistry.web.orphans import end_with_parent
from packistry.web.pages.all import all_pages
from packistry.web.pages.site import Site
from packistry.web.pages.visits import PageParts
from packistry.web.publishing import Publishing
from packistry.web.requests import Origin, Receive, Scope, Send
from packistry.web.throttle import Throttle
from packistry.web.webhooks import Webhooks
from packistry.web.wire import ASGIApp, Wire, WireParts

log = structlog.get_logger()

# Archives that one worker reads at once. SQLite has one writer, and a core reads 100 MB in a second.
PUBLISHERS = 4
# Deliveries of code hosts that one worker reads at once: a large one takes a second, and keeps no reader waiting.
HOOK_THREADS = 4
# Pages that wait for a code host at once; a host may take half a minute to say nothing.
PATIENT_THREADS = 4


def create_app() -> ASGIApp:
    """The application of one worker. The server that starts it has already migrated the database."""
    end_with_parent()
    return Worker(load_settings())


class Worker:
    """One worker's ASGI application: everything is opened in its own event loop, when the server says it starts."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        assert self._app is not None, "the server must speak the lifespan protocol"
        await self._app(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with AsyncExitStack() as stack:
            try:
                self._app = await stack.enter_async_context(self._opened())
            except Exception as fault:
                # Said this way it ends the worker; a raised one the server would pass over, and serve nothing.
                log.exception("worker.failed")
                await send({"type": "lifespan.startup.failed", "message": str(fault)})
                return
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    @asynccontextmanager
    async def _opened(self) -> AsyncGenerator[ASGIApp]:
        with open_house(self._settings) as house, ThreadPoolExecutor(THREADS, thread_name_prefix="work") as executor:
            async with wire(house, executor) as app:
                yield app


def _make_api() -> Any:
    """The API's application. Imported when it is asked for: with its routes it costs about 1 s and 17 MB."""
    from packistry.api.application import make_application

    return make_application()


@asynccontextmanager
async def wire(house: House, executor: Executor) -> AsyncGenerator[Wire]:
    """The doors of a worker, in the event loop that runs; what they counted is written when they close."""
    settings = house.settings
    throttle = Throttle(settings.sign_in_attempts, settings.sign_in_window_seconds)
    identity = Identity(house.database, executor, throttle, password_cache_seconds=settings.password_cache_seconds)
    address = PublicAddress(house.database, settings.public_url)
    registry = Registry(
        house.database,
        house.storage,
        executor,
        cache_bytes=settings.document_cache_bytes,
        public_url=lambda: address.current,
    )
    watcher = watch(house.database, (identity.kept, address, *registry.subscribers))
    uses, counts = TokenUses(), DownloadCounts()
    publishers = ThreadPoolExecutor(PUBLISHERS, thread_name_prefix="publish")
    caller = Caller(watcher, identity, uses, registry)
    parts = WireParts(
        origin=Origin(settings, lambda: address.chosen),
        caller=caller,
        registry=registry,
        dists=DistSender(registry, counts, accel_prefix=settings.accel_redirect_prefix),
        documents=Documents(caller, registry),
        publishing=Publishing(caller, registry, house.uploads, counts, publishers),
    )
    receiver = house.receiver
    hook_threads = ThreadPoolExecutor(HOOK_THREADS, thread_name_prefix="hook")
    patient = ThreadPoolExecutor(PATIENT_THREADS, thread_name_prefix="patient")
    flusher = Flusher(house.database, (counts, uses, receiver.refused), settings.download_flush_seconds)
    flusher.start()
    try:
        pages = PageParts(settings, house.database, house.uploads, house.desk, house.mailing)
        site = Site(pages, identity, parts.origin, watcher, executor, patient=patient)
        webhooks = Webhooks(receiver, hook_threads)
        metrics = Metrics(settings, lambda: exposition(families(house.database, settings.data_dir)))
        door = Door(pages, caller=caller, origin=parts.origin, limits=site.limits, executor=executor, make=_make_api)
        routes = [*webhooks.routes(), *metrics.routes(), Mount(PREFIX, door), *site.routes(all_pages(site))]
        behind = application(house.database, routes)
        yield Wire(parts, behind)
    finally:
        hook_threads.shutdown()
        patient.shutdown()
        publishers.shutdown()
        flusher.stop()
        identity.close()
        await watcher.close()
