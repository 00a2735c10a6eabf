"""Runs the web workers: granian as the supervisor, with what we measured and what it gets wrong put right."""

import asyncio
import resource
import signal
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any, Final

import structlog
from granian.constants import HTTPModes, Interfaces, Loops, SSLProtocols
from granian.log import LogLevels
from granian.server import Server

from packistry.errors import InvalidInput
from packistry.web.stopping import STOPPING

# With granian's defaults about 2,050 connections that send nothing block the server; with these 10,000 do not.
BACKLOG: Final = 16_384
BACKPRESSURE: Final = 16_000
# A download that is still running after this is cut off; Composer tries again.
STOP_SECONDS: Final = 30
INSIST_SECONDS: Final = 0.5

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class TLS:
    """The files of a certificate chain and its key."""

    certificate: Path
    key: Path

    def check(self) -> None:
        """Refuses files that a server could not use."""
        try:
            # The answer stops OpenSSL from asking for a pass phrase on the terminal.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate, self.key, _no_pass_phrase)
        except (OSError, ssl.SSLError) as error:
            reason = error.strerror if isinstance(error, FileNotFoundError | PermissionError) else str(error)
            sentence = f"The certificate {self.certificate} with the key {self.key} cannot be used: {reason}."
            raise InvalidInput(sentence, field="tls_cert") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """Where and how to serve. `host` is an address, not a name."""

    host: str
    port: int
    workers: int
    tls: TLS | None
    log_level: str


def run_workers(serving: Serving, load: Callable[[], Any], when_told: Callable[[], None]) -> int:
    """Serves until SIGTERM, SIGINT or SIGHUP, and returns the exit code: 1 when the workers keep failing.

    `load` makes the application in each worker; a function of a module, because it may be sent to a new process.
    `when_told` is called, in a thread of its own, as soon as we are told to stop.
    """
    _raise_file_limit()
    server = _server(serving)
    _insist_on_stopping(server, when_told)
    _stop_when_terminal_closes(server)
    try:
        server.serve(target_loader=load, wrap_loader=False)
    except SystemExit as end:
        # It takes workers that were stopped together with it, as Ctrl-C and systemd do, for crashed ones.
        code = 0 if server.interrupt_signal else int(end.code or 0)
    else:
        code = 0
    log.info("server.stopped", exit_code=code)
    return code


def hear_stop() -> None:
    """In a worker, before it serves: lets it hear a signal to stop whenever that comes, and only once.

    granian leaves signals to the loop, and uvloop drops those that come between two of its runs: the worker would
    serve on. A second one while it finishes its requests would keep it from ending.
    """
    loop: Any = asyncio.get_event_loop()
    told = STOPPING

    def add_signal_handler(number: int, callback: Callable[..., object], *arguments: object) -> None:
        def hear(_number: int, _frame: FrameType | None) -> None:
            if not told.is_set():
                told.set()
                callback(*arguments)

        signal.signal(number, hear)

    loop.add_signal_handler = add_signal_handler
    # Until it serves it may just die. The handlers that it inherits set a flag nobody reads.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def _server(serving: Serving) -> Any:
    # granian's own types leave much unknown.
    make: Any = Server
    return make(
        "packistry",
        address=serving.host,
        port=serving.port,
        interface=Interfaces.ASGI,
        workers=serving.workers,
        loop=Loops.uvloop if find_spec("uvloop") else Loops.asyncio,
        http=HTTPModes.auto,
        websockets=False,
        backlog=BACKLOG,
        backpressure=BACKPRESSURE,
        log_level=LogLevels.debug if serving.log_level == "debug" else LogLevels.warning,
        # Its lines go the way of all others; see packistry.logs.
        log_dictconfig={"handlers": {}, "loggers": {"_granian": {"propagate": True}}},
        ssl_cert=serving.tls.certificate if serving.tls else None,
        ssl_key=serving.tls.key if serving.tls else None,
        ssl_protocol_min=SSLProtocols.tls12,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
    )


def _raise_file_limit() -> None:
    """As many connections as the system lets us have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _insist_on_stopping(server: Any, when_told: Callable[[], None]) -> None:
    """Tells the workers again: one that was just being made had no ears yet (see `hear_stop`)."""
    once = server.signal_handler_interrupt

    def stop(*_: object) -> None:
        once()
        threading.Thread(target=insist, name="stopping", daemon=True).start()

    def insist() -> None:
        when_told()
        while True:
            time.sleep(INSIST_SECONDS)
            # Those that ended are passed over.
            for worker in list(server.wrks):
                worker.terminate()

    server.signal_handler_interrupt = stop


def _stop_when_terminal_closes(server: Any) -> None:
    """granian would start its workers anew on SIGHUP, also under nohup, and go on without a terminal for ever."""
    ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN

    def stop(_number: int, _frame: FrameType | None) -> None:
        server.signal_handler_interrupt()

    # Called after granian has set its own.
    server.on_startup(lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else stop))


def _no_pass_phrase() -> str:
    raise InvalidInput("The key of the certificate is locked by a pass phrase; give one without.", field="tls_key")
